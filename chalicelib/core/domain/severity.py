"""The severity of an event, and the cost of publishing it."""

from enum import StrEnum


class Severity(StrEnum):
    """How serious the event is in the system it comes from."""

    CRITICAL = "critical"
    WARN = "warn"
    INFO = "info"
    SUCCESS = "success"

    @property
    def rank(self) -> int:
        """Higher is more severe; info and success are equal."""
        return 2 if self is Severity.CRITICAL else 1 if self is Severity.WARN else 0

    @property
    def units(self) -> int:
        """The units of the per-minute budget that publishing an event of this severity costs."""
        return 1 if self.rank else 2
