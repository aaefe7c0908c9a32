"""A person's e-mail: whether they get any, and how they turn it off and on."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import DelayedJobSender, Gather
from chalicelib.people.domain.directory import Person
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.domain.mail import MailSettings
from chalicelib.reach.domain.personal_mail import EmailIn, EmailOut, MailState, PersonalMail


class EmailOwners(Protocol):
    def find_person(self, user_id: str) -> Person | None: ...


class MailSettingsReader(Protocol):
    def find(self) -> MailSettings | None: ...


class OwnMails(Protocol):
    def find(self, user_id: str) -> PersonalMail: ...
    def set_state(
        self,
        user_id: str,
        state: MailState,
        *,
        seen: PersonalMail | None,
        now: datetime,
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> bool: ...
    def begin_test(self, user_id: str, test_id: str, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class OwnEmail:
    """What a person sees and sets of their e-mail."""

    people: EmailOwners
    settings: MailSettingsReader
    mails: OwnMails
    gather: Gather

    def show(self, owner: ApiKey) -> EmailOut:
        """Return the owner's e-mail. Store calls in sequence: 1."""
        address, is_available, mail = self._find(owner)
        return EmailOut.of(mail, address=address, available=is_available)

    def change(self, wanted: EmailIn, *, owner: ApiKey, context: RequestContext) -> EmailOut:
        """Turn the owner's e-mail on or off. Store calls in sequence: 2.

        Raises:
            Forbidden: the owner is no employee any more.
            Conflict: it was paused, or changed by another call, at the same time.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        address, is_available, mail = self._find(owner)
        state = mail.state_if(address, is_on=wanted.enabled)
        changed = replace(mail, state=state, at=timestamp(context.now))
        shown = EmailOut.of(changed, address=address, available=is_available)
        reply = shown.model_dump(mode="json", by_alias=True)
        if not self.mails.set_state(owner.user_id, state, seen=mail, now=context.now, claim=context.claim, reply=reply):
            raise Conflict("Your e-mail was changed at the same time. Try again.")
        return shown

    def ask_for_test(
        self, *, owner: ApiKey, test_id: str, queue: DelayedJobSender[EmailJob], now: datetime
    ) -> EmailOut:
        """Have a test message sent to the owner's address. Store and queue calls in sequence: 3.

        Raises:
            Forbidden: the owner is no employee any more.
            Conflict: this desk sends no e-mail.
        """
        address, is_available, mail = self._find(owner)
        if not is_available:
            raise Conflict("This desk sends no e-mail. Ask an administrator to set up a mail server.")
        self.mails.begin_test(owner.user_id, test_id, now=now)
        queue.send(EmailJob(user_id=owner.user_id, message_id=test_id))
        return EmailOut.of(replace(mail, tested_at=None, failure=None), address=address, available=True)

    def _find(self, owner: ApiKey) -> tuple[str, bool, PersonalMail]:
        person, settings, mail = self.gather(
            lambda: self.people.find_person(owner.user_id), self.settings.find, lambda: self.mails.find(owner.user_id)
        )
        if person is None:
            raise Forbidden("The owner of this key is no employee.")
        return person.email, settings is not None, mail


def turn_off(user_id: str, *, mails: OwnMails, now: datetime) -> None:
    """Turn off the e-mail of the person whom a token names; of one who is gone, there is none. Store calls: 1."""
    with suppress(Forbidden):
        mails.set_state(user_id, MailState.OFF, seen=None, now=now)
