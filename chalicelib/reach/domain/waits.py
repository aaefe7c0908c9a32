"""Waits: how long e-mail and channels wait before they are sent a notification, in case it is read meanwhile."""

from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import WHOLE, In, Out
from chalicelib.core.domain.retries import LONGEST_DELAY
from chalicelib.core.domain.severity import Severity

# A message of a queue waits no longer.
LONGEST_WAIT = int(LONGEST_DELAY.total_seconds())
_DEFAULTS = {Severity.WARN: 60}
_DEFAULT = 120

_Seconds = Annotated[int, Field(ge=0, le=LONGEST_WAIT), WHOLE]


class Waits(In):
    """The seconds that e-mail and kinds of channels wait. null stands for 60 for warnings, and 120 for what is less."""

    email: _Seconds | None = None
    chat: _Seconds | None = None
    webhook: _Seconds | None = None

    def of(self, kind: str, severity: Severity) -> int:
        """Return the seconds that e-mail, or a kind of channel, waits; none for critical events, whatever is set."""
        if severity is Severity.CRITICAL:
            return 0
        chosen: int | None = getattr(self, kind)
        return _DEFAULTS.get(severity, _DEFAULT) if chosen is None else chosen


class WaitsOut(Out):
    """The seconds that e-mail and each kind of channel wait."""

    email: int | None
    chat: int | None
    webhook: int | None
