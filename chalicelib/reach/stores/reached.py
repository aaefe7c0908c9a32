"""Deliveries and whether they are held, in the table `deliveries`: pk = delivery id, sk = HOLD#<user id>.

messageId, until; isInDigest, if it is; dueQueue, dueAt: when the due index announces the end, among the snoozes, if no
message has; ends with the delivery
"""

from datetime import datetime, timedelta

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import delete, put, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, end_with, from_row
from chalicelib.inbox.stores.snoozes import due_key
from chalicelib.reach.domain.holds import Hold
from chalicelib.resources import DELIVERIES

HOLD = "HOLD#"
# Longer than the queue can be down before its operators mend it.
_REFUSED_FOR = timedelta(days=7)


class DynamoReached:
    def find(self, delivery_id: str, user_id: str) -> tuple[Delivery | None, Hold | None]:
        """Find a person's delivery, and whether it is held, read consistently. One store call."""
        rows = query(
            DELIVERIES,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=values(pk=delivery_id, first=SORT_KEY, last=HOLD + user_id),
            ConsistentRead=True,
        )
        found = {row["sk"]: row for row in rows}
        delivery, hold = found.get(SORT_KEY), found.get(HOLD + user_id)
        mine = from_row(delivery) if delivery else None
        if mine and mine.recipient_user_id != user_id:
            mine = None
        if hold is None:
            return mine, None
        return mine, Hold(delivery_id, user_id, hold["messageId"], hold["until"], hold.get("isInDigest", False))

    def hold(self, delivery: Delivery, hold: Hold) -> None:
        """Hold a delivery, in place of what held it before. One store call."""
        due = {"dueQueue": due_key(hold.delivery_id), "dueAt": hold.until}
        row: Row = {"messageId": hold.message_id, "until": hold.until}
        row |= {"isInDigest": True} if hold.is_in_digest else {}
        commit([put(DELIVERIES, _key(hold) | row | due | end_with(delivery))])

    def hold_refused(self, user_id: str, delivery_id: str, message_id: str, *, now: datetime) -> None:
        """Hold a delivery whose message the queue refused, until the due index announces it. One store call."""
        at = timestamp(now)
        held = update(
            DELIVERIES,
            _key(Hold(delivery_id, user_id, message_id, at)),
            "SET messageId = :message, #until = :at, dueQueue = :queue, dueAt = :at, expiresAt = :end",
            message=message_id,
            at=at,
            queue=due_key(delivery_id),
            end=int((now + _REFUSED_FOR).timestamp()),
        )
        commit([held])

    def release(self, hold: Hold) -> None:
        """Hold a delivery no longer, unless it is held anew. One store call."""
        try_commit([delete(DELIVERIES, _key(hold), "messageId = :id", id=hold.message_id)])


def _key(hold: Hold) -> Row:
    return {"pk": hold.delivery_id, "sk": HOLD + hold.user_id}
