"""Sends of an event, recorded in the row of its delivery (table `deliveries`).

firstFire: the id of the first send; fireCount: the number of sends; fires0 to fires2: the ids of the latest ones;
firedAt: when it was sent last, in milliseconds, which rows of earlier releases don't say before their next send
pk = FIRE#<fire>; sk = delivery id: a bulk send that was counted as a repeat
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import retention
from chalicelib.aws import dynamodb
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, put_new
from chalicelib.core.stores.ends import IS_KEPT, now_in_seconds, without_ended
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, RecordedDelivery
from chalicelib.inbox.domain.inbox_states import ReturnsRead, return_to_inbox
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.delivery_rows import delivery_key, fire_millis, from_row, state_update, to_row
from chalicelib.inbox.stores.snoozes import snooze_actions
from chalicelib.resources import DELIVERIES

ReplyBuilder = Callable[[RecordedDelivery], dict[str, Any]]

# The row remembers the ids of the last one to two minutes' sends, so that a retry by the client library, which
# repeats the very same request within seconds, is not counted again. Three sets take turns, a minute each: a send
# joins the set of its minute and removes the oldest set.
_FIRE_SETS = 3
_FIRE_SET_SECONDS = 60

_COUNT_ONE = "fireCount = if_not_exists(fireCount, :zero) + :one"
_BUSY = "Too many calls send this event at the same time. Try again in a moment."


@dataclass(frozen=True)
class DynamoSends:
    """Records each send once. `fire` is the id of a send: the same at every retry of it.

    A delivery says when it was made, so of a repeat `created_at` is the time of this send.
    """

    returns_read: ReturnsRead

    def record(
        self, delivery: Delivery, *, fire: str, now: datetime, claim: Claim | None, reply: ReplyBuilder
    ) -> RecordedDelivery:
        """Store the delivery, or count one more send of it. Of concurrent sends exactly one is new.

        `reply` builds the reply that is stored with the claim. Store calls: 1; 2 for a repeat with a claim; 1 more for
        a repeat that has supplements or clicks; 1 more for a repeat that was read, to ask whether it returns; without a
        claim 1 more when it returns to the inbox.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
            Unavailable: too many calls send it at the same time.
        """
        if claim is None:
            return self._upsert(delivery, fire, now)
        created = RecordedDelivery(DeliveryDetail(delivery), is_new=True)
        attempts = Attempts(_BUSY)
        while attempts.again():
            row = _put(delivery, fire, claim=claim, reply=reply(created))
            if row is None:
                return created
            if counted := self._count(from_row(row), delivery, now=now, claim=claim, reply=reply):
                break
        return counted

    def repeat(
        self, delivery: Delivery, *, fire: str, now: datetime, claim: Claim | None, reply: ReplyBuilder
    ) -> RecordedDelivery:
        """Count one more send of a stored delivery. Store calls as in `record`.

        Raises:
            NotFound: the delivery is not stored.
            AlreadyAnswered, Unavailable: as in `record`.
        """
        key = delivery_key(delivery.delivery_id)
        if claim is None:
            sets, condition, named = _count_fire(fire, now)
            row = _update(
                {
                    "Key": to_item(key),
                    "UpdateExpression": f"SET fireCount = fireCount + :one, firedAt = :firedAt {sets}",
                    "ConditionExpression": f"{EXISTS} AND {condition}",
                    "ExpressionAttributeValues": named | values(one=1, firedAt=fire_millis(delivery.created_at)),
                }
            )
            if row is not None:
                return self._from_row(row, fire, now)
        elif (row := get(DELIVERIES, key)) and (
            counted := self._count(from_row(row), delivery, now=now, claim=claim, reply=reply)
        ):
            return counted
        raise NotFound("Delivery not found.")

    def record_bulk(self, delivery: Delivery, *, fire: str, now: datetime) -> RecordedDelivery:
        """Store a bulk delivery, or count one more send of it: once, however late the same send comes again.

        The result has no supplements or clicks. Store calls: 1; 2 for a repeat, and 1 more if it was read.

        Raises:
            Unavailable: too many calls send it at the same time.
        """
        attempts = Attempts(_BUSY)
        while attempts.again():
            row = _put(delivery, fire)
            if row is None:
                return RecordedDelivery(DeliveryDetail(delivery), is_new=True)
            if row["firstFire"] == fire:
                return RecordedDelivery(DeliveryDetail(from_row(row)), is_new=False)
            mark = _mark(delivery.delivery_id, fire, now)
            if counted := self._count(from_row(row), delivery, now=now, fire_mark=mark):
                break
        return counted

    def _upsert(self, delivery: Delivery, fire: str, now: datetime) -> RecordedDelivery:
        """Store the delivery or count one more send, in one update: the hot path."""
        sets, condition, named = _count_fire(fire, now)
        columns = to_row(delivery) | {"firstFire": fire}
        if_new = _if_new(tuple(columns))
        request = {
            "Key": to_item(delivery_key(delivery.delivery_id)),
            "UpdateExpression": f"SET {if_new}, {_COUNT_ONE}, firedAt = :firedAt {sets}",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": named
            | values(zero=0, one=1, firedAt=fire_millis(delivery.created_at), **columns),
        }
        attempts = Attempts(_BUSY)
        while attempts.again():
            if (row := _update(request)) is not None:
                break
            # The earlier delivery has ended, and the table still has it.
            placed = _put(delivery, fire)
            if placed is None or placed["firstFire"] == fire:
                return RecordedDelivery(DeliveryDetail(delivery), is_new=True)
        if row["firstFire"] == fire and row["fireCount"] == 1:
            return RecordedDelivery(DeliveryDetail(delivery), is_new=True)
        return self._from_row(row, fire, now)

    def _from_row(self, row: Row, fire: str, now: datetime) -> RecordedDelivery:
        delivery, is_new = from_row(row), row["firstFire"] == fire
        returned = None if is_new else return_to_inbox(delivery, now=now, returns_read=self.returns_read)
        if returned and not try_commit([state_update(delivery, returned), *snooze_actions(delivery, returned)]):
            # Its recipient, or another send, changed it first; their change stands.
            returned = None
        return RecordedDelivery(_find_detail(returned or delivery, is_new=is_new), is_new, returned is not None)

    def _count(
        self,
        stored: Delivery,
        sent: Delivery,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: ReplyBuilder | None = None,
        fire_mark: Action | None = None,
    ) -> RecordedDelivery | None:
        """Count one more send of a stored delivery, in one transaction with its claim or with the mark of its fire.

        None means that it is gone. Of a bulk send that comes late, a later send may have been counted before.
        """
        marks = [fire_mark] if fire_mark else []
        attempts = Attempts(_BUSY)
        while attempts.again():
            returned = return_to_inbox(stored, now=now, returns_read=self.returns_read)
            fired_at = max(stored.last_fired_at, sent.created_at)
            counted = replace(returned or stored, fire_count=stored.fire_count + 1, fired_at=fired_at)
            detail = _find_detail(counted, is_new=False) if claim else DeliveryDetail(counted)
            recorded = RecordedDelivery(detail, is_new=False, is_returned=returned is not None)
            update = _count_update(stored, counted, in_bulk=bool(marks))
            try:
                commit(
                    [update, *marks, *snooze_actions(stored, counted)],
                    claim=claim,
                    reply=reply(recorded) if reply else None,
                )
            except Refused as refused:
                if marks and 1 in refused.failed:
                    return RecordedDelivery(DeliveryDetail(stored), is_new=False)
                if not refused.rows[0]:
                    return None
                stored = from_row(refused.rows[0])
            else:
                break
        return recorded


def _find_detail(delivery: Delivery, *, is_new: bool) -> DeliveryDetail:
    """Add supplements and clicks to the delivery. One store call, or none where it can't have any."""
    has_more = delivery.supplement_count or (delivery.has_callbacks and not is_new)
    detail = DynamoDeliveries().find(delivery.delivery_id) if has_more else None
    return replace(detail, delivery=delivery) if detail else DeliveryDetail(delivery)


def _put(
    delivery: Delivery, fire: str, *, claim: Claim | None = None, reply: dict[str, Any] | None = None
) -> Row | None:
    """Store a new delivery and return None, or return the row that is there already."""
    first = {"fireCount": 1, "firstFire": fire, "firedAt": fire_millis(delivery.created_at)}
    row = delivery_key(delivery.delivery_id) | to_row(delivery) | first
    try:
        commit([put_new(DELIVERIES, row)], claim=claim, reply=reply)
    except Refused as refused:
        return refused.rows[0]
    return None


def _update(request: dict[str, Any]) -> Row | None:
    """Return the row as updated, or as it is where the condition refused the update; None when there is none."""
    try:
        done = dynamodb().update_item(
            TableName=DELIVERIES.physical_name,
            **request,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        item: Any = error.response.get("Item")
        return next(without_ended([from_item(item)]), None) if item else None
    return from_item(dict(done["Attributes"]))


@cache
def _if_new(columns: tuple[str, ...]) -> str:
    """Return the part of an update that sets these columns of a new row and leaves an existing one's."""
    return ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in columns)


def _count_fire(fire: str, now: datetime) -> tuple[str, str, dict[str, Any]]:
    """Return expression, condition and values that remember this fire, and refuse it if it is remembered already."""
    turn = int(now.timestamp()) // _FIRE_SET_SECONDS
    current, oldest = f"fires{turn % _FIRE_SETS}", f"fires{(turn + 1) % _FIRE_SETS}"
    return (
        f"ADD {current} :fires REMOVE {oldest}",
        f"(attribute_not_exists({current}) OR NOT contains({current}, :fire)) AND {IS_KEPT}",
        values(fires={fire}, fire=fire, endedBy=now_in_seconds()),
    )


def _count_update(stored: Delivery, counted: Delivery, *, in_bulk: bool) -> Action:
    sets: list[str] = ["fireCount = fireCount + :one", "firedAt = :firedAt"]
    named: dict[str, Any] = {"one": 1, "firedAt": fire_millis(counted.last_fired_at)}
    if in_bulk:
        return state_update(stored, counted, sets=[*sets, "sentInBulk = :yes"], **named, yes=True)
    # The reply that is stored with the claim says the count, so it must be exact.
    only_if = ["fireCount = :stored"]
    return state_update(stored, counted, sets=sets, only_if=only_if, **named, stored=stored.fire_count)


def _mark(delivery_id: str, fire: str, now: datetime) -> Action:
    row = {"pk": f"FIRE#{fire}", "sk": delivery_id, "expiresAt": int((now + retention.BULK_CALLS.kept).timestamp())}
    return put_new(DELIVERIES, row)
