"""The container host ends on SIGTERM without cutting anything, and says how it is until then."""

import json
import signal
import socket
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.event_source import EventSource
from tests.support.receiver import Receiver
from tests.support.started_container import StartedContainer, start_container
from tests.support.started_desk import HOST, send_request

EVENTS = "/api/v1/events"
_BUDGETS = {"FLUXDEN_PERSONAL_BUDGET": "1000000", "FLUXDEN_KEY_BUDGET": "1000000"}


@dataclass
class Publisher:
    """Publishes events one after the other until connections are refused."""

    container: StartedContainer
    token: str
    keeps_connection: bool
    answered: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        connection: HTTPConnection | None = None
        while True:
            if connection is None or connection.sock is None:
                connection = HTTPConnection(HOST, self.container.port, timeout=60)
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            try:
                answer = send_request(connection, "POST", EVENTS, inputs.new_event(), self.token)
            except (OSError, HTTPException) as fault:
                # The connection was accepted, so this is a request that was cut.
                self.faults.append(repr(fault))
                return
            if answer.status != 202:
                self.faults.append(f"{answer.status}: {answer.body!r}")
                return
            self.answered.append(answer.json["deliveryId"])
            if not self.keeps_connection:
                connection.close()


def test_no_request_is_cut_and_every_answered_event_is_stored(desk: Desk, tmp_path: Path) -> None:
    with start_container(tmp_path, **_BUDGETS) as container:
        publishers = [Publisher(container, desk.alice, keeps_connection=number % 2 == 0) for number in range(6)]
        threads = [threading.Thread(target=each.run, daemon=True) for each in publishers]
        for each in threads:
            each.start()
        _wait_until(lambda: all(len(each.answered) >= 10 for each in publishers) or any(e.faults for e in publishers))
        assert container.stop() == 0
        for each in threads:
            each.join(60)
            assert not each.is_alive()
    assert [each.faults for each in publishers] == [[]] * len(publishers)
    answered = [each for publisher in publishers for each in publisher.answered]
    assert len(set(answered)) == len(answered) >= 60
    assert [each for each in answered if DynamoDeliveries().find(each) is None] == []


def test_sockets_are_closed_with_1001_and_streams_say_when_to_come_back(desk: Desk, tmp_path: Path) -> None:
    key = {"Authorization": f"Bearer {desk.alice_key}"}
    with start_container(tmp_path) as container:
        source = EventSource(container.port, desk.alice_key)
        events = source.read_reply()
        assert next(events)["type"] == "connected"
        with connect(f"ws://{HOST}:{container.ws_port}", additional_headers=key, proxy=None) as client:
            assert json.loads(client.recv(20))["type"] == "connected"
            assert container.stop() == 0
            with pytest.raises(ConnectionClosed) as ended:
                client.recv(20)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1001
        assert [each["type"] for each in events] == ["heartbeat"]
        assert 1000 <= source.retry <= 5000


def test_a_message_in_work_is_finished(desk: Desk, api: Api, receiver: Receiver, tmp_path: Path) -> None:
    with start_container(tmp_path) as container:
        called, release, path = _press_button(container, desk, receiver)
        assert called.wait(60)
        container.process.send_signal(signal.SIGTERM)
        _wait_until(lambda: not _is_listening(container.port))
        assert container.process.poll() is None
        release.set()
        assert container.process.wait(60) == 0
    assert len(receiver.posted) == 1
    (action,) = api.get(path, desk.alice_key).json["actions"]
    assert action["outcome"] == "delivered"


def test_a_drain_ends_in_time_although_work_does_not(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    with start_container(tmp_path, FLUXDEN_DRAIN_SECONDS="3") as container:
        called, release, _ = _press_button(container, desk, receiver)
        assert called.wait(60)
        assert container.stop() == 0
        assert "not everything had ended after 3" in container.output
        release.set()


def test_a_second_signal_ends_the_process_at_once(desk: Desk, tmp_path: Path) -> None:
    with (
        start_container(tmp_path, FLUXDEN_DRAIN_SECONDS="600") as container,
        closing(socket.create_connection((HOST, container.port), timeout=60)) as client,
    ):
        # A request whose body is still to come, for which a drain waits.
        client.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: desk\r\nContent-Length: 9\r\n\r\nx".encode())
        _wait_until(lambda: container.find_health().json["http"]["connections"] > 0)
        container.process.send_signal(signal.SIGTERM)
        _wait_until(lambda: not _is_listening(container.port))
        assert container.stop() == 1


def test_each_part_says_how_it_is(desk: Desk, tmp_path: Path) -> None:
    with start_container(tmp_path) as container:
        answer = container.find_health()
        assert (answer.status, answer.json["status"], answer.json["reasons"]) == (200, "ok", [])
        assert answer.json["engine"] == {"reachable": True}
        assert answer.json["threads"]["count"] == 64
        assert answer.json["http"]["streams"] == {"open": 0, "most": 1000}
        assert answer.json["sockets"] == {"open": 0}
        workers = answer.json["workers"]
        assert {"deliver_callback", "fan_out"} <= set(workers["secondsSincePoll"])
        assert "announce_due_callbacks" in workers["secondsSinceRun"]
        assert container.call("GET", "/healthz").status == 404, "it is internal"


def test_a_process_has_the_health_of_its_parts_only(desk: Desk, tmp_path: Path) -> None:
    with start_container(tmp_path, "--serve", "workers") as container:
        about = container.find_health().json
        assert {"http", "sockets"}.isdisjoint(about)
        assert about["workers"]["secondsSincePoll"]
        assert container.stop() == 0


def _press_button(
    container: StartedContainer, desk: Desk, receiver: Receiver
) -> tuple[threading.Event, threading.Event, str]:
    """Cause a callback whose receiver waits. Returns whether it was called, what lets it go on, and its delivery."""
    called, release = threading.Event(), threading.Event()

    def wait() -> None:
        called.set()
        release.wait(120)

    receiver.before = wait
    actions = [{"label": "Go", "action_type": "webhook", "webhook_url": receiver.url}]
    published = container.call("POST", EVENTS, inputs.new_event(actions=actions), desk.alice)
    delivery_id = published.json["deliveryId"]
    clicked = container.call("POST", f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
    assert clicked.status in (200, 202)
    return called, release, f"/api/v1/inbox/{delivery_id}"


def _is_listening(port: int) -> bool:
    try:
        with closing(socket.create_connection((HOST, port), timeout=1)):
            return True
    except OSError:
        return False


def _wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
