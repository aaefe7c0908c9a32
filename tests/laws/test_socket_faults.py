"""Clients that reconnect after any fault have missed nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine

from app import app
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.resources import CHAT, SOCKET_WORK, SOCKETS, WEB_PUSH
from infra import catalog
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.fault_sweep import FaultPoint, sample
from tests.support.faults import PASSING, Fault, Killed, inject_faults, intercept_engine, no_fault
from tests.support.pump import Pumps, count_messages
from tests.support.sockets import Client, Sockets
from tests.support.worker_scenarios import scan_rows

SEND = {"action": "send", "content": "Hello"}
# Frames of a client, and the types of frames that answer them.
ANSWER_TYPES = {"ping": ["heartbeat"], "send": ["new_message"], "resume": []}


@dataclass
class SocketScenario:
    """Bob's connections from a console, and a browser that is notified if none of them is open. It can be restarted."""

    api: Api
    desk: Desk
    sockets: Sockets
    last_id: str
    start: Snapshot
    now: datetime

    def restart(self) -> Client:
        """Restore the start, with one connected client."""
        self.start.restore()
        (client,) = self.sockets.clients.values()
        client.posted.clear()
        client.gone = False
        return client

    def connect(self) -> Client:
        client = self.sockets.connect(
            subprotocols=["bearer", self.desk.bob_key], headers={"Last-Event-ID": self.last_id}
        )
        Pumps().drain(SOCKET_WORK)
        return client

    def publish(self) -> bool:
        """Publish an event to Bob, who looks at his console, and return whether it was pushed to a connection."""
        for each in self.sockets.clients.values():
            if not each.gone:
                each.send({"action": "ping", "visible": True})
        reply = self.api.post("/api/v1/events", inputs.new_event(), self.desk.bob)
        assert reply.status == 202
        return bool(reply.json["pushed"])

    def check_nothing_is_missed(self) -> None:
        """Check that a client that resumes gets every frame of the log once and in order."""
        client = self.connect()
        log = DynamoFrames().list_after(self.desk.user_id("bob"), int(self.last_id), limit=100, now=datetime.now(UTC))
        received = [each for each in client.frames if each["type"] != "connected"]
        assert [each["id"] for each in received] == [each.frame.id for each in log if each.frame]
        assert received[0]["type"] == "new_message"
        self.sockets.clients.pop(client.connection_id)

    def check_no_connection_is_left(self) -> None:
        """Check that without clients no connection is live, and a browser is notified instead."""
        for each in self.sockets.clients.values():
            each.gone = True
        with time_machine.travel(self.now + timedelta(minutes=2), tick=False):
            Pumps().drain(SOCKET_WORK)
            self.publish()
            before = count_messages(WEB_PUSH)
            assert not self.publish()
            assert count_messages(WEB_PUSH) == before + 1
        assert [row for row in scan_rows(SOCKETS) if row.get("live")] == []
        assert (count_messages(SOCKET_WORK), count_messages(SOCKET_WORK.dead_letters)) == (0, 0)


@pytest.fixture
def scenario(api: Api, desk: Desk, sockets: Sockets) -> Iterator[SocketScenario]:
    subscribed = api.post("/api/v2/push/subscriptions", {"endpoint": "https://push.example.com/1"}, desk.bob_key)
    assert subscribed.status == 201
    client = sockets.connect(subprotocols=["bearer", desk.bob_key])
    Pumps().drain(SOCKET_WORK)
    api.post("/api/v2/shared-chat/send", {"content": "Before"}, desk.bob_key)
    with intercept_engine():
        yield SocketScenario(api, desk, sockets, client.frames[0]["id"], take_snapshot(), datetime.now(UTC))


def points(calls: int) -> list[FaultPoint]:
    """Return every fault at each of so many calls."""
    ends = [(Fault.KILLED, False), (Fault.KILLED_BEFORE, False), (Fault.LOST, True), (Fault.TIMED_OUT, True)]
    lasting = [FaultPoint(fault, number, lasts=lasts) for number in range(1, calls + 1) for fault, lasts in ends]
    return [*lasting, *(FaultPoint(each) for each in PASSING)]


def finishes_under_fault(point: FaultPoint, calls: int, do: Callable[[], object]) -> bool:
    """Run the function under the fault, and return whether it reached its end."""
    with inject_faults(point.plan(calls)):
        try:
            do()
        except Killed:
            return False
    return True


def count_calls(do: Callable[[], object]) -> int:
    with inject_faults(no_fault) as faults:
        do()
    return len(faults.attempts)


def test_every_socket_route_is_tested_here() -> None:
    assert {name for name, _ in catalog.sockets(app)} == {"$connect", "$default", "$disconnect"}


def test_a_failed_connect_leaves_no_connection_behind(scenario: SocketScenario) -> None:
    def shake() -> Client:
        return scenario.sockets.connect(
            subprotocols=["bearer", scenario.desk.bob_key], headers={"Last-Event-ID": scenario.last_id}
        )

    scenario.restart().close()
    scenario.start, scenario.sockets.clients = take_snapshot(), {}
    calls = count_calls(shake)
    # A function that ends after its last write leaves a connection that is never opened.
    stored = FaultPoint(Fault.KILLED, calls - 1)
    for point in [stored, *sample([each for each in points(calls) if each != stored], 2, "$connect")]:
        scenario.start.restore()
        scenario.sockets.clients = {}
        ended = not finishes_under_fault(point, calls, shake)
        (client,) = scenario.sockets.clients.values()
        assert ended or client.status == 101 or (client.status >= 500 and point.lasts), point
        if client.status == 101:
            Pumps().drain(SOCKET_WORK)
            assert client.frames[0]["type"] == "connected"
            assert scenario.publish(), point
        scenario.check_no_connection_is_left()
        scenario.check_nothing_is_missed()


@pytest.mark.parametrize("action", ANSWER_TYPES)
def test_a_frame_has_its_effect_or_can_be_sent_again(scenario: SocketScenario, action: str) -> None:
    frame = {"ping": {"action": "ping"}, "send": SEND, "resume": {"action": "resume", "after": scenario.last_id}}[
        action
    ]
    calls = count_calls(lambda: scenario.restart().send(frame))
    for point in sample(points(calls), 2, action):
        client = scenario.restart()
        messages = len(list(scan_rows(CHAT)))
        ended = not finishes_under_fault(point, calls, partial(client.send, frame))
        failed = ended or "Internal server error" in str(client.frames)
        assert not failed or point.lasts or point.fault.ends_function, point
        if failed:
            client.posted.clear()
            client.send(frame)
        Pumps().drain(SOCKET_WORK)
        # After an outage the message is stored but may not be pushed.
        cut_short = action == "send" and point.lasts and not failed
        assert [each["type"] for each in client.frames] == ANSWER_TYPES[action] or cut_short, (point, client.frames)
        added = len(list(scan_rows(CHAT))) - messages
        assert added in ((1, 2) if failed and action == "send" else (int(action == "send"),)), point
        assert scenario.publish(), (point, "the connection no longer receives frames")
        scenario.check_no_connection_is_left()
        scenario.check_nothing_is_missed()


def test_a_connection_whose_disconnect_failed_is_detected(scenario: SocketScenario) -> None:
    calls = count_calls(lambda: scenario.restart().close())
    for point in sample(points(calls), 2, "$disconnect"):
        client = scenario.restart()
        finishes_under_fault(point, calls, client.close)
        scenario.check_no_connection_is_left()
        scenario.check_nothing_is_missed()
