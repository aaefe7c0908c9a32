"""The federation settings of this desk."""

from dataclasses import dataclass
from enum import StrEnum


class FederationMode(StrEnum):
    """The desks that may send connection requests: all, none, or approved instances only."""

    OPEN = "open"
    CLOSED = "closed"
    ALLOWLIST = "allowlist"


@dataclass(frozen=True)
class FederationSettings:
    """The federation settings. `inbound` lets peers in; with `approval` people accept their requests themselves.

    `suspended` are the origins that an operator suspended: nothing comes in from them, whatever they can prove.
    """

    mode: FederationMode = FederationMode.CLOSED
    inbound: bool = False
    approval: bool = True
    suspended: frozenset[str] = frozenset()

    def cuts(self, origin: str) -> bool:
        """Whether nothing passes between this desk and that one. `origin` is canonical."""
        return origin in self.suspended
