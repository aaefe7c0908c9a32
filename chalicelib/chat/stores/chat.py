"""The table `chat`: pk = <user id>, sk = MESSAGE#<message id>, which sorts by time; index role: <role>#<message id>."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from chalicelib.chat.domain.chat import Message, Role
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.resources import CHAT, ROLE_INDEX

_PREFIX = "MESSAGE#"
_END = "~"


class DynamoChat:
    def add(self, message: Message, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store the message. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        try:
            commit([added_message(message)], claim=claim, reply=reply)
        except Refused:
            # Ids are fresh, so this one was stored by a retry below us.
            return

    def list_before(self, user_id: str, message_id: str | None, *, role: str | None, limit: int) -> Sequence[Message]:
        """Messages older than `message_id`, newest first. One store call a megabyte; with a role one more."""
        prefix, key = (f"{role}#", "roleKey") if role else (_PREFIX, "sk")
        rows = query(
            CHAT,
            **({"IndexName": ROLE_INDEX} if role else {}),
            KeyConditionExpression=f"pk = :pk AND {key} BETWEEN :first AND :last",
            ExpressionAttributeValues=values(pk=user_id, first=prefix, last=f"{prefix}{message_id or _END}"),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit + 1,
        )
        older = (row for row in rows if row["sk"] != f"{_PREFIX}{message_id}")
        found = list(islice(older, limit))
        if role:
            found = lists.in_order(CHAT, user_id, [row["sk"] for row in found])
        return [_message(row) for row in found]


def added_message(message: Message) -> Action:
    """The part of a transaction that stores a message."""
    row = {
        "pk": message.user_id,
        "sk": f"{_PREFIX}{message.message_id}",
        "roleKey": f"{message.role.value}#{message.message_id}",
        "role": message.role.value,
        "content": message.content,
        "agentName": message.agent_name,
        "metadata": message.metadata,
        "createdAt": message.created_at,
    }
    put = {"TableName": CHAT.physical_name, "Item": to_item(row), "ConditionExpression": "attribute_not_exists(pk)"}
    return {"Put": put}


def _message(row: Row) -> Message:
    return Message(
        message_id=row["sk"].removeprefix(_PREFIX),
        user_id=row["pk"],
        role=Role(row["role"]),
        content=row["content"],
        agent_name=row["agentName"],
        metadata=row["metadata"],
        created_at=row["createdAt"],
    )
