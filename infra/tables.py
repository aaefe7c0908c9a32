"""The tables with keys, indexes and time to live, for the local cloud, the tests and the template."""

from dataclasses import dataclass
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.resources import (
    ACTOR_INDEX,
    AUDIT,
    BOARD,
    CATALOG,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    DUE_INDEX,
    EVENT_TYPES,
    FACETS_INDEX,
    FEEDBACK,
    HEARTBEAT_INDEX,
    IDEMPOTENCY,
    INBOX_INDEX,
    LIST_INDEX,
    NETWORK,
    ORDER_INDEX,
    OUTBOX,
    OWNER_INDEX,
    PEERS,
    PERSON_INDEX,
    QUEUE_ITEMS,
    RECENT_INDEX,
    RELAYS,
    ROLE_INDEX,
    SENT_INDEX,
    SOCKETS,
    TOKENS,
    TYPE_INDEX,
    Table,
)


@dataclass(frozen=True)
class Index:
    """A secondary index. `included` are the attributes that are copied into it besides the keys.

    An index with the table's partition key is a local index, which can be read consistently.
    """

    name: str
    partition_key: str
    sort_key: str
    included: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        return self.partition_key == "pk"


@dataclass(frozen=True)
class Definition:
    """The keys of a table. All keys are strings."""

    table: Table
    sort_key: str | None = None
    indexes: tuple[Index, ...] = ()
    ttl: str | None = None

    @property
    def key_attributes(self) -> list[str]:
        names = {"pk", *([self.sort_key] if self.sort_key else [])}
        for index in self.indexes:
            names |= {index.partition_key, index.sort_key}
        return sorted(names)


_INBOX_ATTRIBUTES = (
    "eventType",
    "severity",
    "title",
    "occurredAt",
    "tone",
    "summary",
    "externalStatus",
    "resolvedAt",
    "fireCount",
    "createdAt",
    "readAt",
    "archivedAt",
    "snoozedUntil",
    "expiresAt",
)

_CATALOG_ATTRIBUTES = (
    "slug",
    "name",
    "type",
    "category",
    "displayOrder",
    "integrator",
    "archivedAt",
)
_APPROVAL_ATTRIBUTES = ("slug", "status", "reviewedAt", "reviewedByEmail")

_AUDIT_ATTRIBUTES = (
    "kind",
    "actor",
    "credential",
    "credentialId",
    "subject",
    "subjectId",
    "address",
    "requestId",
    "details",
    "expiresAt",
)

DEFINITIONS = (
    Definition(
        DELIVERIES,
        "sk",
        (
            Index(INBOX_INDEX, "recipientUserId", "inboxKey", _INBOX_ATTRIBUTES),
            Index(SENT_INDEX, "sentBy", "sentKey", ("eventType", "toolsTokenId", "recipientUserId", "resolvedAt")),
            Index(DUE_INDEX, "dueQueue", "dueAt"),
            Index(RECENT_INDEX, "clickedOn", "clickedAt"),
        ),
        ttl="expiresAt",
    ),
    Definition(TOKENS, indexes=(Index(OWNER_INDEX, "keyOwner", "createdAt"),), ttl="deleteAt"),
    Definition(IDEMPOTENCY, ttl="expiresAt"),
    Definition(DIRECTORY, "sk", (Index(LIST_INDEX, "listed", "listedAs", ("name", "email", "card", "description")),)),
    Definition(
        CATALOG,
        "sk",
        (
            Index(
                LIST_INDEX,
                "listed",
                "listedAs",
                (*_CATALOG_ATTRIBUTES, *_APPROVAL_ATTRIBUTES[1:], "email", "requestedAt"),
            ),
            Index(PERSON_INDEX, "email", "requestedAt", _APPROVAL_ATTRIBUTES),
        ),
    ),
    Definition(
        AUDIT,
        "sk",
        (
            Index(ACTOR_INDEX, "actorId", "sk", (*_AUDIT_ATTRIBUTES, "personId")),
            Index(PERSON_INDEX, "personId", "sk", (*_AUDIT_ATTRIBUTES, "actorId")),
        ),
        ttl="expiresAt",
    ),
    Definition(EVENT_TYPES, "sk"),
    Definition(
        FEEDBACK,
        "sk",
        (Index(LIST_INDEX, "listed", "listedAs", ("kind", "message", "about", "author", "createdAt", "expiresAt")),),
        ttl="expiresAt",
    ),
    Definition(
        QUEUE_ITEMS,
        "sk",
        (
            Index(ORDER_INDEX, "pk", "orderKey"),
            Index(TYPE_INDEX, "pk", "typeKey"),
            Index(DUE_INDEX, "dueQueue", "dueAt"),
        ),
        ttl="expiresAt",
    ),
    Definition(BOARD, "sk", (Index(ORDER_INDEX, "pk", "orderKey"), Index(FACETS_INDEX, "pk", "facetsKey"))),
    Definition(CONTACTS, "sk", (Index(ORDER_INDEX, "pk", "orderKey"),)),
    Definition(
        NETWORK,
        "sk",
        (
            Index(LIST_INDEX, "listed", "listedAs", ("name", "slug", "description", "category", "instanceId")),
            Index(DUE_INDEX, "dueQueue", "dueAt"),
        ),
        ttl="expiresAt",
    ),
    Definition(CHAT, "sk", (Index(ROLE_INDEX, "pk", "roleKey"),), ttl="expiresAt"),
    Definition(PEERS, "sk", (Index(DUE_INDEX, "dueQueue", "dueAt"),), ttl="expiresAt"),
    Definition(
        RELAYS,
        "sk",
        (
            Index(ORDER_INDEX, "pk", "orderKey"),
            Index(FACETS_INDEX, "pk", "facetsKey"),
            Index(LIST_INDEX, "unsent", "createdAt"),
            Index(DUE_INDEX, "dueQueue", "dueAt"),
        ),
        ttl="expiresAt",
    ),
    Definition(SOCKETS, "sk", (Index(HEARTBEAT_INDEX, "heartbeatShard", "userId"),), ttl="expiresAt"),
    Definition(OUTBOX, "sk", (Index(DUE_INDEX, "dueQueue", "dueAt"),)),
)


def create_tables() -> None:
    """Create missing tables on the engine that the client reaches."""
    client = dynamodb()
    for definition in DEFINITIONS:
        try:
            client.create_table(**create_table_request(definition))
        except client.exceptions.ResourceInUseException:
            continue
        name = definition.table.physical_name
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        if definition.ttl:
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": definition.ttl}
            )


def create_table_request(definition: Definition) -> dict[str, Any]:
    """Return the parameters of `CreateTable` for a definition."""
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    if definition.sort_key:
        keys.append({"AttributeName": definition.sort_key, "KeyType": "RANGE"})
    made: dict[str, Any] = {
        "TableName": definition.table.physical_name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in definition.key_attributes],
    }
    for index in definition.indexes:
        made.setdefault("LocalSecondaryIndexes" if index.is_local else "GlobalSecondaryIndexes", []).append(
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.partition_key, "KeyType": "HASH"},
                    {"AttributeName": index.sort_key, "KeyType": "RANGE"},
                ],
                "Projection": _projection(index),
            }
        )
    return made


def _projection(index: Index) -> dict[str, Any]:
    if not index.included:
        return {"ProjectionType": "KEYS_ONLY"}
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.included)}
