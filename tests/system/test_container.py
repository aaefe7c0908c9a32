"""The container host: another server and other engines with the same functions."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from websockets.sync.client import connect

from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.event_source import EventSource
from tests.support.receiver import Receiver
from tests.support.started_desk import HOST, ROOT, SHELL, Answer, free_ports, send_request

SEND = "/api/v2/shared-chat/send"
_STARTED_WITHIN_SECONDS = 30


@pytest.fixture
def ports(desk: Desk, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Return the HTTP and WebSocket ports of a started container, on this test's engine."""
    (port, ws_port), (management, _) = free_ports(), free_ports()
    environment = SHELL | engine.environment()
    environment |= {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"], "ALLOW_LOOPBACK": "1"}
    # The container has its own connections.
    del environment["FLUXDEN_SOCKETS_URL"]
    options = ["--port", str(port), "--ws-port", str(ws_port), "--management-port", str(management)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.container", *options], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + _STARTED_WITHIN_SECONDS
        while not _healthy(port):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield port, ws_port
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
        engine_state.engine().refresh()


def _call(port: int, method: str, path: str, body: object = None, token: str = "") -> Answer:
    with closing(HTTPConnection(HOST, port, timeout=10)) as connection:
        return send_request(connection, method, path, body, token)


def _healthy(port: int) -> bool:
    try:
        return _call(port, "GET", "/api/v1/health").status == 200
    except OSError:
        return False


def test_a_container_publishes_pushes_and_calls_back(
    ports: tuple[int, int], desk: Desk, receiver: Receiver, tmp_path: Path
) -> None:
    port, ws_port = ports
    key = {"Authorization": f"Bearer {desk.alice_key}"}
    with connect(f"ws://{HOST}:{ws_port}", additional_headers=key, proxy=None) as client:
        assert json.loads(client.recv(10))["type"] == "connected"
        actions = [{"label": "Go", "action_type": "webhook", "webhook_url": receiver.url}]
        published = _call(port, "POST", "/api/v1/events", inputs.new_event(actions=actions), desk.alice)
        assert published.status == 202
        delivery_id = published.json["deliveryId"]
        assert json.loads(client.recv(10))["deliveryId"] == delivery_id
        clicked = _call(port, "POST", f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
        assert clicked.status in (200, 202)
        told = json.loads(client.recv(20))
        assert told["deliveryId"] == delivery_id
    assert len(receiver.received) == 1

    unknown = _call(port, "GET", "/api/v2/nothing")
    assert (unknown.status, unknown.json["success"]) == (404, False)
    assert _call(port, "DELETE", "/api/v1/events/bulk").headers["Allow"] == "POST"
    missing = _call(port, "GET", "/api/v1/events/a%2Fb", None, desk.alice)
    assert (missing.status, missing.json["code"]) == (404, "not_found"), "a quoted slash is part of an id"
    with closing(HTTPConnection(HOST, port, timeout=10)) as connection:
        connection.request("HEAD", "/api/v1/health")
        assert connection.getresponse().status == 200

    lines = [json.loads(each) for each in (tmp_path / "log").read_text().splitlines() if each.startswith("{")]
    request_id = published.headers["X-Request-Id"]
    (line,) = (each for each in lines if each.get("requestId") == request_id and each["message"] == "request")
    assert (line["operation"], line["status"]) == ("publish_event", 202)


def test_a_container_keeps_event_streams_open(ports: tuple[int, int], desk: Desk) -> None:
    port, _ = ports
    source = EventSource(port, desk.alice_key, agent_name="助手")
    events = source.read_reply()
    connected = next(events)
    assert (connected["type"], connected["agentName"]) == ("connected", "助手")
    for number in range(3):
        assert _call(port, "POST", SEND, {"content": f"{number}"}, desk.alice_key).status == 201
        assert next(events)["message"]["content"] == f"{number}"
    for _ in range(3):
        held = [EventSource(port, desk.bob_key).read_reply() for _ in range(3)]
        assert [next(each)["type"] for each in held] == ["connected"] * 3
        assert [each["type"] for each in EventSource(port, desk.bob_key).read_reply()] == ["connected", "heartbeat"]
        for each in held:
            each.close()
        time.sleep(1)


def test_a_container_loads_no_engine_of_its_own() -> None:
    code = (
        "import sys, infra.container.__main__, infra.catalog, app; print('moto' in sys.modules, 'flask' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["False", "False"]
