"""What became of a message to a channel, for the delivery log: host and result, never an address or a URL."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.domain.http_results import HttpResult


class SendState(StrEnum):
    """How a message stands: an attempt is under way, it waits for the next one, it was taken, or it was given up."""

    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class SkipReason(StrEnum):
    """Why a message was not sent: what its recipient, or the sender, did with the delivery before."""

    READ = "read"
    ARCHIVED = "archived"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Outcome:
    """A message to one channel about one delivery. `result` says why the last attempt failed; None if it did not.

    One that was given up because nobody needed it any more is `skipped`.
    """

    user_id: str
    delivery_id: str
    channel_id: str
    message_id: str
    channel: str
    host: str
    state: SendState
    attempt: int
    at: str
    lease_id: str
    result: str | None = None
    next_attempt_at: str | None = None
    skipped: SkipReason | None = None


def failure_of(result: HttpResult) -> str | None:
    """Return why a request failed, without the reply's text, which may repeat what was sent."""
    if result.error is None:
        return None
    return f"answered {result.status}" if result.status is not None and result.sent else result.reason or "no answer"
