"""The table `deliveries`: a delivery, the clicks on its buttons and its supplements under one partition key.

pk = delivery id; sk = ACTION#<index> (see clicks), DELIVERY, or SUPPLEMENT#<time>#<id>
pk = FIRE#<fire>; sk = delivery id: a bulk send that was counted as a repeat
index inbox: recipientUserId, inboxKey (see inbox; held deliveries have no recipient yet, so no inbox shows them)
index due: dueQueue, dueAt (clicks whose callback has an attempt to come)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.attempts import pause
from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.inbox.domain.deliveries import MOST_SUPPLEMENTS, Delivery, DeliveryDetail, RecordedDelivery, Supplement
from chalicelib.inbox.domain.inbox_states import return_to_inbox
from chalicelib.inbox.stores.clicks import click_of
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, delivery_key, from_row, state_update, to_row
from chalicelib.resources import DELIVERIES

Reply = Callable[[RecordedDelivery], dict[str, Any]]

# The sends of the last one to two minutes are remembered by id, so that a retry below us, which
# repeats the very same request within seconds, is not counted again. Sets of three minutes take
# turns: a send enters its own minute's, and clears the oldest.
_FIRE_SETS = 3
_FIRE_SET_SECONDS = 60

# A message may come again as long as it can rest in a queue and then in its dead-letter queue.
_FIRES_KEPT_FOR = timedelta(days=30)

_ATTEMPTS = 20


class DynamoDeliveries:
    def record(
        self, delivery: Delivery, *, fire: str, now: datetime, claim: Claim | None, reply: Reply
    ) -> RecordedDelivery:
        """Store the delivery, or count one more send of it; of concurrent sends exactly one is the first.

        One store call; with a claim one when new, two when it is a repeat.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if claim is None:
            return self._send(delivery, fire=fire, now=now)
        first = RecordedDelivery(delivery, is_new=True)
        put = {
            "TableName": DELIVERIES.physical_name,
            "Item": to_item(
                delivery_key(delivery.delivery_id) | to_row(delivery) | {"fireCount": 1, "firstFire": fire}
            ),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            commit([{"Put": put}], claim=claim, reply=reply(first))
        except Refused as refused:
            return self._repeat_under(claim, from_row(refused.rows[0]), reply, now=now)
        return first

    def repeat(
        self, delivery: Delivery, *, fire: str, now: datetime, claim: Claim | None, reply: Reply
    ) -> RecordedDelivery:
        """Count one more send of a delivery that is stored already. One store call; with a claim two.

        Raises:
            NotFound: it is not stored.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = to_item(delivery_key(delivery.delivery_id))
        if claim is None:
            sets, condition, named = _counted(fire, now)
            row = _updated(
                {
                    "TableName": DELIVERIES.physical_name,
                    "Key": key,
                    "UpdateExpression": f"SET fireCount = fireCount + :one {sets}",
                    "ConditionExpression": f"attribute_exists(pk) AND {condition}",
                    "ExpressionAttributeValues": named | values(one=1),
                }
            )
            if row is not None:
                return self._sent(row, fire, now)
        else:
            got = dynamodb().get_item(TableName=DELIVERIES.physical_name, Key=key, ConsistentRead=True)
            if "Item" in got:
                return self._repeat_under(claim, from_row(from_item(dict(got["Item"]))), reply, now=now)
        raise NotFound("No such delivery.")

    def deliver(self, delivery: Delivery, *, fire: str, now: datetime) -> RecordedDelivery:
        """Store a bulk delivery, or count one more send of it.

        The same fire is counted once, however late it comes again. One store call; two for a repeat.

        Raises:
            Unavailable: it is being changed by many at once.
        """
        put: Action = {
            "Put": {
                "TableName": DELIVERIES.physical_name,
                "Item": to_item(
                    delivery_key(delivery.delivery_id) | to_row(delivery) | {"fireCount": 1, "firstFire": fire}
                ),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        try:
            commit([put], claim=None, reply={})
        except Refused as refused:
            known = from_row(refused.rows[0])
            if refused.rows[0]["firstFire"] == fire:
                return RecordedDelivery(known, is_new=False)
            return self._count_once(known, fire, now)
        return RecordedDelivery(delivery, is_new=True)

    def list_first_fires(self, delivery_ids: Sequence[str]) -> dict[str, str]:
        """Which of the deliveries are stored, and by which fire each was first. Store calls in sequence: 1."""
        rows = get_all(DELIVERIES, [delivery_key(each) for each in delivery_ids], ("pk", "sk", "firstFire"))
        return {row["pk"]: row["firstFire"] for row in rows}

    def find(self, delivery_id: str) -> DeliveryDetail | None:
        """The delivery with its supplements and clicks, read consistently. One store call per megabyte."""
        return self._thread("pk = :pk", values(pk=delivery_id))

    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None:
        """The delivery with its clicks and without its supplements, read consistently. One store call."""
        # Rows are keyed in the order of the alphabet: ACTION#, DELIVERY, SUPPLEMENT#.
        return self._thread("pk = :pk AND sk <= :last", values(pk=delivery_id, last=SORT_KEY))

    def resolve(self, resolved: Delivery, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Stamp the delivery as `resolved` says; False when it bears another stamp by now. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        update = {
            "TableName": DELIVERIES.physical_name,
            "Key": to_item(delivery_key(resolved.delivery_id)),
            "UpdateExpression": "SET resolvedAt = :at, resolutionNote = :note",
            "ConditionExpression": "attribute_not_exists(resolvedAt) OR (resolvedAt = :at AND resolutionNote = :note)",
            "ExpressionAttributeValues": values(at=resolved.resolved_at, note=resolved.resolution_note),
        }
        try:
            commit([{"Update": update}], claim=claim, reply=reply)
        except Refused:
            return False
        return True

    def add_supplement(
        self, delivery_id: str, added: Supplement, *, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Append a supplement; False when the delivery has all it may have. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        count: Action = {
            "Update": {
                "TableName": DELIVERIES.physical_name,
                "Key": to_item(delivery_key(delivery_id)),
                "UpdateExpression": "SET supplementCount = if_not_exists(supplementCount, :none) + :one",
                "ConditionExpression": "attribute_not_exists(supplementCount) OR supplementCount < :most",
                "ExpressionAttributeValues": values(none=0, one=1, most=MOST_SUPPLEMENTS),
            }
        }
        row = {
            "pk": delivery_id,
            "sk": f"SUPPLEMENT#{added.created_at}#{added.supplement_id}",
            "supplementId": added.supplement_id,
            "markdownBody": added.markdown_body,
            "createdAt": added.created_at,
        }
        put: Action = {
            "Put": {
                "TableName": DELIVERIES.physical_name,
                "Item": to_item(row),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        try:
            commit([count, put], claim=claim, reply=reply)
        except Refused as refused:
            # Supplement ids are fresh, so a row met under ours is our own, written by a retry below us.
            return bool(refused.rows[1])
        return True

    def _thread(self, condition: str, named: dict[str, Any]) -> DeliveryDetail | None:
        rows: list[Row] = []
        query: dict[str, Any] = {
            "TableName": DELIVERIES.physical_name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": named,
            "ConsistentRead": True,
        }
        while True:
            page = dynamodb().query(**query)
            rows += [from_item(dict(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        kinds: dict[str, list[Row]] = {}
        for row in rows:
            kinds.setdefault(row["sk"].partition("#")[0], []).append(row)
        if SORT_KEY not in kinds:
            return None
        return DeliveryDetail(
            from_row(kinds[SORT_KEY][0]),
            [_supplement(row) for row in kinds.get("SUPPLEMENT", [])],
            [click_of(row) for row in kinds.get("ACTION", [])],
        )

    def _count_once(self, known: Delivery, fire: str, now: datetime) -> RecordedDelivery:
        mark = {"pk": f"FIRE#{fire}", "sk": known.delivery_id, "expiresAt": int((now + _FIRES_KEPT_FOR).timestamp())}
        marked: Action = {
            "Put": {
                "TableName": DELIVERIES.physical_name,
                "Item": to_item(mark),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        for attempt in range(_ATTEMPTS):
            back = return_to_inbox(known, now=now)
            counted = state_update(
                known, back or known, sets=["fireCount = fireCount + :one", "sentInBulk = :yes"], one=1, yes=True
            )
            try:
                commit([marked, counted], claim=None, reply={})
            except Refused as refused:
                if 0 in refused.failed:
                    return RecordedDelivery(known, is_new=False)
                known = from_row(refused.rows[1])
                pause(attempt)
            else:
                return RecordedDelivery(back or known, is_new=False, is_returned=back is not None)
        raise Unavailable("The delivery is being changed by many calls at once.")

    def _send(self, delivery: Delivery, *, fire: str, now: datetime) -> RecordedDelivery:
        sets, condition, named = _counted(fire, now)
        columns = to_row(delivery) | {"firstFire": fire}
        original = _original(tuple(columns))
        row = _updated(
            {
                "TableName": DELIVERIES.physical_name,
                "Key": to_item(delivery_key(delivery.delivery_id)),
                "UpdateExpression": f"SET {original}, fireCount = if_not_exists(fireCount, :zero) + :one {sets}",
                "ConditionExpression": condition,
                "ExpressionAttributeValues": named | values(zero=0, one=1, **columns),
            }
        )
        assert row is not None
        if row["firstFire"] == fire and row["fireCount"] == 1:
            return RecordedDelivery(delivery, is_new=True)
        return self._sent(row, fire, now)

    def _sent(self, row: Row, fire: str, now: datetime) -> RecordedDelivery:
        delivery, first = from_row(row), row["firstFire"] == fire
        back = None if first else return_to_inbox(delivery, now=now)
        if back is None:
            return RecordedDelivery(delivery, first)
        try:
            commit([state_update(delivery, back)], claim=None, reply={})
        except Refused:
            # Its recipient, or another fire, was there first; the last word is theirs.
            return RecordedDelivery(delivery, is_new=False)
        return RecordedDelivery(back, is_new=False, is_returned=True)

    def _repeat_under(self, claim: Claim, known: Delivery, reply: Reply, *, now: datetime) -> RecordedDelivery:
        for attempt in range(_ATTEMPTS):
            back = return_to_inbox(known, now=now)
            counted = RecordedDelivery(
                replace(back or known, fire_count=known.fire_count + 1), is_new=False, is_returned=back is not None
            )
            update = state_update(
                known,
                back or known,
                sets=["fireCount = :next"],
                only_if=["fireCount = :known"],
                known=known.fire_count,
                next=counted.delivery.fire_count,
            )
            try:
                commit([update], claim=claim, reply=reply(counted))
            except Refused as refused:
                known = from_row(refused.rows[0])
                pause(attempt)
            else:
                return counted
        raise Unavailable("The delivery is being sent by many calls at once.")


@cache
def _original(names: tuple[str, ...]) -> str:
    """The part of an update that leaves what is there."""
    return ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in names)


def _counted(fire: str, now: datetime) -> tuple[str, str, dict[str, Any]]:
    turn = int(now.timestamp()) // _FIRE_SET_SECONDS
    current, oldest = f"fires{turn % _FIRE_SETS}", f"fires{(turn + 1) % _FIRE_SETS}"
    return (
        f"ADD {current} :fires REMOVE {oldest}",
        f"(attribute_not_exists({current}) OR NOT contains({current}, :fire))",
        values(fires={fire}, fire=fire),
    )


def _updated(request: dict[str, Any]) -> Row | None:
    # The row either way: after the update, or as the refused condition met it; None when there is none.
    try:
        done = dynamodb().update_item(**request, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        item: Any = error.response.get("Item")
        return from_item(item) if item else None
    return from_item(dict(done["Attributes"]))


def _supplement(row: Row) -> Supplement:
    return Supplement(row["supplementId"], row["markdownBody"], row["createdAt"])
