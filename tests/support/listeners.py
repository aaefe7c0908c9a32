"""Clients that listen to a person's events, and what they received."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from chalicelib import aws
from chalicelib.chat.domain.chat import Message, Role
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.resources import SOCKET_WORK, SOCKETS
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.sockets import Client, Sockets

STREAM = "/api/v2/shared-chat/stream"
SETTINGS, KEYS = "/api/v2/settings", "/api/v2/keys"


def open_client(sockets: Sockets, key: str, pump: Pumps, *, after: str | None = None) -> Client:
    client = sockets.connect(key, headers={"Last-Event-ID": after} if after is not None else {})
    assert client.status == 101
    pump.drain(SOCKET_WORK)
    return client


def send_messages(desk: Desk, *contents: str) -> None:
    """Push chat messages to Alice without storing them."""
    events = [Message(each, desk.user_id("alice"), Role.USER, each, None, None, "").live_event for each in contents]
    one_by_one = lambda *calls: [call() for call in calls]  # noqa: E731 - a port
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), one_by_one, FRAME_JOBS)
    notifier.notify(desk.user_id("alice"), *events, log_state=None, now=datetime.now(UTC))


def run_catch_ups_again(pump: Pumps) -> None:
    """Deliver the messages of failed catch-ups again."""
    deadline = time.monotonic() + 10
    while not pump.drain(SOCKET_WORK):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_stream(api: Api, desk: Desk, last: str | None) -> list[dict[str, Any]]:
    """Return the events of a reply; `connected` only for a first connection."""
    answer = api.get(STREAM, desk.alice_key, headers={"Last-Event-ID": last} if last else {})
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    connected, *events = parse_events(answer.text)
    assert connected["type"] == "connected"
    return events if last else [connected, *events]


def parse_events(text: str) -> Iterator[dict[str, Any]]:
    assert text.startswith("retry: ")
    for block in text.strip().split("\n\n")[1:]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = json.loads(fields["data"])
        assert (data["id"], data["type"]) == (fields.get("id", data["id"]), fields["event"])
        assert "id" in fields or data["type"] == "connected"
        yield data


def frame_types(client: Client) -> list[str]:
    return [each["type"] for each in client.frames]


def message_contents(client: Client) -> list[str]:
    return [each["message"]["content"] for each in client.frames if each["type"] == "new_message"]


def new_key(api: Api, desk: Desk, permissions: Any) -> str:
    made = api.post(KEYS, {"name": "new", "permissions": permissions}, desk.alice_key).json["data"]
    return str(made["key"])


def switch_key(api: Api, desk: Desk, key: str, *, active: bool) -> None:
    (found,) = [each for each in api.get(KEYS, desk.alice_key).json["data"] if key.startswith(each["keyPrefix"][:-3])]
    api.call("PATCH", KEYS, {"id": found["id"], "isActive": active}, token=desk.alice_key)


def save_settings(api: Api, desk: Desk, **members: Any) -> None:
    assert api.call("PATCH", SETTINGS, members, token=desk.alice_key).status == 200


def stored_rows(prefix: str) -> list[Any]:
    found = aws.dynamodb().scan(TableName=SOCKETS.physical_name)["Items"]
    return [each for each in found if each["sk"]["S"].startswith(prefix)]
