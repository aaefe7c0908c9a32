"""Snoozes of deliveries, in the table `deliveries`: pk = delivery id, sk = SNOOZE.

until; isOver; dueQueue, dueAt: when the due index announces its end, if no message has. A bulk change snoozes many at
once, so the index has them in several partitions: dueQueue = snoozes#0 to snoozes#7, or snoozes in older rows. Other
rows of deliveries that end at a time are in the same partitions.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from zlib import crc32

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, put, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import list_due, query
from chalicelib.core.stores.writes import try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.snoozes import SNOOZE, DueEnd, Snooze
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, end_with, from_row, state_update
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, SNOOZES

SHARDS = 8


def snooze_actions(before: Delivery, after: Delivery) -> list[Action]:
    """Return the actions by which the row of a delivery's snooze follows a change of its state."""
    if after.snoozed_until == before.snoozed_until:
        return []
    if after.snoozed_until is None:
        return [delete(DELIVERIES, _key(after.delivery_id))]
    until = {"until": after.snoozed_until, "dueQueue": due_key(after.delivery_id), "dueAt": after.snoozed_until}
    return [put(DELIVERIES, _key(after.delivery_id) | until | end_with(after))]


class DynamoSnoozes:
    def list_due(self, *, now: datetime, limit: int) -> Sequence[DueEnd]:
        """Return the ends of deliveries' snoozes and the like that are due; of each shard the longest due ones.

        If fewer than `limit` are returned, no others are due. Nine store calls at the same time.
        """
        keys = (SNOOZES.name, *(f"{SNOOZES.name}#{shard}" for shard in range(SHARDS)))
        pages = gather(*(partial(list_due, DELIVERIES, key, now=now, limit=limit) for key in keys))
        return [DueEnd(row["pk"], row["sk"], row["dueAt"]) for page in pages for row in page]

    def postpone(self, end: DueEnd, *, until: str) -> bool:
        """Move the due time on; False if another call has. One store call."""
        key = {"pk": end.of, "sk": end.what}
        moved = update(DELIVERIES, key, "SET dueAt = :to", "dueAt = :due", to=until, due=end.due_at)
        return try_commit([moved])

    def find(self, delivery_id: str) -> tuple[Delivery | None, Snooze | None]:
        """Find a delivery, without supplements and clicks, and its snooze, read consistently. One store call."""
        rows = query(
            DELIVERIES,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=values(pk=delivery_id, first=SORT_KEY, last=SNOOZE),
            ConsistentRead=True,
        )
        found = {row["sk"]: row for row in rows}
        delivery, snooze = found.get(SORT_KEY), found.get(SNOOZE)
        return from_row(delivery) if delivery else None, _from_row(snooze) if snooze else None

    def end(self, before: Delivery, after: Delivery, snooze: Snooze) -> bool:
        """Bring a delivery back, and mark its snooze as over; False if either has changed. One store call."""
        over = update(
            DELIVERIES, _key(snooze.delivery_id), "SET isOver = :yes", "#until = :until", yes=True, until=snooze.until
        )
        return try_commit([state_update(before, after), over])

    def remove(self, snooze: Snooze) -> None:
        """Delete a snooze, unless there is another one by now. One store call."""
        try_commit([delete(DELIVERIES, _key(snooze.delivery_id), "#until = :until", until=snooze.until)])


def due_key(delivery_id: str) -> str:
    # The ids of one recipient have the same end, so the whole id decides.
    return f"{SNOOZES.name}#{crc32(delivery_id.encode()) % SHARDS}"


def _key(delivery_id: str) -> Row:
    return {"pk": delivery_id, "sk": SNOOZE}


def _from_row(row: Row) -> Snooze:
    return Snooze(row["pk"], row["until"], is_over=row.get("isOver", False))
