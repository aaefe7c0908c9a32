"""Run one attempt of work that is retried: take its lease, make it, record the result, and announce the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Generic, Protocol, TypeVar

from chalicelib.core.domain.errors import ListFull
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import GRACE, LEASE, LONGEST_DELAY, Attempt, Outcome, RetryLadder, next_attempt
from chalicelib.core.ports import JobAnnouncer


class RetriedWork(Protocol):
    """Work with the attempts that were made of it."""

    @property
    def attempts(self) -> Sequence[Attempt]: ...


W = TypeVar("W", bound=RetriedWork)
W_contra = TypeVar("W_contra", bound=RetriedWork, contravariant=True)
J = TypeVar("J")


class LeasedWork(Protocol[W_contra]):
    """The rows of work: each attempt has a lease before it and a record after it."""

    def lease(self, work: W_contra, lease_id: str, /, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self, work: W_contra, lease_id: str, /, *, outcome: str, attempt: Attempt | None, due_at: datetime | None
    ) -> bool: ...


@dataclass(frozen=True)
class Conclusion:
    """The end of work without a request: its outcome, and the attempt to record, if any."""

    outcome: str
    attempt: Attempt | None = None


@dataclass(frozen=True)
class AttemptRunner(Generic[W, J]):
    """Runs attempts so that no two of the same work are under way at once.

    Only a crash between an attempt and its record makes the same attempt happen again, after its lease has ended.
    `spread` multiplies the wait before the next attempt (see `next_attempt`). `count` is told the outcome of each
    request: `retried`, or that of the work.
    """

    rows: LeasedWork[W]
    queue: JobAnnouncer[J]
    clock: Callable[[], datetime]
    lease_id: str
    spread: float
    count: Callable[[str], None] = lambda _: None

    def run(
        self,
        work: W,
        job: J,
        *,
        ladder: RetryLadder,
        at: datetime,
        send: Callable[[], HttpResult | Conclusion],
        conclude: Callable[[HttpResult, Outcome], None] | None = None,
    ) -> Outcome | None:
        """Make the attempt that is due at `at`, unless another worker has it.

        `send` makes the request, or ends the work without one. `conclude` is called with a final outcome before it
        is recorded; doing so again must do no harm. Returns the outcome of the request once it is final and recorded.
        Store and queue calls: 2, 1 to announce the next attempt, and those of `send` and `conclude`.

        Raises:
            ListFull: a list that the work writes to has no more room. No schedule announces the work any more.
        """
        if not self.rows.lease(work, self.lease_id, now=at, until=at + LEASE):
            return None
        try:
            return self._make(work, job, ladder=ladder, at=at, send=send, conclude=conclude)
        except ListFull:
            # It stays so until somebody makes room: the message becomes a dead letter, and no schedule sends another.
            self.rows.record(work, self.lease_id, outcome=Outcome.PENDING, attempt=None, due_at=None)
            raise

    def _make(
        self,
        work: W,
        job: J,
        *,
        ladder: RetryLadder,
        at: datetime,
        send: Callable[[], HttpResult | Conclusion],
        conclude: Callable[[HttpResult, Outcome], None] | None,
    ) -> Outcome | None:
        result = send()
        if isinstance(result, Conclusion):
            self.rows.record(work, self.lease_id, outcome=result.outcome, attempt=result.attempt, due_at=None)
            return None
        number, ended = len(work.attempts) + 1, self.clock()
        outcome, made = next_attempt(result, number, ladder=ladder, at=at, now=ended, spread=self.spread)
        self.count("retried" if made.next_attempt_at is not None else outcome)
        if made.next_attempt_at is not None:
            self._record_retry(work, job, made, due_at=parse_timestamp(made.next_attempt_at), now=ended)
            return None
        if conclude:
            conclude(result, outcome)
        recorded = self.rows.record(work, self.lease_id, outcome=outcome, attempt=made, due_at=None)
        return outcome if recorded else None

    def _record_retry(self, work: W, job: J, made: Attempt, *, due_at: datetime, now: datetime) -> None:
        delay = ceil((due_at - now).total_seconds())
        fits_message = delay <= LONGEST_DELAY.total_seconds()
        # The message comes first; the due index only makes up for one that gets lost.
        indexed_at = due_at + GRACE if fits_message else due_at
        recorded = self.rows.record(work, self.lease_id, outcome=Outcome.PENDING, attempt=made, due_at=indexed_at)
        if recorded and fits_message:
            self.queue.announce(job, delay=delay)
