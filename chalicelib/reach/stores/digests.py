"""Digests, in the table `deliveries`: pk = digest id, sk = DIGEST#<user id>.

at; deliveryIds; isFull, if there were more; closedAt: since when it takes up no more; dueQueue, dueAt: when the due
index announces it, among the snoozes, until it is closed
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.stores.actions import EXISTS, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import delivery_key, from_row
from chalicelib.inbox.stores.snoozes import due_key
from chalicelib.reach.domain.digests import MOST_IN_DIGEST, Digest, digest_id_of
from chalicelib.resources import DELIVERIES

DIGEST = "DIGEST#"
# What a digest shows of a delivery, and what says whether it is unread.
_ATTRIBUTES = (
    *("pk", "sk", "integrator", "toolsTokenId", "recipientUserId", "eventType", "severity", "title", "summary"),
    *("occurredAt", "createdAt", "fireCount", "resolvedAt", "readAt", "archivedAt", "snoozedUntil", "expiresAt"),
    "moderation",
)


class DynamoDigests:
    def add(self, user_id: str, at: str, delivery_id: str) -> bool:
        """Leave a delivery for the digest of a time; False if that is closed. One store call; two if it is full."""
        key = digest_key(user_id, digest_id_of(user_id, at))
        end = parse_timestamp(at) + retention.DIGESTS.kept
        taken_up = update(
            DELIVERIES,
            key,
            "SET #at = :at, dueQueue = if_not_exists(dueQueue, :queue), dueAt = if_not_exists(dueAt, :at),"
            " expiresAt = :expires ADD deliveryIds :ids",
            "attribute_not_exists(closedAt) AND (attribute_not_exists(deliveryIds) OR size(deliveryIds) < :most"
            " OR contains(deliveryIds, :id))",
            at=at,
            queue=due_key(key["pk"]),
            expires=int(end.timestamp()),
            ids={delivery_id},
            id=delivery_id,
            most=MOST_IN_DIGEST,
        )
        try:
            commit([taken_up])
        except Refused as refused:
            (row,) = refused.rows
            if delivery_id in row["deliveryIds"]:
                return True
            is_full = update(DELIVERIES, key, "SET isFull = :yes", "attribute_not_exists(closedAt)", yes=True)
            return "closedAt" not in row and try_commit([is_full])
        return True

    def close(self, user_id: str, digest_id: str, *, now: datetime) -> Digest | None:
        """Return a digest, which takes up nothing from now on; None if there is none. One store call."""
        closed = update(
            DELIVERIES,
            digest_key(user_id, digest_id),
            "SET closedAt = if_not_exists(closedAt, :now) REMOVE dueQueue, dueAt",
            EXISTS,
            now=timestamp(now),
        )
        row = change_row(closed)
        if row is None:
            return None
        ids = frozenset(row["deliveryIds"])
        return Digest(user_id, row["at"], ids, int(row["expiresAt"]), row.get("isFull", False))

    def list_deliveries(self, delivery_ids: Iterable[str]) -> list[Delivery]:
        """Read deliveries as digests show them, in any order, consistently. One store call for a hundred."""
        rows = get_all(DELIVERIES, [delivery_key(each) for each in sorted(delivery_ids)], _ATTRIBUTES)
        return [from_row(row) for row in rows]


def digest_key(user_id: str, digest_id: str) -> Row:
    return {"pk": digest_id, "sk": f"{DIGEST}{user_id}"}
