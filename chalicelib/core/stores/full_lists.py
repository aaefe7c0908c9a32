"""Lists of a person that have no more room.

Where a table has local indexes, DynamoDB refuses to let the rows of one partition key, with what the indexes copy, grow
beyond 10 GB. Rows can still be deleted, and what has an end goes by itself.
"""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import retention
from chalicelib.core.domain.errors import ListFull
from chalicelib.core.domain.measures import FULL_LISTS
from chalicelib.core.ports import Action
from chalicelib.resources import BOARD, CHAT, CONTACTS, QUEUE_ITEMS, RELAYS
from chalicelib.settings import settings

_CODE = "ItemCollectionSizeLimitExceeded"
_ADVICE = {
    BOARD: "The board has no more room. Delete cards.",
    CHAT: "The chat has no more room.",
    CONTACTS: "The contacts have no more room. Delete contacts.",
    QUEUE_ITEMS: "The queue has no more room. Finish or reject tasks.",
    RELAYS: "There is no more room for relays over this person's connections. Complete or decline relays.",
}
_ENDING = {CHAT: retention.CHAT, QUEUE_ITEMS: retention.TASKS, RELAYS: retention.RELAYS}


def list_full(error: ClientError, tables: Sequence[str]) -> ListFull | None:
    """Return the refusal, and count it, if the error says that a list is full; `tables` has the table of each write."""
    response: Any = error.response
    codes = [reason["Code"] for reason in response.get("CancellationReasons", [])]
    codes = codes or [response["Error"]["Code"].removesuffix("Exception")]
    for code, name in zip(codes, tables, strict=False):
        for table, advice in _ADVICE.items():
            if code == _CODE and table.physical_name == name:
                FULL_LISTS.add(list=table.name)
                return ListFull(advice + _end_of(_ENDING.get(table)))
    return None


def tables_of(members: Sequence[Action]) -> list[str]:
    """Return the name of the table of each action."""
    return [str(request["TableName"]) for member in members for request in member.values()]


def _end_of(kind: retention.Kind | None) -> str:
    if kind is None:
        return ""
    days = settings().kept_days[kind.setting]
    kept = f"are kept for {days} days after {kind.since}" if days else "are kept for ever"
    return f" {kind.what} {kept}; an administrator can shorten that with {kind.setting}."
