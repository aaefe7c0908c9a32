"""The container host: another server and other engines with the same functions."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.conftest import Desk
from tests.support import inputs
from tests.support.event_source import EventSource
from tests.support.receiver import Receiver
from tests.support.started_container import StartedContainer, start_container
from tests.support.started_desk import HOST, ROOT

SEND = "/api/v2/shared-chat/send"


@pytest.fixture
def container(desk: Desk, tmp_path: Path) -> Iterator[StartedContainer]:
    """A started container, which ends when it is told to."""
    with start_container(tmp_path) as started:
        yield started
        assert started.stop() == 0


def test_a_container_publishes_pushes_and_calls_back(
    container: StartedContainer, desk: Desk, receiver: Receiver
) -> None:
    port = container.port
    key = {"Authorization": f"Bearer {desk.alice_key}"}
    with connect(f"ws://{HOST}:{container.ws_port}", additional_headers=key, proxy=None) as client:
        assert json.loads(client.recv(10))["type"] == "connected"
        actions = [{"label": "Go", "action_type": "webhook", "webhook_url": receiver.url}]
        published = container.call("POST", "/api/v1/events", inputs.new_event(actions=actions), desk.alice)
        assert published.status == 202
        delivery_id = published.json["deliveryId"]
        assert json.loads(client.recv(10))["deliveryId"] == delivery_id
        clicked = container.call("POST", f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
        assert clicked.status in (200, 202)
        told = json.loads(client.recv(20))
        assert told["deliveryId"] == delivery_id
    assert len(receiver.received) == 1

    unknown = container.call("GET", "/api/v2/nothing")
    assert (unknown.status, unknown.json["success"]) == (404, False)
    assert container.call("DELETE", "/api/v1/events/bulk").headers["Allow"] == "POST"
    missing = container.call("GET", "/api/v1/events/a%2Fb", None, desk.alice)
    assert (missing.status, missing.json["code"]) == (404, "not_found"), "a quoted slash is part of an id"
    with closing(HTTPConnection(HOST, port, timeout=10)) as connection:
        connection.request("HEAD", "/api/v1/health")
        assert connection.getresponse().status == 200

    lines = [json.loads(each) for each in container.output.splitlines() if each.startswith("{")]
    request_id = published.headers["X-Request-Id"]
    (line,) = (each for each in lines if each.get("requestId") == request_id and each["message"] == "request")
    assert (line["operation"], line["status"]) == ("publish_event", 202)


def test_a_container_keeps_event_streams_open(container: StartedContainer, desk: Desk) -> None:
    port = container.port
    source = EventSource(port, desk.alice_key, agent_name="助手")
    events = source.read_reply()
    connected = next(events)
    assert (connected["type"], connected["agentName"]) == ("connected", "助手")
    for number in range(3):
        assert container.call("POST", SEND, {"content": f"{number}"}, desk.alice_key).status == 201
        assert next(events)["message"]["content"] == f"{number}"
    held = [EventSource(port, desk.bob_key).read_reply() for _ in range(3)]
    assert [next(each)["type"] for each in held] == ["connected"] * 3
    assert [each["type"] for each in EventSource(port, desk.bob_key).read_reply()] == ["connected", "heartbeat"]


def test_a_container_loads_no_engine_of_its_own() -> None:
    code = (
        "import sys, infra.container.__main__, infra.catalog, app; print('moto' in sys.modules, 'flask' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["False", "False"]
