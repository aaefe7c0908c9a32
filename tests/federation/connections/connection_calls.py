"""Calls of the connections tests, as a person and as a peer."""

import json
from typing import Any

from click.testing import CliRunner

from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEERS
from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.hostile_peer import HonestPeer, Kind
from tests.support.peer import CONNECTIONS, TOKEN, connection_request, sign_request
from tests.support.receiver import Received, Receiver
from tests.support.worker_scenarios import scan_rows

REQUESTS, CHAT = "/api/v2/connection-requests", "/api/v2/shared-chat/messages?role=assistant"


ACCEPT, END = "/api/federation/connect/accept", "/api/federation/connect/end"


SAM = "sam@other.example.org"


def peer_base_url(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def request_connection(api: Api, desk: Desk, peer: str, key: str | None = None, **more: Any) -> Answer:
    body = {"peerInstanceUrl": peer, "peerUserEmail": SAM} | more
    return api.post(REQUESTS, body, desk.alice_key, key=key)


def own_connections(api: Api, desk: Desk, status: str = "all") -> list[Any]:
    found = api.get(f"{CONNECTIONS}?status={status}", desk.alice_key).json["connections"]
    return [each for each in found if each["peerUserEmail"] != "pat@peer.example"]


def chat_answers(api: Api, desk: Desk) -> list[str]:
    return [each["content"] for each in api.get(CHAT, desk.alice_key).json["data"]["messages"]]


def peer_answers(receiver: Receiver, code: int = 200, /, **said: Any) -> None:
    said = {"success": code < 300} | said
    receiver.status, receiver.body = code, json.dumps(said).encode()


def sent_body(received: Received) -> Any:
    return json.loads(received.body)


def introduce_peer(receiver: Receiver, **more: Any) -> dict[str, Any]:
    key = SigningKey.new("theirs").public
    return connection_request(
        fromInstanceUrl=peer_base_url(receiver), fluxden={"keyId": key.key_id, "publicKey": key.public_key}, **more
    )


ACCEPT_URL = "/api/federation/connect/accept"


def receive_request(api: Api, **overrides: Any) -> Answer:
    return api.post(CONNECTIONS, connection_request(**overrides))


def connections_of(api: Api, key: str, status: str = "all") -> Any:
    return api.get(f"{CONNECTIONS}?status={status}", key).json["connections"]


def change_connection(api: Api, key: str, connection_id: str, **body: Any) -> Answer:
    return api.call("PATCH", f"{CONNECTIONS}/{connection_id}", body, token=key)


def run_command(*command: str) -> Any:
    return CliRunner().invoke(main, list(command))


def ask_as(api: Api, peer: HonestPeer, **more: Any) -> Any:
    """Ask as the desk itself does: it knows the token, and signs if it has a key."""
    asked = connection_request(fromInstanceUrl=peer.url, **more)
    peer.sends(asked["federationToken"])
    raw, headers = sign_request(asked, peer.key)
    return api.post(CONNECTIONS, raw=raw, headers=headers if peer.kind is Kind.KEYS else {})


def peers_rows(token: str = TOKEN) -> list[Any]:
    found = DynamoConnections().find_by_token(token)
    return [each for each in scan_rows(PEERS) if any(each["pk"].endswith(one.token_hash) for one in found)]
