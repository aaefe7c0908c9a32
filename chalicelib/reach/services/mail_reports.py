"""Pause an address that a message came back from, or whose owner called one spam."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.retries import is_due
from chalicelib.people.domain.directory import Person
from chalicelib.reach.domain.mail_format import to_sendable
from chalicelib.reach.domain.mail_reports import MailReport
from chalicelib.reach.domain.personal_mail import MailState, PauseReason, PersonalMail
from chalicelib.reach.domain.sent_mails import MailKind, MailName, SentMail, SentState


class ReportOutcome(StrEnum):
    """What became of a report: it paused the address, or why it did not."""

    PAUSED = "paused"
    TEMPORARY = "temporary"
    UNKNOWN_MESSAGE = "unknown_message"
    OTHER_RECIPIENT = "other_recipient"
    OUTDATED = "outdated"
    OFF = "off"


class ReportedMails(Protocol):
    def find(self, delivery_id: str, message_id: str) -> SentMail | None: ...


class ReportedPeople(Protocol):
    def find_person(self, user_id: str) -> Person | None: ...


class PausedMails(Protocol):
    def find(self, user_id: str) -> PersonalMail: ...
    def pause(self, user_id: str, address: str, reason: PauseReason, *, now: datetime) -> bool: ...


@dataclass(frozen=True)
class _Sent:
    """A message that this desk has sent, to whom, and when.

    While `is_sending`, the id that the provider gives it may still be missing.
    """

    user_id: str
    at: str
    provider_id: str | None
    is_sending: bool


@dataclass(frozen=True)
class MailReports:
    """Believes reports about messages that this desk has sent, to the address of their recipient."""

    sent: ReportedMails
    people: ReportedPeople
    mails: PausedMails
    clock: Callable[[], datetime]

    def apply(self, report: MailReport) -> ReportOutcome:
        """Pause the address that a report is about, if it is about a message of ours. Store calls in sequence: 4.

        Raises:
            Unavailable: the provider reports on a message before its id is stored; the report has to come again.
        """
        found = self._find(report.name) if report.name else None
        if found is None or not _is_of_provider(report, found):
            return ReportOutcome.UNKNOWN_MESSAGE
        person = self.people.find_person(found.user_id)
        if person is None or not _is_same(person.email, report.recipient):
            return ReportOutcome.OTHER_RECIPIENT
        if not report.is_permanent:
            return ReportOutcome.TEMPORARY
        mail = self.mails.find(found.user_id)
        if mail.resumed_at and mail.resumed_at > found.at:
            return ReportOutcome.OUTDATED
        if _is_paused_since(mail, person.email, found.at) and mail.reason in (report.reason, PauseReason.COMPLAINT):
            return ReportOutcome.PAUSED  # by this report before, or for a better reason
        is_paused = self.mails.pause(found.user_id, person.email, report.reason, now=self.clock())
        return ReportOutcome.PAUSED if is_paused else ReportOutcome.OFF

    def _find(self, name: MailName) -> _Sent | None:
        if name.kind is MailKind.TEST:
            mail = self.mails.find(name.subject)
            if mail.test_id != name.message_id or not mail.at:
                return None
            return _Sent(name.subject, mail.tested_at or mail.at, mail.provider_id, mail.tested_at is None)
        sent = self.sent.find(name.subject, name.message_id)
        if sent is None:
            return None
        # Once its lease has ended, the id of this attempt never comes.
        is_sending = sent.state is SentState.SENDING and not is_due(sent.lease_until, self.clock())
        return _Sent(sent.user_id, sent.at, sent.provider_id, is_sending)


def _is_of_provider(report: MailReport, sent: _Sent) -> bool:
    """Return whether the message has the id that the report names, if it names one."""
    if report.provider_id is None or report.provider_id == sent.provider_id:
        return True
    if sent.is_sending:
        raise Unavailable("The message of this report is still being sent.")
    return False


def _is_paused_since(mail: PersonalMail, address: str, at: str) -> bool:
    """Return whether the address was paused after that time. A test message may be on its way to end an older pause."""
    return mail.state_for(address) is MailState.PAUSED and mail.at is not None and mail.at > at


def _is_same(address: str, other: str) -> bool:
    return to_sendable(address).casefold() == to_sendable(other).casefold()
