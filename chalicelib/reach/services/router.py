"""Decide how a person is reached about a delivery, and hand it to the channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.measures import REACHED
from chalicelib.core.domain.severity import Severity
from chalicelib.core.ports import DelayedJobSender, Gather, JobAnnouncer, JobSender
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox_states import Shelf, StateIn, apply_state, shelf_of
from chalicelib.inbox.domain.live_events import delivery_changed_event
from chalicelib.inbox.domain.snoozes import delay_if_soon
from chalicelib.live.domain.frames import FrameType, LiveEvent, LogState
from chalicelib.live.domain.push import PushJob, ReachJob, Urgency
from chalicelib.live.services.ports import Notifier
from chalicelib.reach.domain.channels import Channel, ChannelKind
from chalicelib.reach.domain.holds import Hold
from chalicelib.reach.domain.jobs import ChannelJob, EmailJob, derive_message_id
from chalicelib.reach.domain.preferences import Decision, StoredPreferences, Subject, Way, decide
from chalicelib.reach.domain.waits import Waits


class Reached(Protocol):
    def find(self, delivery_id: str, user_id: str) -> tuple[Delivery | None, Hold | None]: ...
    def hold(self, delivery: Delivery, hold: Hold) -> None: ...
    def release(self, hold: Hold) -> None: ...


class RoutedPreferences(Protocol):
    def find(self, user_id: str) -> StoredPreferences: ...
    def mute(self, before: Delivery, after: Delivery) -> bool: ...


class RoutedChannels(Protocol):
    def list_of(self, user_id: str) -> Sequence[Channel]: ...


class RoutedDigests(Protocol):
    def add(self, user_id: str, at: str, delivery_id: str) -> bool: ...


class ReachedLogs(Protocol):
    def find_log_state(self, user_id: str, *, now: datetime) -> LogState: ...


@dataclass(frozen=True)
class Router:
    """Sends a delivery's jobs to the channels that its recipient's preferences choose."""

    reached: Reached
    preferences: RoutedPreferences
    has_always_critical: Callable[[str], bool]
    is_for_inbox: Callable[[str, str], bool]
    log_states: ReachedLogs
    push_jobs: JobSender[PushJob]
    channels: RoutedChannels
    channel_jobs: Callable[[ChannelKind], DelayedJobSender[ChannelJob]]
    email_jobs: DelayedJobSender[EmailJob]
    digests: RoutedDigests
    reach_jobs: JobAnnouncer[ReachJob]
    notifier: Notifier
    gather: Gather
    clock: Callable[[], datetime]

    def run(self, job: ReachJob) -> None:
        """Reach the person by each way that is chosen, unless they have read the delivery by now.

        A job that runs twice sends jobs with the same ids. Store and queue calls in sequence: 1, and 1 more if a way is
        chosen, or quiet hours hold it; 1 more to end that, 1 for e-mail or a digest, and 2 for channels. To mute it
        takes 3, and 1 more if it is critical. Where no rule matches, 1 more for what its integrator declares, unless it
        is critical.
        """
        now = self.clock()
        (delivery, hold), stored, log_state = self.gather(
            lambda: self.reached.find(job.delivery_id, job.user_id),
            lambda: self.preferences.find(job.user_id),
            lambda: self.log_states.find_log_state(job.user_id, now=now),
        )
        message_id = job.message_id or (hold and hold.message_id)
        if message_id is None:
            return  # it was held, and another message has released it
        if delivery and shelf_of(delivery) is Shelf.UNREAD and not delivery.resolved_at:
            decision = self._decide(stored, delivery, now)
            is_in_digest = bool(hold and hold.is_in_digest)
            if Way.DIGEST in decision.ways and not is_in_digest:
                self._take_up(stored, job, now)
                is_in_digest = True
            if decision.held_until:
                until = timestamp(decision.held_until)
                self._hold(delivery, Hold(job.delivery_id, job.user_id, message_id, until, is_in_digest), now)
                return
            self._carry_out(decision, delivery, log_state, now)
            if Way.EMAIL in decision.ways:
                self._send_email(stored.preferences.waits, delivery, message_id)
            if Way.CHANNEL in decision.ways:
                self._send_to_channels(decision, stored.preferences.waits, delivery, message_id)
        if hold:
            self.reached.release(hold)

    def _decide(self, stored: StoredPreferences, delivery: Delivery, now: datetime) -> Decision:
        subject = Subject(delivery.integrator, delivery.event_type, Severity(delivery.severity))
        decision = decide(stored.preferences, subject, now=now)
        if decision.is_muted and subject.is_critical and self.has_always_critical(subject.integrator):
            always = Subject(subject.integrator, subject.event_type, subject.severity, is_always=True)
            return decide(stored.preferences, always, now=now)
        if decision.rule is None and decision.ways and not subject.is_critical:
            is_for_inbox = self.is_for_inbox(subject.integrator, subject.event_type)
            return decide(stored.preferences, replace(subject, is_for_inbox=is_for_inbox), now=now)
        return decision

    def _carry_out(self, decision: Decision, delivery: Delivery, log_state: LogState, now: datetime) -> None:
        user_id = str(delivery.recipient_user_id)
        if decision.is_muted:
            self._mute(delivery, now)
        is_viewed = log_state.has_viewer_for(LiveEvent(FrameType.DELIVERY), now=now)
        if Way.PUSH in decision.ways and log_state.browsers and not is_viewed:
            urgency = Urgency.of(delivery.severity)
            self.push_jobs.send(PushJob(user_id=user_id, urgency=urgency, delivery_id=delivery.delivery_id))
            REACHED.add(way=Way.PUSH.value)

    def _take_up(self, stored: StoredPreferences, job: ReachJob, now: datetime) -> None:
        """Leave the delivery for the digest of the time at which it came, or the next one if that was sent by now."""
        after = parse_timestamp(job.at) if job.at else now
        at = stored.preferences.next_digest(after=after)
        while not self.digests.add(job.user_id, timestamp(at), job.delivery_id):
            at = stored.preferences.next_digest(after=max(at, now))
        REACHED.add(way=Way.DIGEST.value)

    def _send_email(self, waits: Waits, delivery: Delivery, message_id: str) -> None:
        job = EmailJob(
            user_id=str(delivery.recipient_user_id),
            delivery_id=delivery.delivery_id,
            message_id=derive_message_id(message_id, Way.EMAIL.value),
        )
        self.email_jobs.send(job, delay=waits.of(Way.EMAIL.value, Severity(delivery.severity)))
        REACHED.add(way=Way.EMAIL.value)

    def _send_to_channels(self, decision: Decision, waits: Waits, delivery: Delivery, message_id: str) -> None:
        user_id, severity = str(delivery.recipient_user_id), Severity(delivery.severity)
        chosen = [each for each in self.channels.list_of(user_id) if each.is_active]
        for each in (each for each in chosen if decision.has_channel(each.channel_id)):
            job = ChannelJob(
                user_id=user_id,
                channel_id=each.channel_id,
                delivery_id=delivery.delivery_id,
                message_id=derive_message_id(message_id, each.channel_id),
            )
            self.channel_jobs(each.kind).send(job, delay=waits.of(each.kind, severity))
            REACHED.add(way=Way.CHANNEL.value)

    def _mute(self, delivery: Delivery, now: datetime) -> None:
        muted = apply_state(delivery, StateIn(read=True), now=now)
        # If it has changed, its recipient has seen it.
        if self.preferences.mute(delivery, muted):
            event = delivery_changed_event(muted, now=now)
            self.notifier.notify(str(delivery.recipient_user_id), event, log_state=None, now=now)
            REACHED.add(way=Way.MUTE.value)

    def _hold(self, delivery: Delivery, hold: Hold, now: datetime) -> None:
        self.reached.hold(delivery, hold)
        if (delay := delay_if_soon(hold.until, now=now)) is not None:
            self.reach_jobs.announce(ReachJob(user_id=hold.user_id, delivery_id=hold.delivery_id), delay=delay)
