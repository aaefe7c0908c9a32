"""The outbox: what waits to be sent to each connected instance, in order, and how long it is retried."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.core.domain.fields import Out, parse_timestamp
from chalicelib.core.domain.http_results import HttpResult, json_object
from chalicelib.core.domain.retries import REFUSED_FOR_GOOD, RELAY_RETRIES, retry_after_wait

REMOVED = "not sent: the connection was removed"


class OutboxJob(Out):
    """A message of the queue: something waits to be sent to this peer."""

    peer_url: str


class SendOutcome(StrEnum):
    """The result of a sending: it arrived, the recipient's filters dropped it, it was refused, it is too old to retry,
    or it will be retried.
    """

    SENT = "sent"
    FILTERED = "filtered"
    PARKED = "parked"
    EXPIRED = "expired"
    RETRY = "retry"


@dataclass(frozen=True)
class Sending:
    """A relay or an acknowledgement that waits for a peer, at its position. `item_id` is the id of the relay.

    `user_id` is whose relay it is; rows from before it was kept have none, and belong to the connection's owner.
    """

    peer_url: str
    position: int
    connection_id: str
    kind: str
    item_id: str
    queued_at: str
    user_id: str | None = None


@dataclass(frozen=True)
class Outbox:
    """The state of a peer's outbox: the last position taken, and the peer's failures in a row."""

    peer_url: str
    last_position: int = 0
    failures: int = 0
    due_at: str | None = None
    error: str | None = None


def outcome_of(result: HttpResult, sending: Sending, *, now: datetime) -> SendOutcome:
    """Return the outcome of a sending with this result."""
    if result.error is None:
        return SendOutcome.FILTERED if json_object(result.body).get("filtered") is True else SendOutcome.SENT
    if not result.sent:
        return SendOutcome.EXPIRED
    if result.status in REFUSED_FOR_GOOD:
        return SendOutcome.PARKED
    age = now - parse_timestamp(sending.queued_at)
    return SendOutcome.EXPIRED if age >= RELAY_RETRIES.give_up_after else SendOutcome.RETRY


def wait_after(failures: int, retry_after: str | None, *, now: datetime) -> timedelta:
    """Return how long to leave an instance alone after so many failures in a row; its `Retry-After` goes first."""
    return retry_after_wait(retry_after, now=now) or RELAY_RETRIES.wait_after(failures)
