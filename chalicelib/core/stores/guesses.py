"""Wrong credentials, in the table `network`.

GUESSES#FROM#<network address> / <day>, GUESSES#AT#<target> / <day>   number, lastAt
SHOWN#<SHA-256 of a right credential> / <network address>             shownOn: it came from there that day

expiresAt is the table's TTL. Days are UTC, so what TTL has not deleted yet does not count.
"""

from datetime import UTC, datetime, timedelta

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.guesses import KNOWN_DAYS, Attempts, Misses
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import put, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import commit
from chalicelib.resources import NETWORK

_DAY = timedelta(days=1)


class DynamoGuesses:
    def find(self, address: str, target: str, secret_hash: str, *, now: datetime) -> Attempts:
        """Find what was tried from the address and at the target today. One store call."""
        keys = [_from(address, now), _at(target, now), _shown(secret_hash, address)]
        rows = {row["pk"]: row for row in get_all(NETWORK, keys)}
        shown_on = rows.get(keys[2]["pk"], {}).get("shownOn", "")
        return Attempts(
            _misses(rows.get(keys[0]["pk"])),
            _misses(rows.get(keys[1]["pk"])),
            is_known=shown_on > _day(now - KNOWN_DAYS * _DAY),
            is_due=shown_on != _day(now),
        )

    def count_miss(self, address: str, target: str, *, now: datetime) -> None:
        """Count a wrong credential from the address and at the target. One store call.

        A miss is not counted when too many are being counted at once: then those are.
        """
        try:
            commit([_count(key, now) for key in (_from(address, now), _at(target, now))])
        except Unavailable:
            return

    def note_shown(self, secret_hash: str, address: str, *, now: datetime) -> None:
        """Note that a right credential came from the address. One store call."""
        expires = int((now + (KNOWN_DAYS + 1) * _DAY).timestamp())
        commit([put(NETWORK, _shown(secret_hash, address) | {"shownOn": _day(now), "expiresAt": expires})])


def _count(key: Row, now: datetime) -> Action:
    at = int(now.timestamp())
    return update(
        NETWORK, key, "SET lastAt = :at, expiresAt = :expires ADD #number :one", at=at, expires=at + 2 * 86400, one=1
    )


def _from(address: str, now: datetime) -> Row:
    return {"pk": f"GUESSES#FROM#{address}", "sk": _day(now)}


def _at(target: str, now: datetime) -> Row:
    return {"pk": f"GUESSES#AT#{target}", "sk": _day(now)}


def _shown(secret_hash: str, address: str) -> Row:
    return {"pk": f"SHOWN#{secret_hash}", "sk": address}


def _misses(row: Row | None) -> Misses:
    return Misses(int(row["number"]), int(row["lastAt"])) if row else Misses()


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
