"""Telling instances what our operator has decided: one attempt at a time, until one is accepted or the ladder ends."""

from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import Protocol

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import (
    EARLY,
    GRACE,
    INSTANCE_NOTICE_RETRIES,
    LEASE,
    LONGEST_DELAY,
    Attempt,
    next_attempt,
)
from chalicelib.core.ports import JobAnnouncer, Post
from chalicelib.federation.network.domain.instance_notices import (
    PATH,
    InstanceNotice,
    InstanceNoticeJob,
    InstanceNoticeOutcome,
    Recipient,
    notice_headers,
)


class Notices(Protocol):
    def find(self, notice_id: str) -> InstanceNotice | None: ...
    def lease(self, notice: InstanceNotice, lease_id: str, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self,
        notice: InstanceNotice,
        lease_id: str,
        *,
        outcome: InstanceNoticeOutcome,
        attempt: Attempt | None,
        due_at: datetime | None,
    ) -> bool: ...


class Recipients(Protocol):
    def recipient_of(self, notice: InstanceNotice) -> Recipient | None: ...


def attempt(
    job: InstanceNoticeJob,
    *,
    source: str,
    clock: Callable[[], datetime],
    lease_id: str,
    spread: float,
    notices: Notices,
    recipients: Recipients,
    post: Post,
    queue: JobAnnouncer[InstanceNoticeJob],
) -> None:
    """Make the notice's next attempt, if one is due; a message that comes twice, late or early does no harm.

    A notice that no longer holds is not sent, so an instance that was away hears the last word only. Store and queue
    calls: 4, and 1 to announce the next attempt; for a message that is none of its time 1.
    """
    notice, now = notices.find(job.notice_id), clock()
    if notice is None or notice.next_attempt_at is None or notice.next_attempt_at > timestamp(now + EARLY):
        return
    if not notices.lease(notice, lease_id, now=now, until=now + LEASE):
        return
    recipient = recipients.recipient_of(notice)
    if recipient is None or recipient.status != notice.status:
        notices.record(notice, lease_id, outcome=InstanceNoticeOutcome.SUPERSEDED, attempt=None, due_at=None)
        return
    headers = notice_headers(notice, recipient, source=source, at=now)
    answer = post(f"{recipient.base_url}{PATH}", notice.body.encode(), headers)
    ended = clock()
    outcome, made = next_attempt(
        answer, len(notice.attempts) + 1, ladder=INSTANCE_NOTICE_RETRIES, at=now, now=ended, spread=spread
    )
    due_at = parse_timestamp(made.next_attempt_at) if made.next_attempt_at else None
    delay = ceil((due_at - ended).total_seconds()) if due_at else None
    announced = delay is not None and delay <= LONGEST_DELAY.total_seconds()
    if due_at and announced:
        due_at += GRACE
    if not notices.record(notice, lease_id, outcome=InstanceNoticeOutcome(outcome.value), attempt=made, due_at=due_at):
        return
    if announced and delay is not None:
        queue.announce(job, delay=delay)
