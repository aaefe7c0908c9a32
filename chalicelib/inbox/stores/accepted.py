"""Bulk calls that were accepted, in the table `deliveries`, beside no delivery but under their event.

pk = EVENT#<event part of the delivery ids>; expiresAt is the table's TTL
sk = CALL#<fire>  the call: what all its deliveries say, sender, people
sk = SEEN         seen: recipient parts of all its deliveries that were ever due; before: without the last call's
"""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.inbox.domain.bulk import Accepted
from chalicelib.inbox.domain.delivery_ids import event_part
from chalicelib.resources import DELIVERIES

log = logging.getLogger(__name__)

# Longer than a message can rest in a queue and then in its dead-letter queue.
_KEPT_FOR = timedelta(days=30)


class DynamoAccepted:
    def add(self, accepted: Accepted, *, now: datetime) -> None:
        """Keep an accepted call; the same call again changes nothing. One store call."""
        row = {
            "pk": _partition(accepted.event_part),
            "sk": f"CALL#{accepted.fire}",
            "integrator": accepted.integrator,
            "toolsTokenId": accepted.tools_token_id,
            "told": json.dumps(accepted.told, ensure_ascii=False, separators=(",", ":")),
            "acceptedAt": accepted.accepted_at,
            "projectId": accepted.project_id,
            "people": list(accepted.people),
            "expiresAt": int((now + _KEPT_FOR).timestamp()),
        }
        dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=to_item(row))

    def mark_seen(self, delivery_ids: list[str], *, fire: str, now: datetime) -> set[str]:
        """Note that these deliveries of one event are due; those of them that had been before.

        Of concurrent calls each sees exactly those that came before it. One store call.
        """
        request: dict[str, Any] = {
            "TableName": DELIVERIES.physical_name,
            "Key": to_item({"pk": _partition(event_part(delivery_ids[0])), "sk": "SEEN"}),
            # The very same call made again finds what it found the first time.
            "UpdateExpression": "SET #before = if_not_exists(seen, :none), lastFire = :fire, expiresAt = :expires "
            "ADD seen :seen",
            "ConditionExpression": "attribute_not_exists(lastFire) OR lastFire <> :fire",
            "ExpressionAttributeNames": {"#before": "before"},
            "ExpressionAttributeValues": values(
                seen={_recipient_part(each) for each in delivery_ids},
                none=None,
                fire=fire,
                expires=int((now + _KEPT_FOR).timestamp()),
            ),
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            before = from_item(dict(dynamodb().update_item(**request).get("Attributes", {}))).get("seen") or ()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ValidationException" and "size" in error.response["Error"]["Message"]:
                # Beyond some ten thousand people an event; what is delivered already is known all the same.
                log.warning("an event has more recipients than are remembered")
                return set()
            if code != "ConditionalCheckFailedException":
                raise
            met: Any = error.response.get("Item")
            before = from_item(met)["before"] or ()
        return {each for each in delivery_ids if _recipient_part(each) in before}

    def forget(self, delivery_ids: list[str]) -> None:
        """Take back that these deliveries of one event are due. One store call; none for none."""
        if delivery_ids:
            dynamodb().update_item(
                TableName=DELIVERIES.physical_name,
                Key=to_item({"pk": _partition(event_part(delivery_ids[0])), "sk": "SEEN"}),
                UpdateExpression="REMOVE lastFire DELETE seen :forgotten",
                ExpressionAttributeValues=values(forgotten={_recipient_part(each) for each in delivery_ids}),
            )

    def find(self, part: str, fire: str) -> Accepted | None:
        """An accepted call. One store call."""
        key = to_item({"pk": _partition(part), "sk": f"CALL#{fire}"})
        got = dynamodb().get_item(TableName=DELIVERIES.physical_name, Key=key, ConsistentRead=True)
        return _accepted(from_item(dict(got["Item"]))) if "Item" in got else None

    def list_calls(self, part: str) -> list[Accepted]:
        """Every accepted call of the event, the first one first. One store call per megabyte."""
        request: dict[str, Any] = {
            "TableName": DELIVERIES.physical_name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :call)",
            "ExpressionAttributeValues": values(pk=_partition(part), call="CALL#"),
            "ConsistentRead": True,
        }
        found: list[Accepted] = []
        while True:
            page = dynamodb().query(**request)
            found += [_accepted(from_item(dict(item))) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return sorted(found, key=lambda call: (call.accepted_at, call.fire))
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _partition(part: str) -> str:
    return f"EVENT#{part}"


def _recipient_part(delivery_id: str) -> str:
    return delivery_id.rpartition("-")[2]


def _accepted(row: Row) -> Accepted:
    return Accepted(
        fire=row["sk"].removeprefix("CALL#"),
        integrator=row["integrator"],
        tools_token_id=row["toolsTokenId"],
        told=json.loads(row["told"]),
        accepted_at=row["acceptedAt"],
        project_id=row["projectId"],
        people=tuple(row["people"]),
    )
