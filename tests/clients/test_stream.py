"""The live events of the Python client: read as browsers read event streams, and resumed where a connection ended."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import httpx2
import pytest

from fluxden import ForbiddenError, UnavailableError
from fluxden.retries import RetryPolicy
from fluxden.stream import LiveEvents, ServerSentEvents
from fluxden.transport import Transport

pytestmark = pytest.mark.engine("embedded")


def event(number: int, kind: str = "delivery") -> str:
    data = json.dumps({"id": str(number), "type": kind})
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"


class Broken(httpx2.SyncByteStream):
    """A reply whose connection breaks after a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self._text.encode()
        raise httpx2.ReadError("broken")


def stream(text: str) -> httpx2.Response:
    return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})


def listen(answers: Sequence[httpx2.Response], **options: Any) -> tuple[LiveEvents, list[str | None], list[float]]:
    left, asked, waits = iter(answers), list[str | None](), list[float]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("last-event-id"))
        return next(left)

    policy = RetryPolicy(attempts=3, jitter=lambda: 1.0)
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    transport = Transport("https://desk.example", "dvd_x", client=client)
    return LiveEvents(transport, policy=policy, sleep=waits.append, **options), asked, waits


def ids(events: LiveEvents, count: int) -> list[str]:
    return [each["id"] for each in islice(events, count)]


def test_it_goes_on_after_the_last_event_when_a_reply_ends() -> None:
    first = f"retry: 1500\n{event(10, 'connected')}{event(11)}"
    events, asked, waits = listen([stream(first), stream(event(12, "heartbeat") + event(13))])
    assert ids(events, 2) == ["11", "13"]
    assert (asked, waits) == ([None, "11"], [1.5])


def test_what_a_broken_connection_began_is_asked_for_again() -> None:
    broken = httpx2.Response(200, stream=Broken(event(10, "connected") + event(11) + 'id: 12\ndata: {"id": "12"'))
    events, asked, waits = listen([broken, stream(event(12))])
    assert ids(events, 2) == ["11", "12"]
    assert (asked, waits) == ([None, "11"], [0.5])


def test_a_first_connection_that_only_connects_is_resumed_from_there() -> None:
    events, asked, _ = listen([stream(event(10, "connected")), stream(event(11))])
    assert ids(events, 1) == ["11"]
    assert asked == [None, "10"]


def test_it_begins_after_the_id_that_it_is_given() -> None:
    events, asked, _ = listen([stream(event(8))], after="7")
    assert ids(events, 1) == ["8"]
    assert asked == ["7"]


def test_a_stream_that_is_refused_in_an_event_comes_back_when_it_says() -> None:
    busy = 'retry: 4000\nevent: error\ndata: {"type": "error", "status": 429}\n\n'
    events, asked, waits = listen([stream(busy), stream(event(8))], after="7")
    assert ids(events, 1) == ["8"]
    assert (asked, waits) == (["7", "7"], [4.0])


def test_a_busy_desk_is_asked_again_as_it_says_and_then_no_more() -> None:
    busy = httpx2.Response(503, json={"error": "Busy."}, headers={"retry-after": "9"})
    events, _, waits = listen([busy, stream(event(8)), busy, busy, busy])
    with pytest.raises(UnavailableError):
        ids(events, 2)
    # Two attempts after the first connection, and the one that ended by itself between them.
    assert waits == [9.0, 1.0, 9.0, 9.0]


def test_a_key_that_may_not_listen_is_told_at_once() -> None:
    events, asked, _ = listen([httpx2.Response(403, json={"error": "No."})])
    with pytest.raises(ForbiddenError):
        ids(events, 1)
    assert len(asked) == 1


def test_an_event_counts_as_handled_once_the_next_one_is_asked_for() -> None:
    events, _, _ = listen([stream(event(10, "connected") + event(11) + event(12))])
    seen = iter(events)
    next(seen)
    assert events.last_id == "10"
    next(seen)
    assert events.last_id == "11"


def test_lines_are_read_as_the_standard_says() -> None:
    source = ServerSentEvents()
    lines = [
        ": comment",
        "event: a",
        "data: one",
        "data:two",
        "id: 5",
        "",
        "id: 6",
        "",
        "data",
        "",
        "retry: x",
        "data: cut",
    ]
    assert list(source.read(iter(lines))) == [("a", "one\ntwo"), ("message", "")]
    assert (source.last_id, source.retry) == ("6", 1.0)


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_date_says_how_long_to_wait_too(seconds: int) -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    header = (now + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    wait = RetryPolicy().wait_after_status(1, 429, {"retry-after": header}, is_repeatable=False, now=now)
    assert wait == float(seconds)


def test_without_a_wait_the_budget_says_when_it_is_full_again() -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(now.timestamp()) + 12)}
    assert RetryPolicy().wait_after_status(1, 429, headers, is_repeatable=False, now=now) == 12.0
