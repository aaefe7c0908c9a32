"""Replies are read as RFC 9110 has them: what was accepted is not sent again, and errors are text."""

import gzip
import io
import socket
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.domain.retries import Attempt, Outcome, RetryLadder
from chalicelib.core.gateways import http
from chalicelib.core.gateways.http_replies import read_head
from chalicelib.core.services.attempts import AttemptRunner
from chalicelib.settings import settings
from tests.support.raw_server import RawServer
from tests.support.reply_shapes import BAD, HINTS, OK, SHAPES, Shape

pytestmark = [pytest.mark.engine("embedded"), pytest.mark.usefixtures("_loopback")]

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
LADDER = RetryLadder((timedelta(0), timedelta(0), timedelta(0)))


@pytest.fixture
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK", "1")
    settings.cache_clear()


@dataclass
class Work:
    """Work of three attempts, which keeps what is recorded of it."""

    attempts: list[Attempt] = field(default_factory=list)
    outcome: str = Outcome.PENDING

    def lease(self, *_: object, **__: object) -> bool:
        return True

    def record(self, *_: object, outcome: str, attempt: Attempt | None, **_more: object) -> bool:
        assert attempt
        self.attempts.append(attempt)
        self.outcome = outcome
        return True

    def announce(self, *_: object, **__: object) -> None: ...
    def announce_all(self, *_: object) -> None: ...


def run(url: str) -> Work:
    """Make attempts until the work is delivered or given up."""
    work = Work()
    runner = AttemptRunner[Work, str](work, work, clock=lambda: NOON, lease_id="lease", spread=1.0)
    while work.outcome == Outcome.PENDING:
        runner.run(work, "job", ladder=LADDER, at=NOON, send=lambda: http.post(url, b'{"a": 1}', {"x-id": "1"}))
    return work


def test_table_is_large_and_its_names_are_distinct() -> None:
    names = Counter(shape.name for shape in SHAPES)
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) >= 120


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_reply_has_the_outcome_that_its_sender_meant(shape: Shape) -> None:
    with RawServer(shape.pieces, closes=shape.closes) as server:
        work = run(server.url)
        calls = len(server.requests)
    assert [attempt.error for attempt in work.attempts] == [shape.error] * calls
    assert (work.outcome, calls) == (("delivered", 1) if shape.error is None else ("failed", 3))


def test_no_text_of_an_attempt_has_replacement_characters() -> None:
    assert not [shape.name for shape in SHAPES if "\ufffd" in (shape.error or "")]


def test_request_is_well_formed() -> None:
    with RawServer([OK, b"\r\n"]) as server:
        http.post(f"{server.url}/a%20b?c=d", b'{"a": 1}', {"x-id": "1"})
        http.get(server.url, {"accept": "application/json"})
        posted, got = server.requests
    head, _, body = posted.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert (lines[0], body) == (b"POST /hook/a%20b?c=d HTTP/1.1", b'{"a": 1}')
    assert {b"Content-Length: 8", b"Content-Type: application/json", b"Connection: close", b"x-id: 1"} < {*lines}
    assert b"Accept-Encoding: identity" in lines
    assert got.startswith(b"GET /hook HTTP/1.1\r\n")
    assert b"content-" not in got.lower()


@pytest.mark.parametrize("value", ["a\r\nx-more: b", "a\nb", "a\0b", "好"])
def test_header_that_would_break_the_request_is_never_sent(value: str) -> None:
    with RawServer([OK, b"\r\n"]) as server:
        assert http.post(server.url, b"{}", {"x-id": value}).error == "the URL cannot be called"
        assert not any(server.requests)


# Requests whose reply is read


def _fetch(*pieces: bytes, closes: str = "in order") -> HttpResult:
    with RawServer(pieces, closes=closes) as server:
        return http.get(server.url, {})


def _post_and_read(*pieces: bytes, closes: str = "in order") -> HttpResult:
    with RawServer(pieces, closes=closes) as server:
        return http.post_and_read(server.url, b"{}", {})


TRUE = '{"success": true, "message": "接受"}'
WITH_GBK = b"Content-Type: application/json; charset=gbk\r\n\r\n" + TRUE.encode("gbk")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((OK + b"\r\n" + TRUE.encode(),), id="plain"),
        pytest.param((HINTS * 3 + OK + b"\r\n" + TRUE.encode(),), id="after interim replies"),
        pytest.param((OK + b"x: y\r\n" * 300 + b"\r\n" + TRUE.encode(),), id="after many fields"),
        pytest.param((OK + WITH_GBK,), id="in GBK"),
        pytest.param((OK + b"\r\n\xef\xbb\xbf" + TRUE.encode(),), id="with a mark"),
        pytest.param((OK + b"Content-Type: application/json; charset=utf-16\r\n\r\n" + TRUE.encode(),), id="belied"),
        pytest.param((OK + b"\r\n" + TRUE.encode("utf-16"),), id="in UTF-16"),
        pytest.param((OK + b"\r\n" + b'{"success": true, "by": "J\xf6rg"}',), id="in Latin-1"),
        pytest.param((OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(TRUE.encode()),), id="gzip"),
        pytest.param((OK + b"Content-Length: 999\r\n\r\n" + TRUE.encode(),), id="closed too early"),
        pytest.param((OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + TRUE.encode(),), id="two lengths"),
        pytest.param((OK + b"Transfer-Encoding: chunked\r\n\r\n26;a\r\n" + TRUE.encode(),), id="open chunks"),
    ],
)
def test_success_that_is_said_in_the_body_is_understood(pieces: tuple[bytes, ...]) -> None:
    answer = _post_and_read(*pieces)
    assert require_success(answer).error is None


def test_body_that_was_asked_for_must_be_whole() -> None:
    assert _fetch(OK + b"Content-Length: 2\r\n\r\n{}").body == b"{}"
    assert _fetch(OK + b"Content-Length: 9\r\n\r\n{}").error == "the reply ended early"
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    assert _fetch(chunked + b"2\r\n{}\r\n0\r\n\r\n").body == b"{}"
    assert _fetch(chunked + b"2\r\n{}\r\n").error == "the reply ended early"
    assert _fetch(chunked + b"x\r\n{}\r\n").error == "the reply's body is malformed"
    packed = gzip.compress(b"{}")
    assert _fetch(OK + b"Content-Encoding: gzip\r\n\r\n" + packed).body == b"{}"
    assert _fetch(OK + b"Content-Encoding: gzip\r\n\r\n" + packed[:-9]).error == "the reply ended early"
    assert _fetch(OK + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n") == HttpResult(200)
    assert _fetch(OK + b"Content-Encoding: br\r\n\r\nx").error == "the reply's body is encoded as br"
    bomb = gzip.compress(b"z" * 9_000_000)
    assert _fetch(OK + b"Content-Encoding: gzip\r\n\r\n" + bomb).error == "the reply is too long"


def test_retry_after_is_the_first_value_however_it_is_folded() -> None:
    said = b"HTTP/1.1 503 X\r\nRetry-After:\r\n  120\r\nRetry-After: 7\r\n\r\n"
    assert _fetch(said).retry_after == "120"


def test_excerpt_is_what_arrived_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 1.0)
    answer = _post_and_read(BAD + b"Content-Length: 99\r\n\r\nbusy", closes="open")
    assert answer.error == "answered 500: busy"


def test_receiver_that_answers_before_it_has_read_the_request_is_heard() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")
    theirs.close()
    with ours:
        stream = http._Stream(ours, http._Deadline(5))
        stream.send(b"x" * 1_000_000)
        assert read_head(io.BufferedReader(stream)).status == 413
