"""Pause an address that a message came back from, or whose owner called one spam."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.people.domain.directory import Person
from chalicelib.reach.domain.mail_format import to_sendable
from chalicelib.reach.domain.mail_reports import MailReport
from chalicelib.reach.domain.personal_mail import PauseReason, PersonalMail
from chalicelib.reach.domain.sent_mails import MailKind, MailName, SentMail


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
    """A message that this desk has sent, to whom, and when."""

    user_id: str
    at: str


@dataclass(frozen=True)
class MailReports:
    """Believes reports about messages that this desk has sent, to the address of their recipient."""

    sent: ReportedMails
    people: ReportedPeople
    mails: PausedMails
    clock: Callable[[], datetime]

    def apply(self, report: MailReport) -> ReportOutcome:
        """Pause the address that a report is about, if it is about a message of ours. Store calls in sequence: 4."""
        found = self._find(report.name) if report.name else None
        if found is None:
            return ReportOutcome.UNKNOWN_MESSAGE
        person = self.people.find_person(found.user_id)
        if person is None or not _is_same(person.email, report.recipient):
            return ReportOutcome.OTHER_RECIPIENT
        if not report.is_permanent:
            return ReportOutcome.TEMPORARY
        mail = self.mails.find(found.user_id)
        if mail.resumed_at and mail.resumed_at > found.at:
            return ReportOutcome.OUTDATED
        is_paused = self.mails.pause(found.user_id, person.email, report.reason, now=self.clock())
        return ReportOutcome.PAUSED if is_paused else ReportOutcome.OFF

    def _find(self, name: MailName) -> _Sent | None:
        if name.kind is MailKind.TEST:
            mail = self.mails.find(name.subject)
            if mail.test_id != name.message_id or not mail.at:
                return None
            return _Sent(name.subject, mail.tested_at or mail.at)
        sent = self.sent.find(name.subject, name.message_id)
        return _Sent(sent.user_id, sent.at) if sent else None


def _is_same(address: str, other: str) -> bool:
    return to_sendable(address).casefold() == to_sendable(other).casefold()
