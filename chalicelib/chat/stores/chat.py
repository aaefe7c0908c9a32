"""The table `chat`: pk = <user id>, sk = MESSAGE#<message id>, which sorts by time; index role: <role>#<message id>."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from chalicelib import retention
from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import put_new
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.ends import end_of
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import CHAT, ROLE_INDEX

_PREFIX = "MESSAGE#"
_END = "~"

_MESSAGE = Codec(Message, without=("message_id", "user_id"))


class DynamoChat:
    def add(self, message: Message, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store the message. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        # Ids are fresh, so a message that is there was stored by a retry below us.
        try_commit([add_message_action(message)], claim=claim, reply=reply)

    def list_before(self, user_id: str, message_id: str | None, *, role: str | None, limit: int) -> Sequence[Message]:
        """List messages older than `message_id`, newest first. One store call per megabyte; with a role one more."""
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
        return [_message_from_row(row) for row in found]


def add_message_action(message: Message) -> Action:
    """Return the action that stores a message."""
    keys = {"pk": message.user_id, "sk": f"{_PREFIX}{message.message_id}"}
    keys["roleKey"] = f"{message.role.value}#{message.message_id}"
    return put_new(CHAT, keys | _MESSAGE.to_row(message) | end_of(retention.CHAT, message.created_at))


def _message_from_row(row: Row) -> Message:
    return _MESSAGE.from_row(row, message_id=row["sk"].removeprefix(_PREFIX), user_id=row["pk"])
