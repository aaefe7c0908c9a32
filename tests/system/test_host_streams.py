"""Event streams that the container host holds: what they cost, what wakes them, and how they end."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from chalicelib import aws
from chalicelib.api.v2.chat import stream_events
from chalicelib.chat.domain.streams import Pause
from chalicelib.edge.streaming import Pieces
from chalicelib.live.stores import frames
from infra.container import listeners
from infra.local import log_watch
from infra.local.log_watch import LogWatch
from tests.conftest import Desk
from tests.support.api import gateway_event
from tests.support.api_keys import new_listener
from tests.support.listeners import STREAM, send_messages, stored_rows
from tests.support.served_host import ServedHost, serve_host

pytestmark = pytest.mark.engine("embedded")

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
_HELD, _OF_A_PERSON = 500, 3


@pytest.fixture
def host(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedHost]:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    listeners.raise_file_limit()
    with serve_host(threads=4, streams=_HELD) as served:
        yield served


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask_for_stream(host: ServedHost, key: str, last: str = "") -> socket.socket:
    client = host.connect(timeout=60)
    resumed = f"Last-Event-ID: {last}\r\n" if last else ""
    client.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {key}\r\n{resumed}\r\n".encode())
    return client


def read_until(client: socket.socket, text: bytes) -> bytes:
    received = b""
    while text not in received:
        more = client.recv(65536)
        assert more, received
        received += more
    return received


def test_500_held_streams_use_no_thread(host: ServedHost, desk: Desk) -> None:
    keys = [new_listener() for _ in range(_HELD // _OF_A_PERSON)] + [desk.alice_key]
    with ExitStack() as opened:
        held = [
            opened.enter_context(closing(ask_for_stream(host, keys[number // _OF_A_PERSON]))) for number in range(_HELD)
        ]
        for each in held:
            read_until(each, b"event: connected")
        wait_until(lambda: host.threads.busy == 0 and host.threads.waiting == 0)
        assert host.application.slots.held == _HELD
        # Those of the pool, the event loop's, and one that reads the logs.
        named = [each.name for each in threading.enumerate()]
        assert len([each for each in named if each.startswith("served ")]) == host.threads.count + 1
        assert named.count("log watch") == 1

        # What does not fit ends at once.
        with closing(ask_for_stream(host, desk.bob_key)) as more:
            read_until(more, b"retry: 10000")
        send_messages(desk, "x")
        for each in held[-(_HELD % _OF_A_PERSON) :]:
            assert b'"content":"x"' in read_until(each, b"new_message")
    wait_until(lambda: host.application.slots.held == 0)


def test_all_logs_together_cost_a_store_call_a_second_for_a_hundred_people() -> None:
    assert log_watch.POLL_SECONDS >= 1
    with aws.count_calls() as count:
        found = frames.DynamoFrames().find_grown({str(uuid4()): 1 for _ in range(_HELD)})
    assert (found, count) == (set(), [5])


def test_a_held_stream_makes_six_store_calls_a_minute(desk: Desk) -> None:
    """With each heartbeat an authentication, a look at the log and a hold on its slot; a few to begin and to end."""
    event = gateway_event("GET", STREAM, {"Authorization": f"Bearer {desk.alice_key}"}, None)
    event["requestContext"]["streamSeconds"] = 300
    with time_machine.travel(NOON, tick=False) as clock:
        pieces: Pieces = stream_events(event, None)["pieces"]
        beats = 0
        with aws.count_calls() as count:
            while (piece := pieces.read()) is not None:
                if isinstance(piece, Pause):
                    clock.shift(timedelta(seconds=piece.seconds))
                else:
                    beats += "event: heartbeat" in piece
    assert beats == 10
    assert count[0] <= 3 * beats + 8


def test_what_this_process_writes_wakes_a_stream_at_once(
    host: ServedHost, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_watch, "POLL_SECONDS", 600)
    with closing(ask_for_stream(host, desk.alice_key)) as client:
        read_until(client, b"event: connected")
        wait_until(lambda: host.threads.busy == 0)
        send_messages(desk, "1")
        read_until(client, b'"content":"1"')


def test_what_another_process_writes_wakes_a_stream_within_a_second(
    host: ServedHost, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "on_append", [])
    with closing(ask_for_stream(host, desk.alice_key)) as client:
        read_until(client, b"event: connected")
        for number in range(3):
            send_messages(desk, f"{number}")
            read_until(client, f'"content":"{number}"'.encode())


def test_a_watch_wakes_the_streams_of_a_log_that_has_grown() -> None:
    asked, woken = list[dict[str, int]](), list[str]()

    def find_grown(positions: dict[str, int]) -> set[str]:
        asked.append(positions)
        return {"alice"} & set(positions)

    watch = LogWatch(find_grown)  # type: ignore[arg-type]
    with watch.listen(lambda: woken.append("a5")) as one, watch.listen(lambda: woken.append("a9")) as other:
        with watch.listen(lambda: woken.append("b")) as third:
            watch.pause(one, Pause(1, "alice", 5))
            watch.pause(other, Pause(1, "alice", 9))
            watch.pause(third, Pause(1, "bob", 2))
            watch.poll()
            assert asked[-1] == {"alice": 5, "bob": 2}, "the one that is furthest behind"
            assert sorted(woken) == ["a5", "a9"]
        watch.pause(one, Pause(1, "alice", 9))
        watch.poll()
        assert asked[-1] == {"alice": 9}
    asked.clear()
    watch.poll()
    assert asked == []


def test_a_client_that_leaves_gives_its_slots_back(host: ServedHost, desk: Desk) -> None:
    for _ in range(2):
        with ExitStack() as opened:
            for _ in range(_OF_A_PERSON):
                client = opened.enter_context(closing(ask_for_stream(host, desk.alice_key)))
                assert b"retry: 1000\n" in read_until(client, b"event: connected")
        wait_until(lambda: host.application.slots.held == 0)
        assert stored_rows("SLOT#") == []


def test_streams_end_with_a_retry_when_the_host_ends(host: ServedHost, desk: Desk) -> None:
    with closing(ask_for_stream(host, desk.alice_key)) as client:
        read_until(client, b"event: connected")
        wait_until(lambda: host.threads.busy == 0)
        host.drain()
        last = read_until(client, b"0\r\n\r\n")
    retry = re.search(rb"retry: (\d+)\n\n(id: \d+\nevent: heartbeat)", last)
    assert retry, last
    assert 1000 <= int(retry[1]) <= 5000
    assert host.join()
    assert stored_rows("SLOT#") == []
    assert json.loads(last.split(b"data: ")[1].split(b"\n")[0])["type"] == "heartbeat"
