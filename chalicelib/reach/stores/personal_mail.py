"""Whether people get e-mail, in the table `directory`: USER#<id> / MAIL.

state, at; reason, address: of the one that is paused; testId, testedAt, failure, providerId: of the last test message;
resumedAt: when one was taken by an address that was paused.
People who never changed anything, and whose address takes mail, have no row.
"""

from datetime import datetime
from typing import Any

from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, check, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.stores.directory_rows import person_key
from chalicelib.reach.domain.personal_mail import MailState, PauseReason, PersonalMail
from chalicelib.resources import DIRECTORY

_MAIL = Codec(PersonalMail)


class DynamoPersonalMail:
    def find(self, user_id: str) -> PersonalMail:
        """Find whether a person gets e-mail. One store call."""
        row = get(DIRECTORY, _key(user_id))
        return _MAIL.from_row(row) if row else PersonalMail()

    def set_state(
        self,
        user_id: str,
        state: MailState,
        *,
        seen: PersonalMail | None,
        now: datetime,
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> bool:
        """Store the state that a person chose; False if it is no longer the one seen. One store call.

        Raises:
            Forbidden: the person is gone.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        condition, named = ("", dict[str, Any]())
        if seen is not None and seen.at:
            condition, named = "#at = :seen", {"seen": seen.at}
        elif seen is not None:
            condition = "attribute_not_exists(#at)"
        changed = update(
            DIRECTORY,
            _key(user_id),
            "SET #state = :state, #at = :now",
            condition,
            state=state.value,
            now=timestamp(now),
            **named,
        )
        try:
            commit([changed, _is_there(user_id)], claim=claim, reply=reply)
        except Refused as refused:
            if 1 in refused.failed:
                raise Forbidden("The owner of this address is no employee.") from refused
            return False
        return True

    def pause(self, user_id: str, address: str, reason: PauseReason, *, now: datetime) -> bool:
        """Pause a person's address; False if they have turned e-mail off, or are gone. One store call."""
        paused = update(
            DIRECTORY,
            _key(user_id),
            "SET #state = :paused, #at = :now, reason = :reason, address = :address",
            "attribute_not_exists(#state) OR #state <> :off",
            paused=MailState.PAUSED.value,
            off=MailState.OFF.value,
            now=timestamp(now),
            reason=reason.value,
            address=address,
        )
        return try_commit([paused, _is_there(user_id)])

    def begin_test(self, user_id: str, test_id: str, *, now: datetime) -> None:
        """Store which test message is to be sent, in place of the one before. One store call.

        Raises:
            Forbidden: the person is gone.
        """
        begun = update(
            DIRECTORY,
            _key(user_id),
            "SET testId = :id, #state = if_not_exists(#state, :active), #at = if_not_exists(#at, :now)"
            " REMOVE testedAt, failure, providerId",
            id=test_id,
            active=MailState.ACTIVE.value,
            now=timestamp(now),
        )
        if not try_commit([begun, _is_there(user_id)]):
            raise Forbidden("The owner of this address is no employee.")

    def end_test(
        self, user_id: str, test_id: str, *, failure: str | None, provider_id: str | None, now: datetime
    ) -> None:
        """Store what became of a test message, unless another one was asked for since. One store call."""
        ended = {"testedAt": timestamp(now), "failure": failure, "providerId": provider_id}
        sets = {name: value for name, value in ended.items() if value is not None}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        try_commit([update(DIRECTORY, _key(user_id), expression, "testId = :id", id=test_id, **sets)])

    def resume(self, user_id: str, seen: PersonalMail, *, now: datetime) -> None:
        """End a pause, unless the state has changed since it was seen: e-mail that is off stays off. One store call."""
        is_off = seen.state is MailState.OFF
        resumed = update(
            DIRECTORY,
            _key(user_id),
            "SET #state = :next, #at = :at, resumedAt = :now REMOVE reason, address",
            "#at = :seen AND #state = :was",
            next=(MailState.OFF if is_off else MailState.ACTIVE).value,
            was=seen.state.value,
            at=seen.at if is_off else timestamp(now),
            now=timestamp(now),
            seen=seen.at,
        )
        try_commit([resumed])


def _is_there(user_id: str) -> Action:
    return check(DIRECTORY, person_key(user_id), EXISTS)


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "MAIL"}
