"""Endpoints of callbacks: when one is failing, when it is paused, and when it is probed.

An endpoint is the origin (scheme, host and port) to which an integrator's buttons call back: URLs of buttons often name
the matter in their path, so a path says little about the server behind it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import RetryLadder

# An endpoint that only fails for so long is paused.
PAUSED_AFTER = timedelta(days=5)
# Failures further apart than this are not one failure: longer than the longest wait between two attempts.
_ONE_FAILURE = timedelta(hours=36)
# Failures are noted so often, so that a failing endpoint costs few writes.
_NOTED_EVERY = timedelta(hours=1)
# A paused endpoint is probed after so long: the wait doubles, up to a day.
FIRST_PROBE = timedelta(hours=1)
LONGEST_PROBE = timedelta(days=1)
# A callback was attempted so often that it is not sent again, which bounds its row.
MOST_ATTEMPTS = 50
# Of a callback that serves as a probe. Its attempts don't use up its retries.
PROBE_RETRIES = RetryLadder((timedelta(days=1),) * MOST_ATTEMPTS)
# An integrator can pause so many by hand.
MOST_PAUSED = 200


class PausedBy(StrEnum):
    """Who paused an endpoint: an administrator, its integrator, or the desk because it only failed."""

    OPERATOR = "operator"
    INTEGRATOR = "integrator"
    FAILURES = "failures"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that fails or is paused. Others have no row."""

    integrator: str
    origin: str
    failing_since: str | None = None
    last_failed_at: str | None = None
    paused_at: str | None = None
    paused_by: PausedBy | None = None
    next_probe_at: str | None = None

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_probed(self) -> bool:
        """Whether a success ends the pause: only what failures have paused, a person did not."""
        return self.paused_by is PausedBy.FAILURES


def origin_of(url: str) -> str:
    """Return the origin of a URL, as in `https://ci.example.com` or `https://ci.example.com:8443`."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()
    return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}"


def after_failure(known: Endpoint | None, *, integrator: str, origin: str, now: datetime) -> Endpoint | None:
    """Return the endpoint after another failure; None if nothing has to be stored."""
    first = Endpoint(integrator, origin, failing_since=timestamp(now), last_failed_at=timestamp(now))
    if known is None:
        return first
    if known.is_paused:
        return None
    if not (known.failing_since and known.last_failed_at):
        return first
    since_last = now - parse_timestamp(known.last_failed_at)
    if since_last > _ONE_FAILURE:
        return first
    if now - parse_timestamp(known.failing_since) >= PAUSED_AFTER:
        return replace(
            known,
            last_failed_at=timestamp(now),
            paused_at=timestamp(now),
            paused_by=PausedBy.FAILURES,
            next_probe_at=timestamp(now + FIRST_PROBE),
        )
    return replace(known, last_failed_at=timestamp(now)) if since_last >= _NOTED_EVERY else None


def probe_after(paused_at: str, *, now: datetime) -> datetime:
    """Return when the next probe is due after the one at `now`: after as long as the pause has lasted, in bounds."""
    return now + min(max(now - parse_timestamp(paused_at), FIRST_PROBE), LONGEST_PROBE)
