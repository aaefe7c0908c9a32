"""A person's connections, while stores fail and functions die: they come back, and have missed nothing."""

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
# A client's own frames, and what each of them is answered with.
SAYING = {"ping": ["heartbeat"], "send": ["new_message"], "resume": []}


@dataclass
class Life:
    """Bob's connections, with a browser of his that is nudged where none of them hears; the same again and again."""

    api: Api
    desk: Desk
    sockets: Sockets
    last_id: str
    begun: Snapshot
    now: datetime

    def again(self) -> Client:
        """All as it was, with one client that is connected."""
        self.begun.restore()
        (client,) = self.sockets.clients.values()
        client.posted.clear()
        client.gone = False
        return client

    def connect(self) -> Client:
        client = self.sockets.connect(self.desk.bob_key, headers={"Last-Event-ID": self.last_id})
        Pumps().drain(SOCKET_WORK)
        return client

    def publish(self) -> bool:
        """Send bob an event; whether a connection of his hears it."""
        reply = self.api.post("/api/v1/events", inputs.new_event(), self.desk.bob)
        assert reply.status == 202
        return bool(reply.json["pushed"])

    def check_nothing_is_missed(self) -> None:
        """Whoever resumes is told all there is in the log, in order, and each once."""
        client = self.connect()
        log = DynamoFrames().list_after(self.desk.user_id("bob"), int(self.last_id), limit=100, now=datetime.now(UTC))
        told = [each for each in client.frames if each["type"] != "connected"]
        assert [each["id"] for each in told] == [each.frame.id for each in log if each.frame]
        assert told[0]["type"] == "new_message"
        self.sockets.clients.pop(client.connection_id)

    def check_nobody_is_left(self) -> None:
        """Where no client is, nobody is taken for one: a browser is nudged instead."""
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
def life(api: Api, desk: Desk, sockets: Sockets) -> Iterator[Life]:
    subscribed = api.post("/api/v2/push/subscriptions", {"endpoint": "https://push.example.com/1"}, desk.bob_key)
    assert subscribed.status == 201
    client = sockets.connect(desk.bob_key)
    Pumps().drain(SOCKET_WORK)
    api.post("/api/v2/shared-chat/send", {"content": "Before"}, desk.bob_key)
    with intercept_engine():
        yield Life(api, desk, sockets, client.frames[0]["id"], take_snapshot(), datetime.now(UTC))


def points(calls: int) -> list[FaultPoint]:
    """Every fault at every call of so many, and those that are over when a call is made again."""
    ends = [(Fault.KILLED, False), (Fault.KILLED_BEFORE, False), (Fault.LOST, True), (Fault.TIMED_OUT, True)]
    lasting = [FaultPoint(fault, number, lasts=lasts) for number in range(1, calls + 1) for fault, lasts in ends]
    return [*lasting, *(FaultPoint(each) for each in PASSING)]


def met(point: FaultPoint, calls: int, do: Callable[[], object]) -> bool:
    """Whether the function, under the fault, came to its end."""
    with inject_faults(point.plan(calls)):
        try:
            do()
        except Killed:
            return False
    return True


def counted(do: Callable[[], object]) -> int:
    with inject_faults(no_fault) as faults:
        do()
    return len(faults.attempts)


def test_every_function_of_connections_meets_faults_here() -> None:
    assert {name for name, _ in catalog.sockets(app)} == {"$connect", "$default", "$disconnect"}


def test_a_client_that_could_not_connect_tries_again_and_leaves_nobody_behind(life: Life) -> None:
    def shake() -> Client:
        return life.sockets.connect(life.desk.bob_key, headers={"Last-Event-ID": life.last_id})

    life.again().close()
    life.begun, life.sockets.clients = take_snapshot(), {}
    calls = counted(shake)
    # What is stored before the function ends is a connection that nobody opens.
    stored = FaultPoint(Fault.KILLED, calls - 1)
    for point in [stored, *sample([each for each in points(calls) if each != stored], 2, "$connect")]:
        life.begun.restore()
        life.sockets.clients = {}
        ended = not met(point, calls, shake)
        (client,) = life.sockets.clients.values()
        assert ended or client.status == 101 or (client.status >= 500 and point.lasts), point
        if client.status == 101:
            Pumps().drain(SOCKET_WORK)
            assert client.frames[0]["type"] == "connected"
            assert life.publish(), point
        life.check_nobody_is_left()
        life.check_nothing_is_missed()


@pytest.mark.parametrize("action", SAYING)
def test_what_a_client_says_is_done_or_may_be_said_again(life: Life, action: str) -> None:
    said = {"ping": {"action": "ping"}, "send": SEND, "resume": {"action": "resume", "after": life.last_id}}[action]
    calls = counted(lambda: life.again().send(said))
    for point in sample(points(calls), 2, action):
        client = life.again()
        messages = len(list(scan_rows(CHAT)))
        ended = not met(point, calls, partial(client.send, said))
        failed = ended or "Internal server error" in str(client.frames)
        assert not failed or point.lasts or point.fault.ends_function, point
        if failed:
            client.posted.clear()
            client.send(said)
        Pumps().drain(SOCKET_WORK)
        # An outage after the message's own call leaves it to be read.
        cut_short = action == "send" and point.lasts and not failed
        assert [each["type"] for each in client.frames] == SAYING[action] or cut_short, (point, client.frames)
        added = len(list(scan_rows(CHAT))) - messages
        assert added in ((1, 2) if failed and action == "send" else (int(action == "send"),)), point
        assert life.publish(), (point, "it is still heard")
        life.check_nobody_is_left()
        life.check_nothing_is_missed()


def test_a_connection_whose_end_was_not_noted_is_found_out(life: Life) -> None:
    calls = counted(lambda: life.again().close())
    for point in sample(points(calls), 2, "$disconnect"):
        client = life.again()
        met(point, calls, client.close)
        life.check_nobody_is_left()
        life.check_nothing_is_missed()
