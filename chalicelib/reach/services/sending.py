"""Send a notification to one of its recipient's channels, one attempt per message of a queue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Protocol

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.measures import PUSHES
from chalicelib.core.domain.retries import LONGEST_DELAY, RetryLadder, is_due, next_attempt
from chalicelib.core.domain.retries import Outcome as RetryOutcome
from chalicelib.core.ports import DelayedJobSender, Gather
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail
from chalicelib.inbox.domain.inbox_states import Shelf, shelf_of
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.services.ports import Notifier
from chalicelib.reach.domain.channels import Channel, ChannelKind, Target, after_attempt
from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.reach.domain.outcomes import Outcome, SendState, SkipReason, failure_of

_SKIPPED = {Shelf.READ: SkipReason.READ, Shelf.ARCHIVED: SkipReason.ARCHIVED, Shelf.SNOOZED: SkipReason.SNOOZED}


class ChannelTargets(Protocol):
    def find_with_target(self, user_id: str, kind: ChannelKind, channel_id: str) -> tuple[Channel, Target] | None: ...
    def save(self, channel: Channel, *, over: Channel) -> bool: ...


class Outcomes(Protocol):
    def begin(self, outcome: Outcome, delivery: Delivery, *, now: datetime) -> Outcome | None: ...
    def record(self, outcome: Outcome, delivery: Delivery) -> bool: ...
    def skip(self, outcome: Outcome, delivery: Delivery) -> None: ...


class NotifiedDeliveries(Protocol):
    def find(self, delivery_id: str) -> DeliveryDetail | None: ...


class Transport(Protocol):
    """Sends a message by the channel's own means; without a delivery a test message."""

    def __call__(
        self, channel: Channel, target: Target, detail: DeliveryDetail | None, /, *, message_id: str, now: datetime
    ) -> HttpResult: ...


@dataclass(frozen=True)
class ChannelSender:
    """Sends notifications to channels of one kind. `spread` multiplies the wait before the next attempt."""

    kind: ChannelKind
    channels: ChannelTargets
    outcomes: Outcomes
    deliveries: NotifiedDeliveries
    transport: Transport
    queue: DelayedJobSender[ChannelJob]
    ladder: RetryLadder
    notifier: Notifier
    gather: Gather
    clock: Callable[[], datetime]
    lease_id: str
    spread: float

    def run(self, job: ChannelJob) -> None:
        """Make the attempt of the job, and send the job of the next one if it failed.

        A notification that was read, archived, snoozed or resolved is not sent, nor to a channel that is not active. A
        job that comes twice sends nothing more; only one whose worker ended between the request and the record of it is
        sent again, under the same message id. Store and queue calls in sequence: 3, and 1 to send the next job; 2 for a
        test message, and for what is skipped; 1 for what is not due. If a channel is paused, also those of telling its
        owner more.
        """
        now = self.clock()
        if not is_due(job.due_at or timestamp(now), now):
            self._send_later(job, now)
        elif job.delivery_id is None:
            self._test(job, now)
        else:
            self._send(job, job.delivery_id, now)

    def _test(self, job: ChannelJob, now: datetime) -> None:
        found = self.channels.find_with_target(job.user_id, self.kind, job.channel_id)
        if found is None:
            return
        channel, target = found
        result = self.transport(channel, target, None, message_id=job.message_id, now=now)
        self._save(after_attempt(channel, result, now=self.clock(), is_test=True), channel)

    def _send(self, job: ChannelJob, delivery_id: str, now: datetime) -> None:
        found, detail = self.gather(
            lambda: self.channels.find_with_target(job.user_id, self.kind, job.channel_id),
            lambda: self.deliveries.find(delivery_id),
        )
        if found is None or not found[0].is_active:
            return
        if detail is None or detail.delivery.recipient_user_id != job.user_id:
            return
        channel, target = found
        begun = Outcome(
            user_id=job.user_id,
            delivery_id=delivery_id,
            channel_id=channel.channel_id,
            message_id=job.message_id,
            channel=channel.service,
            host=channel.host,
            state=SendState.SENDING,
            attempt=job.attempt,
            at=timestamp(now),
            lease_id=self.lease_id,
        )
        if reason := _skip_reason(detail.delivery):
            self.outcomes.skip(replace(begun, state=SendState.FAILED, skipped=reason), detail.delivery)
            return
        if stored := self.outcomes.begin(begun, detail.delivery, now=now):
            if stored.state is SendState.WAITING and stored.attempt == job.attempt:
                # It was recorded, and its worker ended before the next job was sent.
                self._send_later(_next_job(job, stored.next_attempt_at), now)
            return
        result = self.transport(channel, target, detail, message_id=job.message_id, now=now)
        self._conclude(begun, detail.delivery, channel, job, result)

    def _conclude(
        self, begun: Outcome, delivery: Delivery, channel: Channel, job: ChannelJob, result: HttpResult
    ) -> None:
        now = self.clock()
        outcome, made = next_attempt(result, job.attempt, ladder=self.ladder, at=now, now=now, spread=self.spread)
        after = after_attempt(channel, result, now=now, is_test=False)
        waits = made.next_attempt_at if after.is_active else None
        state = SendState.SENT if outcome is RetryOutcome.DELIVERED else SendState.FAILED
        ended = replace(
            begun,
            state=SendState.WAITING if waits else state,
            result=failure_of(result),
            next_attempt_at=waits,
            at=timestamp(now),
        )
        PUSHES.add(channel=self.kind.value, outcome="taken" if result.error is None else "failed")
        is_recorded, _ = self.gather(lambda: self.outcomes.record(ended, delivery), lambda: self._save(after, channel))
        if is_recorded and waits:
            self._send_later(_next_job(job, waits), now)

    def _save(self, after: Channel, before: Channel) -> None:
        if self.channels.save(after, over=before) and before.is_active and not after.is_active:
            self.notifier.notify(after.user_id, _paused_event(after), log_state=None, now=self.clock())

    def _send_later(self, job: ChannelJob, now: datetime) -> None:
        """Send a job until it is due: a message of the queue waits for 15 minutes at most, and is then sent on."""
        wait = ceil((parse_timestamp(job.due_at) - now).total_seconds()) if job.due_at else 0
        self.queue.send(job, delay=max(0, min(wait, int(LONGEST_DELAY.total_seconds()))))


def _next_job(job: ChannelJob, due_at: str | None) -> ChannelJob:
    return job.model_copy(update={"attempt": job.attempt + 1, "due_at": due_at})


def _paused_event(channel: Channel) -> LiveEvent:
    """Tells a person that their channel is sent nothing more."""
    members = {
        "channelId": channel.channel_id,
        "label": channel.label,
        "kind": channel.kind.value,
        "service": channel.service,
        "host": channel.host,
        "reason": channel.failure,
    }
    return LiveEvent(FrameType.CHANNEL_PAUSED, members)


def _skip_reason(delivery: Delivery) -> SkipReason | None:
    """Return why a message about the delivery need not be sent; None if it is to be."""
    return SkipReason.RESOLVED if delivery.resolved_at else _SKIPPED.get(shelf_of(delivery))
