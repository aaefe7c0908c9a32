"""Whether a person gets e-mail, and why not."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field

from chalicelib.core.domain.fields import In, Out, TimeOut


class MailState(StrEnum):
    """`active`; `off`, as the person chose; or `paused`, since their address takes no mail or they complained."""

    ACTIVE = "active"
    OFF = "off"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Why an address is paused: it takes no mail, or its owner called a message spam."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True)
class PersonalMail:
    """A person's e-mail. Times are RFC 3339 in UTC.

    `reason` and `address` say why which address is paused, also while e-mail is off; a new address gets mail again.
    `test_id` names the test message that was asked for last. `tested_at` is when it was sent, and `failure` why it was
    not taken. `provider_id` is the id that Amazon SES gave it. `resumed_at` is when a test message was taken last by an
    address that was paused.
    """

    state: MailState = MailState.ACTIVE
    at: str | None = None
    reason: PauseReason | None = None
    address: str | None = None
    test_id: str | None = None
    tested_at: str | None = None
    failure: str | None = None
    provider_id: str | None = None
    resumed_at: str | None = None

    def has_paused(self, address: str) -> bool:
        """Whether this address is paused, also while e-mail is off."""
        return self.reason is not None and self.address == address

    def state_for(self, address: str) -> MailState:
        """Return the state of mail to this address, which the directory may have changed since it was paused."""
        is_other = self.state is MailState.PAUSED and self.address != address
        return MailState.ACTIVE if is_other else self.state

    def state_if(self, address: str, *, is_on: bool) -> MailState:
        """Return the state once the person turns mail to this address on or off: a paused address stays paused."""
        if not is_on:
            return MailState.OFF
        return MailState.PAUSED if self.has_paused(address) else MailState.ACTIVE


class EmailIn(In):
    """Whether you want e-mail."""

    enabled: bool = Field(
        description="false turns e-mail off, and true on. An address that is paused stays paused until it takes a test "
        "message."
    )


class EmailOut(Out):
    """Your e-mail: where it goes, and whether it does."""

    address: str = Field(description="Your address in the directory.")
    available: bool = Field(description="Whether this desk sends e-mail.")
    state: MailState = Field(
        description="`off` if you turned it off. `paused` if the address takes no mail, or you marked a message as "
        "spam; then `reason` says which."
    )
    since: TimeOut | None = Field(description="When it was turned off or paused.")
    reason: PauseReason | None
    tested_at: TimeOut | None = Field(description="When the last test message was sent; null while it waits.")
    failure: str | None = Field(
        description="Why the last test message was not taken: `no_mailbox`, `refused`, `misconfigured` or `deferred` "
        "by the mail server, with its code; `limit` beyond 20 messages an hour; `unavailable` if the desk sends none."
    )

    @classmethod
    def of(cls, mail: PersonalMail, *, address: str, available: bool) -> Self:
        state = mail.state_for(address)
        is_active, is_paused = state is MailState.ACTIVE, state is MailState.PAUSED
        return cls(
            address=address,
            available=available,
            state=state,
            since=None if is_active else mail.at,
            reason=mail.reason if is_paused else None,
            tested_at=mail.tested_at,
            failure=mail.failure,
        )
