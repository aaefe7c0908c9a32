"""Desks that publish keys, in the table `peers`.

DESK#<origin> / DESK  seenAt: when keys were seen there last, to the day; expiresAt is the table's TTL
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.stores.actions import NEW, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.connections.domain.known_desks import REMEMBERED
from chalicelib.resources import PEERS


class DynamoKnownDesks:
    def note(self, origin: str, *, now: datetime) -> None:
        """Note that the desk at this canonical origin publishes keys. One store call; it writes once a day."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends_at = int((day + REMEMBERED).timestamp())
        is_new = f"{NEW} OR seenAt < :at"
        try_commit(
            [
                update(
                    PEERS, _key(origin), "SET seenAt = :at, expiresAt = :ends", is_new, at=timestamp(day), ends=ends_at
                )
            ]
        )

    def find_last_seen(self, origins: Sequence[str]) -> datetime | None:
        """Return when keys were last seen at one of these origins; None if never. One store call."""
        seen = [row["seenAt"] for row in get_all(PEERS, map(_key, origins))]
        return parse_timestamp(max(seen)) if seen else None


def _key(origin: str) -> Row:
    return {"pk": f"DESK#{origin}", "sk": "DESK"}
