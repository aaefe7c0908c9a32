"""The rows of an export: where each section finds a person's rows, and what a record has of them.

Each section is one range of keys, of a table or of an index, so a page costs what it returns. A record has everything
of its row, except what only serves to find rows and what could be a secret. Rows with credentials, and rows that other
people have a part in, name what is exported instead.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.cursors import foreign_cursor
from chalicelib.core.stores.ends import without_ended
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get, get_all, query_partition
from chalicelib.parallel import gather
from chalicelib.personal_data.domain.exports import MOST, ExportPage, Owner, Position, Record
from chalicelib.resources import (
    BOARD,
    CATALOG,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    FEEDBACK,
    INBOX_INDEX,
    OWNER_INDEX,
    PEERS,
    PERSON_INDEX,
    QUEUE_ITEMS,
    RELAYS,
    TOKENS,
    Table,
)

# What only serves to find, order, count or guard rows.
_STRUCTURE = frozenset(
    (
        *("pk", "sk", "orderKey", "typeKey", "facetsKey", "roleKey", "inboxKey", "sentBy", "sentKey", "keyOwner"),
        *("listed", "listedAs", "dueQueue", "dueAt", "clickedOn", "unsent", "rank", "lastOrder", "indexId"),
        *("version", "changes", "savedBy", "firstFire", "fires0", "fires1", "fires2", "leaseId", "leaseUntil"),
        *("expiresAt", "recipientUserId", "supplementCount"),
    )
)
# Whatever it holds, nothing with such a name leaves the desk.
_SECRET = re.compile(r"hash|secret|sealed|private|nonce|endpoint|publickey|^token$|credential", re.IGNORECASE)
_JSON = frozenset(("content", "metadata", "payload", "response", "enrichedData"))


@dataclass(frozen=True)
class Source:
    """Where a section's rows are: a partition, from `prefix` on, of the table or of an index.

    `key` names the attributes of the index's key. With `only`, a record has these attributes and no others.
    """

    table: Table
    partition: Callable[[Owner], str]
    prefix: str = ""
    index: str = ""
    key: tuple[str, str] = ("pk", "sk")
    only: tuple[str, ...] = ()
    most: int = MOST

    def start_key(self, owner: Owner, after: Position) -> Row:
        """Return the key after which a page begins.

        Raises:
            Invalid: no row of this section has it.
        """
        names = self.names
        if len(after) != len(names) or (not self.index and not after[0].startswith(self.prefix)):
            raise foreign_cursor()
        return {self.key[0]: self.partition(owner), **dict(zip(names, after, strict=True))}

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes of a position."""
        if not self.index:
            return (self.key[1],)
        return (self.key[1], "pk") if self.table == TOKENS else (self.key[1], "pk", "sk")


def _own(owner: Owner) -> str:
    return owner.user_id


def _tokens(beginning: str, *only: str) -> Source:
    return Source(
        TOKENS, lambda owner: f"{beginning}{owner.user_id}", index=OWNER_INDEX, key=("keyOwner", "createdAt"), only=only
    )


SOURCES: Mapping[str, Source] = {
    "account": Source(DIRECTORY, lambda owner: f"USER#{owner.user_id}"),
    "settings": Source(QUEUE_ITEMS, _own, "COUNTS"),
    "deliveries": Source(DELIVERIES, _own, index=INBOX_INDEX, key=("recipientUserId", "inboxKey"), most=20),
    "tasks": Source(QUEUE_ITEMS, _own, "ITEM#"),
    "standingApprovals": Source(QUEUE_ITEMS, _own, "STANDING#"),
    "delegations": Source(QUEUE_ITEMS, _own, "DELEGATION#"),
    "cards": Source(BOARD, _own, "CARD#"),
    "contacts": Source(CONTACTS, _own, "CONTACT#"),
    "chat": Source(CHAT, _own, "MESSAGE#"),
    "connections": Source(
        PEERS,
        lambda owner: f"USER#{owner.user_id}",
        "PEER#",
        only=(
            "status",
            "peerUrl",
            "peerEmail",
            "peerName",
            "peerNickname",
            "peerInstanceName",
            "nickname",
            "initiator",
            "createdAt",
            "updatedAt",
        ),
    ),
    "relays": Source(RELAYS, _own, "RELAY#"),
    "approvals": Source(CATALOG, lambda owner: owner.email, index=PERSON_INDEX, key=("email", "requestedAt")),
    "feedback": Source(FEEDBACK, lambda owner: f"person#{owner.user_id}"),
    "keys": _tokens("", "keyId", "name", "prefix", "permissions", "status", "createdAt", "expiresAt", "lastUsedAt"),
    "passkeys": Source(
        TOKENS,
        lambda owner: f"PASSKEYS#{owner.user_id}",
        only=("name", "createdAt", "lastUsedAt", "transports", "backedUp", "signCount"),
    ),
    "integrations": _tokens(
        "PERSONAL#", "integrator", "label", "status", "severityCeiling", "dailyLimit", "moderated", "createdAt"
    ),
    "ingestTokens": _tokens("INGEST#", "adapter", "name", "integrator", "createdAt", "lastUsedAt", "useCount"),
    "sessions": _tokens(
        "SESSION#", "sessionId", "device", "createdAt", "startedFrom", "lastUsedAt", "lastUsedFrom", "expiresAt"
    ),
}


# What reading the sections takes.
READ_EXPORT = (
    DIRECTORY.can("Query", "BatchGetItem")
    + DELIVERIES.can("Query")
    + DELIVERIES.can("Query", index=INBOX_INDEX)
    + TOKENS.can("GetItem", "BatchGetItem")
    + TOKENS.can("Query", index=OWNER_INDEX)
    + CATALOG.can("BatchGetItem")
    + CATALOG.can("Query", index=PERSON_INDEX)
    + PEERS.can("Query", "BatchGetItem")
    + tuple(grant for table in (QUEUE_ITEMS, BOARD, CONTACTS, CHAT, RELAYS, FEEDBACK) for grant in table.can("Query"))
)


class DynamoExports:
    def read_page(self, section: str, owner: Owner, after: Position, limit: int) -> ExportPage:
        """Read some records of a section. Store calls in sequence: 1 or 2.

        Raises:
            Invalid: no row of the section has this position.
        """
        source = SOURCES[section]
        if section == "passkeys":
            return self._read_passkeys(source, owner)
        found, following = _query(source, owner, after, min(limit, source.most))
        whole: list[Row | None] = list(found)
        if section == "deliveries":
            whole = gather(*(partial(_read_delivery, row["pk"]) for row in found)) if found else []
        elif section == "connections":
            whole = _in_order(PEERS, map(_connection_key, found))
        elif source.index:
            whole = _in_order(source.table, map(_key, found))
        pairs = zip(found, whole, strict=True)
        records = [(tuple(row[name] for name in source.names), to_record(source, each)) for row, each in pairs if each]
        return ExportPage(records, following)

    def _read_passkeys(self, source: Source, owner: Owner) -> ExportPage:
        """Read the passkeys of a person, who has few."""
        row = get(source.table, {"pk": source.partition(owner)})
        keys = [{"pk": f"PASSKEY#{each}"} for each in sorted(row.get("hashes", ()))] if row else []
        rows = get_all(source.table, keys) if keys else []
        return ExportPage([((each["createdAt"],), to_record(source, each)) for each in rows], None)


def to_record(source: Source, row: Row) -> Record:
    """Return what is exported of a row."""
    names = (
        sorted(row.keys() & set(source.only)) if source.only else sorted(name for name in row if not _is_withheld(name))
    )
    record = {name: _plain(name, row[name]) for name in names if not _SECRET.search(name)}
    # Where a key has what no attribute has, such as the id of a message.
    return record if source.only or "sk" not in row else {"row": row["sk"], **record}


def _is_withheld(name: str) -> bool:
    return name in _STRUCTURE or bool(_SECRET.search(name))


def _plain(name: str, value: Any) -> Any:
    """Return a value as JSON has it; what a row keeps as JSON text is that JSON."""
    match value:
        case Decimal():
            return int(value) if value == int(value) else float(value)
        case str() if name in _JSON:
            return _parsed(value)
        case dict():
            return {key: _plain(key, each) for key, each in sorted(value.items()) if not _SECRET.search(key)}
        case list():
            return [_plain("", each) for each in value]
        case set():
            return sorted(value)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _query(source: Source, owner: Owner, after: Position, limit: int) -> tuple[list[Row], Position | None]:
    """Read some keys or rows of a source, and the position after which there are more."""
    pk, sk = source.key
    condition, named = f"{pk} = :partition", {"partition": source.partition(owner)}
    if source.prefix:
        condition, named = f"{condition} AND begins_with({sk}, :prefix)", named | {"prefix": source.prefix}
    more: dict[str, Any] = {"IndexName": source.index} if source.index else {"ConsistentRead": True}
    if after:
        more["ExclusiveStartKey"] = to_item(source.start_key(owner, after))
    page = dynamodb().query(
        TableName=source.table.physical_name,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values(**named),
        Limit=limit,
        **more,
    )
    rows = [from_item(dict(item)) for item in page["Items"]]
    last = page.get("LastEvaluatedKey")
    following = tuple(str(from_item(dict(last))[name]) for name in source.names) if last else None
    return list(without_ended(rows)) if source.table.ends else rows, following


def _key(row: Row) -> Row:
    return {name: row[name] for name in ("pk", "sk") if name in row}


def _connection_key(pair: Row) -> Row:
    return {"pk": f"TOKEN#{pair['tokenHash']}", "sk": f"CONNECTION#{pair['connectionId']}"}


def _in_order(table: Table, wanted: Iterable[Row]) -> list[Row | None]:
    keys = list(wanted)
    rows = {(row["pk"], row.get("sk")): row for row in get_all(table, keys)} if keys else {}
    return [rows.get((key["pk"], key.get("sk"))) for key in keys]


def _read_delivery(delivery_id: str) -> Row | None:
    """Read a delivery with its supplements and clicks, and the messages about it to channels."""
    rows = list(query_partition(DELIVERIES, delivery_id))
    found = next((row for row in rows if row["sk"] == "DELIVERY"), None)
    if found is None:
        return None
    hanging: dict[str, list[Row]] = {"supplements": [], "clicks": [], "channelMessages": []}
    for row in rows:
        kind = {"SUPPLEMENT": "supplements", "ACTION": "clicks", "REACH": "channelMessages"}.get(
            row["sk"].partition("#")[0]
        )
        if kind:
            hanging[kind].append({name: each for name, each in row.items() if not _is_withheld(name)})
    return found | {"id": delivery_id} | hanging
