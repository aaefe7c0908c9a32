"""The rows of the table `relays` (see relays), and how a relay is written with what else changes."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, to_item
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
    Scope,
)
from chalicelib.resources import RELAYS

_LATEST_MILLISECONDS = 9_999_999_999_999
_NEW = "attribute_not_exists(pk)"
_PREFIX = "RELAY#"
UNSENT = "unsent"


def added_relay(relay: Relay) -> list[Action]:
    """The part of a transaction that stores a relay which is sent from here."""
    row = relay_row(relay) | {"unsent": UNSENT}
    return [put_new(row), lists.counting(RELAYS, relay.user_id, added=[relay.facets])]


def named_by_peer(relay: Relay) -> Action:
    """The part of a transaction by which a sent relay is found by the id that the other desk has told."""
    assert relay.peer_relay_id is not None
    return put_new(peer_key(relay.connection_id, relay.peer_relay_id) | claim_row(relay, None))


def put_new(row: Row) -> Action:
    """The part of a transaction that stores a row there is none of yet."""
    request = {"TableName": RELAYS.physical_name, "Item": to_item(row), "ConditionExpression": _NEW}
    return {"Put": request | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}


def relay_key(user_id: str, relay_id: str) -> Row:
    return {"pk": user_id, "sk": f"{_PREFIX}{relay_id}"}


def peer_key(connection_id: str, peer_relay_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": f"PEER#{peer_relay_id}"}


def claim_row(relay: Relay, reply: Mapping[str, Any] | None) -> Row:
    kept = {"reply": json.dumps(reply, ensure_ascii=False)} if reply is not None else {}
    return {"relayId": relay.relay_id, "userId": relay.user_id, "threadId": relay.thread_id, **kept}


def relay_row(relay: Relay) -> Row:
    """A relay's own attributes, with its keys."""
    milliseconds = round(parse_timestamp(relay.created_at).timestamp() * 1000)
    order_key = f"{_LATEST_MILLISECONDS - milliseconds:013d}#{relay.relay_id}"
    return {
        **relay_key(relay.user_id, relay.relay_id),
        "orderKey": order_key,
        "facetsKey": "#".join((*relay.facets, order_key)),
        "id": relay.relay_id,
        "connectionId": relay.connection_id,
        "direction": relay.direction.value,
        "type": relay.type.value,
        "intent": relay.intent.value,
        "subject": relay.subject,
        "payload": relay.payload,
        "priority": relay.priority.value,
        "status": relay.status.value,
        "threadId": relay.thread_id,
        "parentRelayId": relay.parent_relay_id,
        "peerInstanceUrl": relay.peer_url,
        "peerUserEmail": relay.peer_email,
        "peerRelayId": relay.peer_relay_id,
        "dueDate": relay.due_date,
        "teamId": relay.scope.team_id,
        "projectId": relay.scope.project_id,
        "ambient": relay.ambient,
        "cardId": relay.card_id,
        "queueItemId": relay.queue_item_id,
        "resolvedAt": relay.resolved_at,
        "response": relay.response,
        "createdAt": relay.created_at,
        "updatedAt": relay.updated_at,
        "changes": relay.changes,
    }


def relay_of(row: Row) -> Relay:
    """The relay that a row holds."""
    return Relay(
        relay_id=row["id"],
        connection_id=row["connectionId"],
        user_id=row["pk"],
        direction=Direction(row["direction"]),
        type=RelayType(row["type"]),
        intent=RelayIntent(row["intent"]),
        subject=row["subject"],
        payload=row["payload"],
        priority=RelayPriority(row["priority"]),
        status=RelayStatus(row["status"]),
        thread_id=row["threadId"],
        peer_url=row["peerInstanceUrl"],
        peer_email=row["peerUserEmail"],
        peer_relay_id=row["peerRelayId"],
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        parent_relay_id=row["parentRelayId"],
        due_date=row["dueDate"],
        scope=Scope(row["teamId"], row["projectId"]),
        ambient=row["ambient"],
        card_id=row["cardId"],
        queue_item_id=row["queueItemId"],
        resolved_at=row["resolvedAt"],
        response=row["response"],
        changes=int(row["changes"]),
    )
