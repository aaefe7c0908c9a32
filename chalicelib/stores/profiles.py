"""Profiles, in the table `directory`: USER#<id> / PROFILE.

told       what the person has told, by its names on the wire
version    how many changes have been made
"""

from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.domain.idempotency import Claim
from chalicelib.resources import DIRECTORY
from chalicelib.stores.items import Row, from_item, to_item, values
from chalicelib.stores.writes import Refused, commit


class DynamoProfiles:
    def find_profile(self, user_id: str) -> tuple[dict[str, Any], int]:
        """What the person has told, and the version of it; nothing has version 0. One store call."""
        got = dynamodb().get_item(TableName=DIRECTORY.physical_name, Key=to_item(_key(user_id)), ConsistentRead=True)
        if "Item" not in got:
            return {}, 0
        row = from_item(dict(got["Item"]))
        return row["told"], int(row["version"])

    def save_profile(
        self, user_id: str, told: dict[str, Any], *, seen: int, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Store it if it still has the version that was seen; say whether it had. One store call.

        Raises:
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        request: dict[str, Any] = {
            "TableName": DIRECTORY.physical_name,
            "Item": to_item(_key(user_id) | {"told": told, "version": seen + 1}),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if seen:
            request["ConditionExpression"] = "#version = :seen"
            request["ExpressionAttributeNames"] = {"#version": "version"}
            request["ExpressionAttributeValues"] = values(seen=seen)
        try:
            commit([{"Put": request}], claim=claim, reply=reply)
        except Refused:
            return False
        return True


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "PROFILE"}
