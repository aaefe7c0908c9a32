"""Accepted bulk calls, in the table `deliveries` under their event.

pk = EVENT#<event part of the delivery ids>; expiresAt is the table's TTL
sk = CALL#<fire>  the call: sender, people, and the fields of the event (attribute told)
sk = SEEN         seen: the recipient parts of all deliveries accepted so far; before: those before the last call
"""

import json
import logging
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import retention
from chalicelib.aws import dynamodb
from chalicelib.core.stores.actions import put, update
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row, from_item
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import commit
from chalicelib.inbox.domain.bulk import AcceptedCall
from chalicelib.inbox.domain.delivery_ids import event_part
from chalicelib.resources import DELIVERIES

log = logging.getLogger("fluxden")


class DynamoAcceptedCalls:
    def add(self, accepted: AcceptedCall, *, now: datetime) -> None:
        """Store an accepted call. The same call again changes nothing. One store call."""
        key = {"pk": _partition(accepted.event_part), "sk": f"CALL#{accepted.fire}"}
        expires = {"expiresAt": int((now + retention.BULK_CALLS.kept).timestamp())}
        commit([put(DELIVERIES, key | _CALL.to_row(accepted) | expires)])

    def mark_seen(self, delivery_ids: list[str], *, fire: str, now: datetime) -> set[str]:
        """Note that these deliveries of one event are accepted; return those that earlier calls had accepted.

        Each of several concurrent calls gets exactly those of the calls before it. One store call.
        """
        request = update(
            DELIVERIES,
            {"pk": _partition(event_part(delivery_ids[0])), "sk": "SEEN"},
            # The same call made again gets the same result.
            "SET #before = if_not_exists(seen, :none), lastFire = :fire, expiresAt = :expires ADD seen :seen",
            "attribute_not_exists(lastFire) OR lastFire <> :fire",
            seen={_recipient_part(each) for each in delivery_ids},
            none=None,
            fire=fire,
            expires=int((now + retention.BULK_CALLS.kept).timestamp()),
        )["Update"]
        try:
            done = dynamodb().update_item(**request, ReturnValues="ALL_OLD")
            before = from_item(dict(done.get("Attributes", {}))).get("seen") or ()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ValidationException" and "size" in error.response["Error"]["Message"]:
                # Beyond some ten thousand people per event. Deliveries that are stored are still recognized as repeats.
                log.warning("an event has more recipients than its row can hold")
                return set()
            if code != "ConditionalCheckFailedException":
                raise
            item: Any = error.response.get("Item")
            before = from_item(item)["before"] or ()
        return {each for each in delivery_ids if _recipient_part(each) in before}

    def forget(self, delivery_ids: list[str]) -> None:
        """Undo `mark_seen` for these deliveries of one event. One store call; none without deliveries."""
        if delivery_ids:
            key = {"pk": _partition(event_part(delivery_ids[0])), "sk": "SEEN"}
            forgotten = {_recipient_part(each) for each in delivery_ids}
            commit([update(DELIVERIES, key, "REMOVE lastFire DELETE seen :forgotten", forgotten=forgotten)])

    def find(self, part: str, fire: str) -> AcceptedCall | None:
        """Find an accepted call. One store call."""
        row = get(DELIVERIES, {"pk": _partition(part), "sk": f"CALL#{fire}"})
        return _from_row(row) if row else None

    def list_calls(self, part: str) -> list[AcceptedCall]:
        """Return every accepted call of the event, oldest first. One store call per megabyte."""
        calls = map(_from_row, query_partition(DELIVERIES, _partition(part), "CALL#"))
        return sorted(calls, key=lambda call: (call.accepted_at, call.fire))


def _partition(part: str) -> str:
    return f"EVENT#{part}"


def _recipient_part(delivery_id: str) -> str:
    return delivery_id.rpartition("-")[2]


def _from_row(row: Row) -> AcceptedCall:
    return _CALL.from_row(row, fire=row["sk"].removeprefix("CALL#"))


def _to_json(fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


_CALL = Codec(AcceptedCall, {"event_fields": Column("told", to_row=_to_json, from_row=json.loads)}, without=("fire",))
