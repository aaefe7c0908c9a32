"""Replies that are sent piece by piece, and refusals of event streams."""

import json
import logging
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.chat.domain.streams import Pause
from chalicelib.core.domain.errors import RateLimited, Unauthorized
from chalicelib.edge.header_text import decode_header
from chalicelib.edge.streaming import Pieces, StreamedResponse, is_refused_as_stream, refused_stream

PAUSE = Pause(1, "alice", 0)
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)

pytestmark = pytest.mark.engine("embedded")


@pytest.mark.parametrize(
    ("media_type", "accept", "status", "expected"),
    [
        ("text/event-stream", "text/event-stream", 429, True),
        ("text/event-stream", "application/json, Text/Event-Stream; q=0.5", 503, True),
        ("text/event-stream", "text/event-stream", 401, False),
        ("text/event-stream", "text/event-stream", 400, False),
        ("text/event-stream", "*/*", 429, False),
        ("text/event-stream", "", 503, False),
        ("application/json", "text/event-stream", 429, False),
    ],
)
def test_only_who_asks_for_an_event_stream_is_refused_by_one(
    media_type: str, accept: str, status: int, expected: bool
) -> None:
    assert is_refused_as_stream(media_type, accept, status) is expected


def test_a_refusal_with_any_text_is_one_event() -> None:
    refusal = RateLimited("Wait.\n\nevent: wake\r\ndata: {}\u2028", retry_after=7)
    sent = refused_stream(refusal, 429, {}, "nonsense\nid: 5", NOON)
    retry, event, end = sent.body.split("\n\n")
    assert (retry, end, sent.refused_status, sent.status_code) == ("retry: 7000", "", 429, 200)
    assert event.splitlines()[0] == "event: error"
    data = json.loads(event.split("\n")[1].removeprefix("data: "))
    assert (data["error"], data["timestamp"]) == (refusal.detail, "2026-05-21T12:00:00.000Z")
    assert "id" not in data


def read_all(pieces: Pieces) -> list[str | Pause]:
    return list(iter(pieces.read, None))


def texts(
    *given: str | Pause, ended: list[int] | None = None, fault: Exception | None = None
) -> Generator[str | Pause, int | None]:
    try:
        yield from given
        if fault:
            raise fault
    finally:
        if ended is not None:
            ended.append(1)


def test_a_host_finds_the_pieces_in_the_reply() -> None:
    pieces = Pieces(texts("a", PAUSE, "b"))
    reply = StreamedResponse(pieces, {"Content-Type": "text/event-stream"}, 200).to_dict([])
    assert (reply["statusCode"], reply["body"], read_all(reply["pieces"])) == (200, "", ["a", PAUSE, "b"])


def test_pieces_that_are_closed_end_their_texts_once() -> None:
    ended = list[int]()
    read, left, unread = (Pieces(texts("a", "b", ended=ended)) for _ in range(3))
    assert read_all(read) == ["a", "b"]
    assert left.read() == "a"
    for each in (read, left, left, unread):
        each.close()
    assert ended == [1, 1], "what never began has nothing to end"


def test_a_reply_that_is_closed_is_read_no_more() -> None:
    pieces = Pieces(texts("a", "b"))
    pieces.close()
    assert pieces.read() is None


def test_a_host_that_ends_says_when_to_come_back() -> None:
    def open_reply() -> Generator[str | Pause, int | None]:
        yield "a"
        yield f"after {(yield PAUSE)}"

    pieces = Pieces(open_reply())
    assert [pieces.read(), pieces.read(), pieces.read(1500), pieces.read()] == ["a", PAUSE, "after 1500", None]


@pytest.mark.parametrize("fault", [ValueError("x"), Unauthorized("The key has ended.")])
def test_a_failure_ends_the_pieces(caplog: pytest.LogCaptureFixture, fault: Exception) -> None:
    ended = list[int]()
    with caplog.at_level(logging.INFO):
        assert read_all(Pieces(texts("a", ended=ended, fault=fault))) == ["a"]
    assert ended == [1]
    assert len(caplog.records) == 1


def test_a_caller_is_checked_every_30_seconds() -> None:
    checked = list[datetime]()
    with time_machine.travel(NOON, tick=False) as clock:
        pieces = Pieces(texts(*[PAUSE] * 100))
        pieces.check = lambda: checked.append(datetime.now(UTC))
        for _ in iter(pieces.read, None):
            clock.shift(timedelta(seconds=1))
    assert [(each - NOON).seconds for each in checked] == [30, 60, 90]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("plain", "plain"),
        ("助手".encode().decode("latin-1"), "助手"),
        ("助手", "助手"),
        ("caf\xe9", "café"),
        ("\xc3\x28", "\xc3("),
        ("\ud800", "\ud800"),
    ],
)
def test_headers_are_read_as_utf_8_where_they_are(sent: str, read: str) -> None:
    assert decode_header(sent) == read
