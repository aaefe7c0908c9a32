"""Send a person one message by e-mail, an attempt per message of the queue."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.measures import PUSHES
from chalicelib.core.domain.retries import LEASE, LONGEST_DELAY, MAIL_RETRIES, is_due
from chalicelib.core.domain.severity import Severity
from chalicelib.core.ports import DelayedJobSender, Gather
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail
from chalicelib.inbox.domain.inbox_states import Shelf, shelf_of
from chalicelib.people.domain.directory import Integrator, Person
from chalicelib.reach.domain.digests import Digest, DigestTimes, Every, next_digest
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.domain.mail import Mailer, MailMessage, MailOutcome, MailResult, MailSettings
from chalicelib.reach.domain.mail_format import to_sendable
from chalicelib.reach.domain.mail_words import Language
from chalicelib.reach.domain.messages import Origin, Reader, delivery_message, digest_message, trial_message, zone_of
from chalicelib.reach.domain.personal_mail import MailState, PauseReason, PersonalMail
from chalicelib.reach.domain.preferences import StoredPreferences
from chalicelib.reach.domain.sent_mails import MailKind, MailName, SentMail, SentState

log = logging.getLogger("fluxden")


class SealedMailSettings(Protocol):
    def find_with_password(self) -> tuple[MailSettings, str | None] | None: ...


class Addressees(Protocol):
    def find_person(self, user_id: str) -> Person | None: ...
    def find_integrator(self, slug: str) -> Integrator | None: ...
    def list_integrators(self) -> Sequence[Integrator]: ...


class AddresseeProfiles(Protocol):
    def find_profile(self, user_id: str) -> tuple[dict[str, Any], int]: ...


class PausableMails(Protocol):
    def find(self, user_id: str) -> PersonalMail: ...
    def pause(self, user_id: str, address: str, reason: PauseReason, *, now: datetime) -> bool: ...
    def end_test(
        self, user_id: str, test_id: str, *, failure: str | None, provider_id: str | None, now: datetime
    ) -> None: ...
    def resume(self, user_id: str, seen: PersonalMail, *, now: datetime) -> None: ...


class MailedDeliveries(Protocol):
    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None: ...


class MailedDigests(Protocol):
    def add(self, user_id: str, at: str, delivery_id: str) -> bool: ...
    def close(self, user_id: str, digest_id: str, *, now: datetime) -> Digest | None: ...
    def list_deliveries(self, delivery_ids: Iterable[str]) -> Sequence[Delivery]: ...


class AddresseePreferences(Protocol):
    def find(self, user_id: str) -> StoredPreferences: ...


class SentMails(Protocol):
    def find(self, delivery_id: str, message_id: str) -> SentMail | None: ...
    def begin(self, begun: SentMail, about: Delivery | Digest, *, over: SentMail | None, now: datetime) -> bool: ...
    def count_test(self, user_id: str, *, now: datetime) -> bool: ...
    def record(self, ended: SentMail, about: Delivery | Digest) -> bool: ...


@dataclass(frozen=True)
class _Message:
    """A message that is to be sent now, and by what. That of a digest has the `unread` deliveries."""

    job: EmailJob
    about: Delivery | Digest
    person: Person
    profile: Mapping[str, Any]
    settings: MailSettings
    password: str | None
    stored: SentMail | None
    unread: Sequence[Delivery] = ()

    @property
    def reader(self) -> Reader:
        language = Language.of(self.profile.get("languages", ()))
        return Reader(self.person.user_id, self.person.email, language, zone_of(self.profile.get("timezone")))


@dataclass(frozen=True)
class MailSender:
    """Sends messages about deliveries, digests, and test messages.

    `attempt_id` names this attempt, and `spread` multiplies the wait before the next one.
    """

    settings: SealedMailSettings
    people: Addressees
    profiles: AddresseeProfiles
    mails: PausableMails
    deliveries: MailedDeliveries
    digests: MailedDigests
    preferences: AddresseePreferences
    sent: SentMails
    mailer_of: Callable[[MailSettings, str | None], Mailer]
    origin_of: Callable[[str, str], Origin]
    queue: DelayedJobSender[EmailJob]
    gather: Gather
    clock: Callable[[], datetime]
    attempt_id: str
    spread: float

    def run(self, job: EmailJob) -> None:
        """Make the attempt of the job, unless the person has read the delivery by now, or gets no e-mail.

        A job that comes twice sends nothing more. Only if its worker ends between the server's answer and the record of
        it, or the answer is lost, the message is sent again, under the same Message-ID. Beyond the most messages of an
        hour a delivery is left for a digest at the next full hour, and a digest waits for the next hour. Store and
        queue calls in sequence: 4, or 5 for a digest; 1 for what is not sent, 1 more to send the next job, and 1 to
        pause an address; 4 for what is left for a digest.

        Raises:
            Unavailable: the server still takes nothing after the last attempt; or another worker has the message.
        """
        now = self.clock()
        if job.delivery_id:
            found = self._find(job, job.delivery_id)
        elif job.digest:
            found = self._find_digest(job, job.digest, now)
        else:
            return self._test(job, now)
        return self._attempt(found, now) if found else None

    def _attempt(self, found: _Message, now: datetime) -> None:
        job, stored = found.job, found.stored
        if stored and not is_due(stored.next_at or stored.lease_until, now):
            return self._wait_for(stored, job, now)
        begun = SentMail(
            job.user_id,
            found.about.digest_id if isinstance(found.about, Digest) else found.about.delivery_id,
            job.message_id,
            SentState.SENDING,
            stored.number + 1 if stored else 1,
            self.attempt_id,
            timestamp(now),
            found.settings.place,
            lease_until=timestamp(now + LEASE),
        )
        try:
            may_begin = self.sent.begin(begun, found.about, over=stored, now=now)
        except ValueError as error:
            raise Unavailable("Another worker sends this message.") from error
        if not may_begin:
            return self._put_off(job, found.about, now)
        return self._conclude(found, begun, self._send(found, now))

    def _put_off(self, job: EmailJob, about: Delivery | Digest, now: datetime) -> None:
        """Leave a delivery for the next full hour's digest: one message for all, however many there are."""
        if isinstance(about, Digest):
            return self.queue.send(job, delay=_seconds_to_next_hour(now))
        chosen, hourly = self.preferences.find(job.user_id).preferences, DigestTimes(every=Every.HOUR)
        # Quiet hours did not hold back what is critical now.
        quiet = None if about.severity == Severity.CRITICAL else chosen.quiet_hours
        at = next_digest(hourly, chosen.time_zone, after=now, quiet=quiet)
        while not self.digests.add(job.user_id, timestamp(at), about.delivery_id):
            at = next_digest(hourly, chosen.time_zone, after=at, quiet=quiet)
        return None

    def _test(self, job: EmailJob, now: datetime) -> None:
        """Send a test message once; if it is taken, an address that was paused gets mail again."""
        sending, person, mail = self.gather(
            self.settings.find_with_password,
            lambda: self.people.find_person(job.user_id),
            lambda: self.mails.find(job.user_id),
        )
        if person is None or not person.active or mail.test_id != job.message_id or mail.tested_at:
            return
        if sending is None or not self.sent.count_test(job.user_id, now=now):
            failure = "unavailable" if sending is None else "limit"
            self.mails.end_test(job.user_id, job.message_id, failure=failure, provider_id=None, now=now)
            return
        settings, password = sending
        name = MailName(MailKind.TEST, job.user_id, job.message_id)
        message = trial_message(settings.sender, person.email, message_id=name.local_part, now=now)
        result = self.mailer_of(settings, password).send(message)
        ended_at = self.clock()
        if result.outcome is MailOutcome.SENT and mail.has_paused(person.email):
            self.mails.resume(job.user_id, mail, now=ended_at)
        self.mails.end_test(
            job.user_id, job.message_id, failure=result.failure, provider_id=result.provider_id, now=ended_at
        )

    def _find(self, job: EmailJob, delivery_id: str) -> _Message | None:
        """Find what the message is made of; None if it is not to be sent, or was."""
        detail, sending, person, (profile, _), mail, stored = self.gather(
            lambda: self.deliveries.find_buttons(delivery_id),
            self.settings.find_with_password,
            lambda: self.people.find_person(job.user_id),
            lambda: self.profiles.find_profile(job.user_id),
            lambda: self.mails.find(job.user_id),
            lambda: self.sent.find(delivery_id, job.message_id),
        )
        if sending is None or person is None or not person.active or detail is None:
            return None
        if mail.state_for(person.email) is not MailState.ACTIVE or not _is_unread(detail.delivery, job.user_id):
            return None
        if stored and stored.state in (SentState.SENT, SentState.FAILED):
            return None
        settings, password = sending
        return _Message(job, detail.delivery, person, profile, settings, password, stored)

    def _find_digest(self, job: EmailJob, digest_id: str, now: datetime) -> _Message | None:
        """Close a digest, and find what its message is made of; None if there is nothing to send, or it was sent."""
        digest, preferences, sending, person, (profile, _), mail, stored = self.gather(
            lambda: self.digests.close(job.user_id, digest_id, now=now),
            lambda: self.preferences.find(job.user_id),
            self.settings.find_with_password,
            lambda: self.people.find_person(job.user_id),
            lambda: self.profiles.find_profile(job.user_id),
            lambda: self.mails.find(job.user_id),
            lambda: self.sent.find(digest_id, job.message_id),
        )
        if digest is None or sending is None or person is None or not person.active:
            return None
        if mail.state_for(person.email) is not MailState.ACTIVE or preferences.preferences.is_paused(now=now):
            return None
        if stored and stored.state in (SentState.SENT, SentState.FAILED):
            return None
        unread = [each for each in self.digests.list_deliveries(digest.delivery_ids) if _is_unread(each, job.user_id)]
        settings, password = sending
        return _Message(job, digest, person, profile, settings, password, stored, unread) if unread else None

    def _wait_for(self, stored: SentMail, job: EmailJob, now: datetime) -> None:
        if stored.next_at is None:
            raise Unavailable("Another worker sends this message.")
        self._send_later(job, stored.next_at, now)

    def _send(self, found: _Message, now: datetime) -> MailResult:
        about = found.about
        message = self._write_digest(found, about, now) if isinstance(about, Digest) else self._write(found, about, now)
        return self.mailer_of(found.settings, found.password).send(message)

    def _write(self, found: _Message, delivery: Delivery, now: datetime) -> MailMessage:
        integrator = self.people.find_integrator(delivery.integrator)
        return delivery_message(
            delivery,
            system=integrator.name if integrator else delivery.integrator,
            reader=found.reader,
            origin=self.origin_of(found.settings.sender, found.person.user_id),
            message_id=MailName(MailKind.DELIVERY, delivery.delivery_id, found.job.message_id).local_part,
            now=now,
        )

    def _write_digest(self, found: _Message, digest: Digest, now: datetime) -> MailMessage:
        return digest_message(
            found.unread,
            systems={each.slug: each.name for each in self.people.list_integrators()},
            reader=found.reader,
            origin=self.origin_of(found.settings.sender, found.person.user_id),
            message_id=MailName(MailKind.DIGEST, digest.digest_id, found.job.message_id).local_part,
            now=now,
            is_full=digest.is_full,
        )

    def _conclude(self, found: _Message, begun: SentMail, result: MailResult) -> None:
        now = self.clock()
        PUSHES.add(channel="email", outcome=_counted(result.outcome))
        ended = replace(
            begun, at=timestamp(now), lease_until=None, result=result.failure, provider_id=result.provider_id
        )
        if result.outcome is MailOutcome.SENT:
            self.sent.record(replace(ended, state=SentState.SENT), found.about)
        elif not result.outcome.is_worth_retrying:
            if result.outcome is MailOutcome.NO_MAILBOX:
                self.mails.pause(found.person.user_id, found.person.email, PauseReason.BOUNCE, now=now)
            self.sent.record(replace(ended, state=SentState.FAILED), found.about)
        else:
            self._retry(found, begun, ended, result, now)

    def _retry(self, found: _Message, begun: SentMail, ended: SentMail, result: MailResult, now: datetime) -> None:
        waits = MAIL_RETRIES.waits
        wait = waits[begun.number] * self.spread if begun.number < len(waits) else timedelta(0)
        next_at = timestamp(now + wait)
        is_recorded = self.sent.record(replace(ended, state=SentState.WAITING, next_at=next_at), found.about)
        if begun.number >= len(waits):
            # The queue repeats it a few times, and keeps it as a dead letter.
            detail = _without_address(f"{result.status or ''} {result.detail}".strip(), found.person.email)
            raise Unavailable(f"{begun.place} takes no mail: {detail}")
        if is_recorded:
            self._send_later(found.job, next_at, now)

    def _send_later(self, job: EmailJob, next_at: str, now: datetime) -> None:
        wait = ceil((parse_timestamp(next_at) - now).total_seconds())
        self.queue.send(job, delay=max(0, min(wait, int(LONGEST_DELAY.total_seconds()))))


def _is_unread(delivery: Delivery, user_id: str) -> bool:
    return delivery.recipient_user_id == user_id and not delivery.resolved_at and shelf_of(delivery) is Shelf.UNREAD


def _without_address(text: str, address: str) -> str:
    """Take an address out of what a server said, which may write it in its own way."""
    written = "|".join(map(re.escape, (address, to_sendable(address))))
    return re.sub(written, "…", text, flags=re.IGNORECASE)


def _counted(outcome: MailOutcome) -> str:
    return {MailOutcome.SENT: "taken", MailOutcome.NO_MAILBOX: "gone"}.get(outcome, "failed")


def _seconds_to_next_hour(now: datetime) -> int:
    left = 3600 - now.timestamp() % 3600
    return min(ceil(left) + 1, int(LONGEST_DELAY.total_seconds()))
