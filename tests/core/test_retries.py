"""Retries: the waits of the ladders, and the outcome of an attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import (
    CALLBACK_RETRIES,
    CONNECTION_NOTICE_RETRIES,
    CONNECTION_REQUEST_RETRIES,
    REFUSED_FOR_GOOD,
    RELAY_RETRIES,
    Attempt,
    Outcome,
    RetryLadder,
    is_due,
    next_attempt,
    retry_after_wait,
)

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


def attempted(
    result: HttpResult, number: int = 1, *, ladder: RetryLadder = CALLBACK_RETRIES, spread: float = 1.0
) -> tuple[Outcome, Attempt]:
    return next_attempt(result, number, ladder=ladder, at=NOON, now=NOON, spread=spread)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        (" 17 ", 17),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("99999", 86400),
        ("9" * 400, 86400),
        ("Thu, 21 May 2026 12:01:00 GMT", 60),
        ("Thursday, 21-May-26 12:01:00 GMT", 60),
        ("Thu, 21 May 2026 14:01:00 +0200", 60),
        ("Thu, 21 May 2026 11:00:00 GMT", 0),
        ("Thu, 21 May 2099 11:00:00 GMT", 86400),
        ("Thu, 99 May 2026 11:00:00 GMT", 0),
        ("Thu, 21 May 99999999999999999999 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: int) -> None:
    assert retry_after_wait(header, now=NOON) == timedelta(seconds=seconds)


@pytest.mark.parametrize("number", range(1, len(CALLBACK_RETRIES.waits)))
def test_jitter_stretches_a_wait_by_a_fifth_at_most(number: int) -> None:
    for spread in (0.8, 1.2):
        outcome, attempt = attempted(HttpResult(500), number, spread=spread)
        assert outcome is Outcome.PENDING
        assert attempt.next_attempt_at is not None
        assert parse_timestamp(attempt.next_attempt_at) - NOON == CALLBACK_RETRIES.waits[number] * spread


@pytest.mark.parametrize("status", range(200, 300, 9))
def test_every_2xx_is_success(status: int) -> None:
    assert attempted(HttpResult(status))[0] is Outcome.DELIVERED


def test_last_attempt_of_a_ladder_fails() -> None:
    outcome, attempt = attempted(HttpResult(500), len(CALLBACK_RETRIES.waits))
    assert outcome is Outcome.FAILED
    assert attempt == Attempt(timestamp(NOON), 500, "answered 500", None)


def test_longer_retry_after_replaces_the_wait() -> None:
    _, attempt = attempted(HttpResult(503, retry_after="3600"))
    assert attempt.next_attempt_at == timestamp(NOON + timedelta(hours=1))


def test_gone_ends_a_notice_and_fails_a_connection_request() -> None:
    assert attempted(HttpResult(410), ladder=CONNECTION_NOTICE_RETRIES)[0] is Outcome.GONE
    assert attempted(HttpResult(410), ladder=CONNECTION_REQUEST_RETRIES)[0] is Outcome.FAILED


@pytest.mark.parametrize("status", sorted(REFUSED_FOR_GOOD))
def test_refused_connection_request_is_not_retried(status: int) -> None:
    outcome, attempt = attempted(HttpResult(status), ladder=CONNECTION_REQUEST_RETRIES)
    assert (outcome, attempt.next_attempt_at) == (Outcome.FAILED, None)


def test_waits_of_relays_end_at_an_hour() -> None:
    waits = [RELAY_RETRIES.wait_after(failures).total_seconds() for failures in range(1, 7)]
    assert waits == [30, 120, 600, 3600, 3600, 3600]


def test_attempt_is_due_a_second_early_and_never_after_the_last() -> None:
    assert is_due(timestamp(NOON + timedelta(seconds=1)), NOON)
    assert not is_due(timestamp(NOON + timedelta(seconds=2)), NOON)
    assert not is_due(None, NOON)
