"""Agents at a running desk, over real WebSockets and event streams."""

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support import inputs
from tests.support.concurrency import run_concurrently
from tests.support.event_source import STREAM, EventSource
from tests.support.started_desk import HOST, ROOT, SHELL, StartedDesk, send_request, start_desk

QUEUE, SETTINGS, SEND = "/api/v2/queue", "/api/v2/settings", "/api/v2/shared-chat/send"
EVENTS = "/api/v1/events"
# How long a client is told to wait that has too many streams, in milliseconds.
REFUSED = 10_000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    budgets = {f"FLUXDEN_{kind}_BUDGET": "1000000" for kind in ("PERSONAL", "TOOLS", "KEY")}
    limits = {"FLUXDEN_DEMO_DAILY_LIMIT": "100000", "FLUXDEN_STREAM_OPEN_SECONDS": "5"}
    limits["WS_HEARTBEAT_SECONDS"] = "1"
    with start_desk(tmp_path_factory.mktemp("live"), **budgets, **limits) as made:
        yield made


class Agent:
    """A client that remembers only the last id it received, and resumes after it."""

    def __init__(self, system: StartedDesk, name: str = "alice") -> None:
        self.system, self.key = system, system.demo["api_keys"][name]
        self.last: str | None = None
        self.socket = self._connect()

    def _connect(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Last-Event-ID": self.last} if self.last else {})
        opening = connect(self.system.demo["ws_url"], additional_headers=headers, proxy=None)
        return opening.__enter__()

    def next(self, timeout: float = 60) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout))
        self.last = frame["id"]
        return frame

    def until(self, kind: str) -> dict[str, Any]:
        return next(frame for frame in iter(self.next, None) if frame["type"] == kind)

    def drop(self) -> None:
        """Drop the connection without closing it, and reconnect."""
        self.socket.socket.close()
        self.socket = self._connect()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.system.call(method, path, body, self.key)
        assert answer.status in (200, 201), answer.body
        return answer.json["data"]


@pytest.fixture
def agent(system: StartedDesk) -> Iterator[Agent]:
    made = Agent(system)
    assert made.next()["type"] == "connected"
    yield made
    made.socket.close()


def test_an_agent_is_woken_completes_its_item_and_gets_the_next(agent: Agent) -> None:
    agent.call("PATCH", SETTINGS, {"queueAutoApprove": True, "mode": "chief_of_staff"})
    agent.until("wake")
    urgent = agent.call("POST", QUEUE, {"title": "Now", "priority": "urgent"})["id"]
    woken = agent.until("wake")
    assert woken["metadata"]["itemId"] == urgent
    other = agent.call("POST", QUEUE, {"title": "Later"})["id"]
    assert agent.until("queue_changed")["itemId"] == other
    done = agent.call("POST", f"{QUEUE}/{urgent}/result", {"result": "Done."})
    assert done["autoDispatched"]["id"] == other
    changes = [agent.until("queue_changed") for _ in range(2)]
    assert [(each["itemId"], each["newStatus"]) for each in changes] == [(urgent, "done_today"), (other, "in_progress")]
    agent.call("POST", f"{QUEUE}/{other}/result", {"result": "Done."})
    agent.call("PATCH", SETTINGS, {"queueAutoApprove": False, "mode": "cockpit"})


def test_an_agent_that_drops_repeatedly_gets_every_frame_once(agent: Agent) -> None:
    sent, heard, stop = 200, list[int](), 60.0

    def talk() -> None:
        with agent.system.connection() as connection:
            for number in range(sent):
                assert send_request(connection, "POST", SEND, {"content": f"{number}"}, agent.key).status == 201

    talking = threading.Thread(target=talk)
    talking.start()
    drops = itertools.count(1)
    while len(heard) < sent:
        frame = agent.next(stop)
        if frame["type"] == "new_message":
            heard.append(int(frame["message"]["content"]))
            if len(heard) % 10 == 0 and len(heard) < sent:
                next(drops)
                agent.drop()
    talking.join()
    assert heard == list(range(sent))
    assert next(drops) == 20


def test_every_client_of_a_person_gets_the_same_frames(system: StartedDesk) -> None:
    agents = [_connected(system) for _ in range(4)]
    _say(agents[0], few := [f"{number}" for number in range(20)])
    for each in agents:
        assert [content for _, content in _hear(each, few)] == few, "their writer sends them before it replies"
    agents += [_connected(system) for _ in range(6)]
    _say(agents[0], many := [f"{number}" for number in range(20, 50)])
    # Beyond four clients a worker sends them, at the same time as others, so only their ids tell the order.
    heard = [sorted(_hear(each, many)) for each in agents]
    assert [content for _, content in heard[0]] == many
    assert heard == [heard[0]] * len(agents)
    for each in agents:
        each.socket.close()


def _connected(system: StartedDesk) -> Agent:
    made = Agent(system, "bob")
    made.until("connected")
    return made


def _say(agent: Agent, contents: list[str]) -> None:
    with agent.system.connection() as connection:
        for content in contents:
            assert send_request(connection, "POST", SEND, {"content": content}, agent.key).status == 201


def _hear(agent: Agent, contents: list[str]) -> list[tuple[str, str]]:
    """Return the ids and contents of as many messages."""
    frames = [agent.until("new_message") for _ in contents]
    return [(each["id"], each["message"]["content"]) for each in frames]


def test_a_client_that_does_not_read_does_not_block_others(system: StartedDesk, agent: Agent) -> None:
    sleeper = Agent(system)
    with system.connection() as connection:
        for number in range(40):
            send_request(connection, "POST", SEND, {"content": f"{number} " + "x" * 9000}, agent.key)
    for number in range(40):
        assert agent.until("new_message")["message"]["content"].startswith(f"{number} ")
    sleeper.socket.socket.close()


def test_an_event_source_gets_the_same_events_as_a_socket(system: StartedDesk) -> None:
    key, heard, ids = system.demo["api_keys"]["bob"], list[str](), list[str]()
    source, connected = EventSource(system.port, key), threading.Event()

    def listen() -> None:
        for event in source.listen():
            connected.set()
            if event["type"] == "new_message" and event["message"]["content"].startswith("sse "):
                heard.append(event["message"]["content"])
                ids.append(event["id"])
            if len(heard) == 60 and source.replies > 1:
                return

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    assert connected.wait(60)
    with system.connection() as connection:
        for number in range(60):
            send_request(connection, "POST", SEND, {"content": f"sse {number}"}, key)
            time.sleep(0.01 * (number % 4) if number % 20 else 2)
    listening.join(120)
    assert heard == [f"sse {number}" for number in range(60)]
    assert ids == sorted(set(ids))
    assert source.replies > 1


def test_an_open_stream_passes_events_on_at_once(system: StartedDesk) -> None:
    source = EventSource(system.port, system.demo["api_keys"]["bob"], agent_name="助手")
    events = source.read_reply()
    connected = next(events)
    assert (connected["type"], connected["agentName"]) == ("connected", "助手")
    assert source.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (source.headers["cache-control"], source.headers["x-accel-buffering"]) == ("no-cache", "no")
    # The reply is still open when its first event is read, because it also has what is sent after that.
    for content in ("now", "then"):
        assert system.call("POST", SEND, {"content": content}, system.demo["api_keys"]["bob"]).status == 201
        assert next(events)["message"]["content"] == content
    assert [each["type"] for each in events] == ["heartbeat"], "the reply ends after its time"


def test_streams_of_clients_that_left_are_not_counted(system: StartedDesk) -> None:
    key = system.demo["api_keys"]["bob"]
    deadline = time.monotonic() + 60
    for _ in range(3):
        # The desk notices a moment later that the clients of the last round have left.
        while not _holds_three_and_no_more(system, key):
            assert time.monotonic() < deadline


def _holds_three_and_no_more(system: StartedDesk, key: str) -> bool:
    with ExitStack() as opened:
        held = [opened.enter_context(closing(EventSource(system.port, key).read_reply())) for _ in range(3)]
        assert [next(each)["type"] for each in held] == ["connected"] * 3
        assert system.call("POST", SEND, {"content": "still there?"}, key).status == 201
        if [next(each)["type"] for each in held] != ["new_message"] * 3:
            return False
        more = EventSource(system.port, key)
        return [each["type"] for each in more.read_reply()] == ["connected", "heartbeat"] and more.retry == REFUSED


def test_a_client_of_http_1_0_reads_a_stream_to_its_end(system: StartedDesk) -> None:
    request = f"GET {STREAM} HTTP/1.0\r\nAuthorization: Bearer {system.demo['api_keys']['bob']}\r\n\r\n"
    answer = b""
    with closing(socket.create_connection((HOST, system.port), timeout=60)) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"200" in head.split(b"\r\n")[0]
    assert b"chunked" not in head
    assert body.startswith(b"retry: 1000\n\nid: ")
    head_only = system.send_bytes(request.replace("GET", "HEAD").encode())
    assert head_only.partition(b"\r\n\r\n")[2] == b""


def test_a_socket_knows_its_agent(system: StartedDesk) -> None:
    name = "助手".encode().decode("latin-1")
    headers = {"Authorization": f"Bearer {system.demo['api_keys']['bob']}", "X-Agent-Name": name}
    with connect(system.demo["ws_url"], additional_headers=headers, proxy=None) as client:
        connected = json.loads(client.recv(60))
        assert (connected["agentName"], connected["type"]) == ("助手", "connected")
        client.send(json.dumps({"action": "send", "content": "Hello"}))
        assert json.loads(client.recv(60))["message"]["agentName"] == "助手"


def test_the_example_agent_completes_a_task_and_resumes(system: StartedDesk, agent: Agent, tmp_path: Path) -> None:
    agent.call("PATCH", SETTINGS, {"queueAutoApprove": True})
    command = [
        sys.executable,
        ROOT / "docs/examples/agent.py",
        system.demo["ws_url"],
        system.demo["base_url"],
        agent.key,
    ]
    for title in ("Order coffee", "Order tea"):
        item = agent.call("POST", QUEUE, {"title": title})["id"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=SHELL) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            agent.call("POST", f"{QUEUE}/{item}/status", {"status": "in_progress"})
            lines = list(takewhile(lambda line: not line.startswith("done"), process.stdout))
            assert lines[-1] == f"working on: {title}\n"
            process.terminate()
        assert agent.call("GET", f"{QUEUE}/{item}")["status"] == "done_today"
    agent.call("PATCH", SETTINGS, {"queueAutoApprove": False})


def test_a_socket_gets_heartbeats_unasked(system: StartedDesk) -> None:
    headers = {"Authorization": f"Bearer {system.demo['api_keys']['bob']}"}
    with connect(system.demo["ws_url"], additional_headers=headers, proxy=None) as client:
        started = time.monotonic()
        frames = [json.loads(client.recv(60)) for _ in range(4)]
        assert [each["type"] for each in frames] == ["connected", *["heartbeat"] * 3]
        assert time.monotonic() - started > 2.5, "they come every second"
        assert all(set(each) == {"id", "type", "timestamp"} for each in frames[1:])
        assert frames[0]["id"] <= frames[-1]["id"]
        client.send(json.dumps({"action": "resume", "after": frames[-1]["id"]}))
        assert json.loads(client.recv(60))["type"] == "heartbeat"


def test_every_event_of_a_burst_reaches_the_socket(system: StartedDesk, agent: Agent) -> None:
    token = system.alice

    def publish(number: int) -> str:
        answer = system.call("POST", EVENTS, inputs.new_event(event_id=f"live-{number}"), token)
        assert (answer.status, answer.json["pushed"]) == (202, True)
        return str(answer.json["deliveryId"])

    published = run_concurrently(16, publish)
    assert sorted(agent.until("delivery")["deliveryId"] for _ in published) == sorted(published)


def test_streams_end_by_a_budget_and_with_the_system(tmp_path: Path) -> None:
    with start_desk(tmp_path, FLUXDEN_KEY_BUDGET="1") as system:
        key = system.demo["api_keys"]["bob"]
        # A minute may end between two requests.
        sources = [EventSource(system.port, key) for _ in range(4)]
        held = [each.read_reply() for each in sources]
        first = [next(each) for each in held]
        assert first[0]["type"] == "connected"
        refused = first.index(next(each for each in first if each["type"] == "error"))
        assert list(held[refused]) == [], "it ends at once"
        assert 1000 <= sources[refused].retry <= 60_000
        assert sources[refused].last_event_id == ""
        assert system.call("GET", STREAM, token=key).status == 429
        system.process.terminate()
        assert system.process.wait(60) == 0
        assert system.stderr == ""
