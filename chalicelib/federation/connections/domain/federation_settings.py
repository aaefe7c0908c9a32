"""What this desk lets other desks do."""

from dataclasses import dataclass
from enum import StrEnum


class FederationMode(StrEnum):
    """Who may ask to be connected: anybody, nobody, or people of approved instances only."""

    OPEN = "open"
    CLOSED = "closed"
    ALLOWLIST = "allowlist"


@dataclass(frozen=True)
class FederationSettings:
    """What this desk lets other desks do."""

    mode: FederationMode = FederationMode.CLOSED
    inbound: bool = False
    approval: bool = True
