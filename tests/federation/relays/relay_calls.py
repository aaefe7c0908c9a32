"""Calls of the relays tests, as a person and as a peer."""

from datetime import UTC, datetime
from typing import Any

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.signatures import SigningKey, signature_headers
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
)
from chalicelib.federation.relays.stores.relay_rows import add_peer_id_action, add_relay_actions
from chalicelib.resources import RELAYS
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.peer import ACK, BASE_URL, RELAY, connection_request, sign_body
from tests.support.receiver import Receiver

RELAYS_URL, QUEUE_URL, BOARD_URL = "/api/v2/relays", "/api/v2/queue", "/api/v2/kanban"


TOKEN = str(connection_request()["federationToken"])


def given_work(api: Api) -> str:
    given = {"relayId": "r-1", "intent": "assign_task", "subject": "Count", "toUserEmail": "alice@example.com"}
    return str(api.post(RELAY, given, headers={"X-Federation-Token": TOKEN}).json["cardId"])


def complete_card(api: Api, desk: Desk, card_id: str, status: str = "completed") -> Answer:
    return api.call("PATCH", f"{BOARD_URL}/{card_id}", {"status": status}, token=desk.alice_key)


def send_relay(api: Api, desk: Desk, connection_id: str, **members: Any) -> Answer:
    return api.post(RELAYS_URL, {"connectionId": connection_id} | members, desk.alice_key)


def list_relays(api: Api, desk: Desk, **query: str) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    found: dict[str, Any] = api.get(f"{RELAYS_URL}?{text}", desk.alice_key).json["data"]
    return found


def peer_url(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


PATHS = [RELAY, "/api/federation/relay"]


CHAT_PAGE, BOARD_PAGE, QUEUE_PAGE = (
    "/api/v2/shared-chat/messages?role=assistant",
    "/api/v2/kanban?limit=200",
    "/api/v2/queue?limit=100",
)


def new_relay(**overrides: Any) -> dict[str, Any]:
    """A relay of pat's for alice; an override of None takes the member out."""
    made = {
        "relayId": "r-1",
        "toUserEmail": "alice@example.com",
        "type": "request",
        "intent": "get_info",
        "subject": "How many depots?",
        "payload": {"message": "Please count them."},
    } | overrides
    return {name: value for name, value in made.items() if value is not None}


def receive_relay(api: Api, token: str, path: str = RELAY, **overrides: Any) -> Answer:
    return api.post(path, new_relay(**overrides), headers={"X-Federation-Token": token})


def peer_messages(api: Api, key: str) -> list[Any]:
    messages: list[Any] = api.get(CHAT_PAGE, key).json["data"]["messages"]
    return messages


def cards_of(api: Api, key: str) -> list[Any]:
    return [each for each in api.get(BOARD_PAGE, key).json["data"]["cards"] if each["sourceRelayId"]]


def queue_items_of(api: Api, key: str) -> list[Any]:
    return [each for each in api.get(QUEUE_PAGE, key).json["data"]["items"] if each["source"] == "federation"]


def stored_relay(desk: Desk, relay_id: str, name: str = "alice") -> Any:
    key = to_item({"pk": desk.user_id(name), "sk": f"RELAY#{relay_id}"})
    got = aws.dynamodb().get_item(TableName=RELAYS.physical_name, Key=key)
    return from_item(dict(got["Item"]))


def sign_relay(
    body: Any, key: SigningKey, token: str, path: str, *, at: datetime | None = None, base_url: str = BASE_URL
) -> tuple[bytes, dict[str, str]]:
    raw, headers = sign_body(body, token)
    made = signature_headers(
        "POST", f"{base_url}{path}", raw, destination=base_url, key=key, at=at or datetime.now(UTC)
    )
    return raw, {**headers, **made}


def add_sent_relay(desk: Desk, token: str, **overrides: Any) -> Relay:
    """A relay that alice has sent over the demo organisation's connection."""
    (connection,) = DynamoConnections().find_by_token(token)
    now = timestamp(datetime.now(UTC))
    made: dict[str, Any] = {
        "relay_id": "00000000-0000-4000-8000-000000000007",
        "connection_id": connection.connection_id,
        "user_id": desk.user_id("alice"),
        "direction": Direction.OUTBOUND,
        "type": RelayType.REQUEST,
        "intent": RelayIntent.ASSIGN_TASK,
        "subject": "Count the depots",
        "payload": "{}",
        "priority": RelayPriority.NORMAL,
        "status": RelayStatus.DELIVERED,
        "thread_id": "00000000-0000-4000-8000-000000000007",
        "peer_url": connection.peer_url,
        "peer_email": connection.peer_email,
        "peer_relay_id": "their-7",
        "created_at": now,
        "updated_at": now,
    }
    relay = Relay(**{**made, **overrides})
    commit([*add_relay_actions(relay), add_peer_id_action(relay)], claim=None, reply={})
    return relay


def acknowledge(api: Api, token: str, **body: Any) -> Answer:
    return api.post(ACK, body, headers={"X-Federation-Token": token})
