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
    """The federation settings. `inbound` lets peers in; with `approval` people accept their requests themselves."""

    mode: FederationMode = FederationMode.CLOSED
    inbound: bool = False
    approval: bool = True
