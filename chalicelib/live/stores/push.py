"""Subscriptions of browsers, in the table `directory`: USER#<id> / PUSH#<subscription id>; endpoint, createdAt.

How many a person has lies beside their connections, in the table `sockets`: pk = <user id>, sk = WEBPUSH; browsers.
So who publishes learns of it by the read that tells who listens.
The desk's public key: DESK / VAPID; publicKey (see push_keys)
"""

from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.live.domain.push import MOST_SUBSCRIPTIONS, Subscription
from chalicelib.people.stores.directory_rows import PUSH_SUBSCRIPTION
from chalicelib.resources import DIRECTORY, SOCKETS

MARK = "WEBPUSH"
DESK_KEYS = {"pk": "DESK", "sk": "VAPID"}


class DynamoPush:
    def find_public_key(self) -> str | None:
        """What browsers subscribe with; None where the desk has no keys. One store call."""
        got = dynamodb().get_item(TableName=DIRECTORY.physical_name, Key=to_item(DESK_KEYS))
        return str(from_item(dict(got["Item"]))["publicKey"]) if "Item" in got else None

    def list_subscriptions(self, user_id: str) -> list[Subscription]:
        """A person's subscriptions, oldest first. One store call."""
        rows = query(
            DIRECTORY,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=values(pk=f"USER#{user_id}", prefix=PUSH_SUBSCRIPTION),
            ConsistentRead=True,
        )
        found = [Subscription(user_id, row["endpoint"], row["createdAt"]) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.subscription_id))

    def add(self, subscription: Subscription, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store a subscription; the same again stays as it is. One store call, two where it is there already.

        Raises:
            Conflict: the person has all the subscriptions they may have.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(subscription.user_id, subscription.subscription_id)
        row = key | {"endpoint": subscription.endpoint, "createdAt": subscription.created_at}
        put: Action = {
            "Put": {
                "TableName": DIRECTORY.physical_name,
                "Item": to_item(row),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        try:
            commit([put, _counted(subscription.user_id, 1)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 not in refused.failed:
                raise Conflict(f"A person has at most {MOST_SUBSCRIPTIONS} subscriptions.") from refused
            if claim:
                there: Action = {
                    "ConditionCheck": {
                        "TableName": DIRECTORY.physical_name,
                        "Key": to_item(key),
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                }
                commit([there], claim=claim, reply=reply)

    def remove(self, user_id: str, subscription_id: str, *, claim: Claim | None) -> bool:
        """Forget a subscription; False when there is none. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        delete: Action = {
            "Delete": {
                "TableName": DIRECTORY.physical_name,
                "Key": to_item(_key(user_id, subscription_id)),
                "ConditionExpression": "attribute_exists(pk)",
            }
        }
        try:
            commit([delete, _counted(user_id, -1)], claim=claim, reply={})
        except Refused:
            return False
        return True


def _counted(user_id: str, change: int) -> Action:
    return {
        "Update": {
            "TableName": SOCKETS.physical_name,
            "Key": to_item({"pk": user_id, "sk": MARK}),
            "UpdateExpression": "ADD browsers :change",
            "ConditionExpression": "attribute_not_exists(browsers) OR browsers < :end",
            # Taking one away is never too much.
            "ExpressionAttributeValues": values(change=change, end=MOST_SUBSCRIPTIONS + (change < 0)),
        }
    }


def _key(user_id: str, subscription_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": f"{PUSH_SUBSCRIPTION}{subscription_id}"}
