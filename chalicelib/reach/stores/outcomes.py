"""What became of messages to channels, in the table `deliveries`: <delivery id> / REACH#<channel id>#<message id>.

userId, channel, host, state, attempt, at, result, nextAttemptAt; skipped: why it was not sent; leaseId, leaseUntil: of
the attempt under way. The row ends with the delivery.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import LEASE
from chalicelib.core.stores.actions import EXISTS, NEW, check, put
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import delivery_key, end_with
from chalicelib.reach.domain.outcomes import Outcome, SendState
from chalicelib.resources import DELIVERIES

PREFIX = "REACH#"
_OUTCOME = Codec(Outcome, without=("delivery_id", "channel_id", "message_id"))


class DynamoOutcomes:
    def begin(self, outcome: Outcome, delivery: Delivery, *, now: datetime) -> Outcome | None:
        """Store that an attempt begins, and return None; or what is stored, if it was begun before.

        One that was begun and not recorded may begin again once its lease has ended. One store call.
        """
        row = _key(outcome) | _OUTCOME.to_row(replace(outcome, state=SendState.SENDING)) | end_with(delivery)
        began = put(
            DELIVERIES,
            row | {"leaseUntil": timestamp(now + LEASE)},
            f"{NEW} OR (attempt < :number AND #state = :waiting)"
            " OR (attempt = :number AND #state = :sending AND leaseUntil < :now)",
            number=outcome.attempt,
            waiting=SendState.WAITING.value,
            sending=SendState.SENDING.value,
            now=timestamp(now),
        )
        try:
            commit([began, check(DELIVERIES, delivery_key(outcome.delivery_id), EXISTS)])
        except Refused as refused:
            found = refused.rows[0]
            if found.get("leaseId") == outcome.lease_id and found["state"] == SendState.SENDING:
                return None  # written by a retry below us
            return _from_row(found) if found else replace(outcome, state=SendState.FAILED)
        return None

    def record(self, outcome: Outcome, delivery: Delivery) -> bool:
        """Store what became of an attempt; False if another has begun meanwhile. One store call."""
        row = _key(outcome) | _OUTCOME.to_row(outcome) | end_with(delivery)
        return try_commit([put(DELIVERIES, row, "leaseId = :mine", mine=outcome.lease_id)])

    def skip(self, outcome: Outcome, delivery: Delivery) -> None:
        """Store that a message, or its next attempt, was not needed, unless it was begun. One store call."""
        row = _key(outcome) | _OUTCOME.to_row(outcome) | end_with(delivery)
        skipped = put(
            DELIVERIES,
            row,
            f"{NEW} OR (attempt < :number AND #state = :waiting)",
            number=outcome.attempt,
            waiting=SendState.WAITING.value,
        )
        try_commit([skipped, check(DELIVERIES, delivery_key(outcome.delivery_id), EXISTS)])


def list_outcomes(rows: Iterable[Row]) -> list[Outcome]:
    """Return the messages to channels among the rows of a delivery."""
    return [_from_row(row) for row in rows if row["sk"].startswith(PREFIX)]


def _key(outcome: Outcome) -> Row:
    return {"pk": outcome.delivery_id, "sk": f"{PREFIX}{outcome.channel_id}#{outcome.message_id}"}


def _from_row(row: Row) -> Outcome:
    _, channel_id, message_id = row["sk"].split("#")
    return _OUTCOME.from_row(row, delivery_id=row["pk"], channel_id=channel_id, message_id=message_id)
