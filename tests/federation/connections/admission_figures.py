"""Print the cases of the generated tables of admission: `python -m tests.federation.connections.admission_figures`.

The tests carry out every one of these cases and compare the answer with the rule that is counted here.
"""

import itertools
from collections import Counter
from collections.abc import Iterable

from tests.federation.connections.test_admission_table import (
    CLAIMED,
    DOORS,
    INGRESS,
    PEERS_OF,
    PROOFS,
    REQUEST_PROOFS,
    STATES,
    Case,
    Request,
)
from tests.laws.test_strangers import BOUNDS, CHECKED, GUARDED, MADE, TAKEN

_MODES, _UNVERIFIED = ("closed", "allowlist", "open"), ("refuse", "pending", "accept")
_INGRESS_STATES = ("inbound off", "no address", "closed", "open")


def over_connections() -> Counter[str]:
    """Count what may come in over a connection, by outcome."""
    cases = itertools.product(DOORS, PEERS_OF, STATES, PROOFS, (True, False))
    return Counter("refused" if Case(*each).expected else "let in" for each in cases)


def connection_requests() -> Counter[str]:
    """Count connection requests, by outcome."""
    cases = itertools.product(map(str, CLAIMED), REQUEST_PROOFS, _MODES, _UNVERIFIED, (True, False))
    return Counter(_outcome_of(Request(*each)) for each in cases)


def ingresses() -> Counter[str]:
    """Count the operations that other desks call, each with every setting that ends them."""
    refused = sum(
        state in ("inbound off", "no address") or (state == "closed" and ends_when_closed)
        for ends_when_closed, state in itertools.product(INGRESS.values(), _INGRESS_STATES)
    )
    return Counter({"refused": refused, "let in": len(INGRESS) * len(_INGRESS_STATES) - refused})


def _outcome_of(request: Request) -> str:
    if request.status != 200:
        return "refused"
    if request.outcome is None:
        return "seen by nobody"
    status, is_verified = request.outcome
    return f"{status}, {'verified' if is_verified else 'unverified'}"


def _print(what: str, doors: int, found: Counter[str]) -> None:
    outcomes: Iterable[tuple[str, int]] = sorted(found.items())
    print(f"{what}: {doors} doors, {found.total()} cases; {', '.join(f'{n} {name}' for name, n in outcomes)}")


def main() -> None:
    _print("Over a connection", len(DOORS), over_connections())
    _print("Connection requests", 1, connection_requests())
    _print("Operations for other desks", len(INGRESS), ingresses())
    print(f"Operations without a credential: {len(BOUNDS)}, each with its bound")
    print(
        f"Secrets: {len(MADE)} makers, {len(TAKEN)} fields; "
        f"{len(CHECKED)} doors with a checksum, {len(GUARDED)} with waits"
    )


if __name__ == "__main__":
    main()
