"""What became of each message that this desk sends by e-mail, and the id by which others name it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

# At most so many messages to one person begin in an hour of the clock; the others wait for the next one.
MOST_AN_HOUR = 20


class SentState(StrEnum):
    """An attempt is under way, the next one is awaited, the message was taken, or it was given up."""

    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class MailKind(StrEnum):
    """What a message is about: a delivery; several, in a digest; or nothing, to test an address."""

    DELIVERY = "delivery"
    DIGEST = "digest"
    TEST = "test"


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LOCAL_PART = re.compile(rf"({'|'.join(MailKind)})\.({_UUID})\.({_UUID})")


@dataclass(frozen=True)
class MailName:
    """How a message is named in its Message-ID: `subject` is its delivery or digest, or the person of a test.

    So whoever reports on it says which row is about it.
    """

    kind: MailKind
    subject: str
    message_id: str

    @property
    def local_part(self) -> str:
        """What stands before the @ of its Message-ID."""
        return f"{self.kind.value}.{self.subject}.{self.message_id}"

    @classmethod
    def parse(cls, message_id: str) -> Self | None:
        """Read the Message-ID of a message, with its angle brackets or without; None if it is none of ours."""
        found = _LOCAL_PART.fullmatch(message_id.strip().strip("<>").rpartition("@")[0].lower())
        return cls(MailKind(found[1]), found[2], found[3]) if found else None


@dataclass(frozen=True)
class SentMail:
    """A message about a delivery, or with a digest, whose id it then has as `delivery_id`.

    `place` is what took it, or did not; never the address. `result` says why not.

    `number` is that of its last attempt, from 1, and `attempt_id` names it. `lease_until` is when an attempt under way
    counts as lost, and `next_at` when the next one is made. `provider_id` is the id that Amazon SES gave it. Times are
    RFC 3339 in UTC.
    """

    user_id: str
    delivery_id: str
    message_id: str
    state: SentState
    number: int
    attempt_id: str
    at: str
    place: str
    result: str | None = None
    lease_until: str | None = None
    next_at: str | None = None
    provider_id: str | None = None
