"""The federation settings of this desk."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.federation.connections.domain.origins import is_below

# Characters of a token that a peer chose, outside of compatibility mode.
LEAST_TOKEN = 32
TRUSTS_CLAIMS = (
    "Warning: this desk takes connection requests at their word (--unverified accept). Anybody can connect in the name"
    " of a desk that publishes no keys. Such connections are shown as unverified."
)


class FederationMode(StrEnum):
    """The desks that may send connection requests: all, none, or approved instances only."""

    OPEN = "open"
    CLOSED = "closed"
    ALLOWLIST = "allowlist"


class Unverified(StrEnum):
    """What becomes of a connection request whose desk can confirm nothing, such as a plain client of the contract."""

    REFUSE = "refuse"
    # Listed to the person as unverified, and active once they accept it.
    PENDING = "pending"
    # The contract's behaviour to the letter: active at once in open mode without approval.
    ACCEPT = "accept"


@dataclass(frozen=True)
class FederationSettings:
    """The federation settings. `inbound` lets peers in; with `approval` people accept their requests themselves.

    `compatible` is whether tokens that peers choose may be short; None takes short ones from desks without keys only.
    `suspended` are the origins of instances that an operator suspended, and `blocked` those that an operator blocked:
    nothing comes in from them and from addresses below them, whatever they can prove.
    """

    mode: FederationMode = FederationMode.CLOSED
    inbound: bool = False
    approval: bool = True
    unverified: Unverified = Unverified.PENDING
    compatible: bool | None = None
    suspended: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()

    @property
    def trusts_claims(self) -> bool:
        """Whether requests that nobody confirmed are taken at their word."""
        return self.unverified is Unverified.ACCEPT and self.mode is FederationMode.OPEN

    def takes_token(self, token: str, *, publishes_keys: bool) -> bool:
        """Whether a token that a peer chose is long enough."""
        compatible = not publishes_keys if self.compatible is None else self.compatible
        return compatible or len(token) >= LEAST_TOKEN

    def cuts(self, origin: str) -> bool:
        """Whether nothing passes between this desk and that one. `origin` is canonical."""
        return self.blocks(origin) or any(is_below(origin, each) for each in self.suspended)

    def blocks(self, origin: str) -> bool:
        """Whether an operator blocked the desk at this canonical origin."""
        return any(is_below(origin, each) for each in self.blocked)
