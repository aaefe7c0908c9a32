"""Web Push: messages to a person's browsers that something is new (RFC 8030, RFC 8292).

All that a message has is the delivery's id, or a task's after `queue/`, encrypted for the browser (RFC 8291).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID, uuid5

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError, Url

from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.links import link_error
from chalicelib.core.domain.severity import Severity

# A browser that was closed overnight gets one message of a topic in the morning: they replace each other.
LIVES = timedelta(hours=24)

# A push service that fails so often in a row gets no further messages for this browser.
MOST_FAILURES = 5
# A person's stopped subscriptions that are kept, so that they can see why there are no notifications.
MOST_STOPPED = 5

# The base64url of a point of P-256, uncompressed, and of 16 bytes (RFC 8291, 3.1 and 3.2).
_POINT = r"^[A-Za-z0-9_-]{87}=?$"
_AUTH = r"^[A-Za-z0-9_-]{22}(==)?$"

_NAMESPACE = UUID("a3b0c9f4-5e0d-5a4c-9e55-7b1f0c3d2e61")


class Urgency(StrEnum):
    """How much battery a push message is worth (RFC 8030, 5.3)."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @classmethod
    def of(cls, severity: str) -> "Urgency":
        return {Severity.CRITICAL: cls.HIGH, Severity.WARN: cls.NORMAL}.get(Severity(severity), cls.LOW)


def subscription_id(user_id: str, endpoint: str, /) -> str:
    """Return the id of a browser's subscription; the same endpoint always has the same id."""
    return str(uuid5(_NAMESPACE, f"{user_id}\n{endpoint}"))


class SubscriptionState(StrEnum):
    """Whether a browser is sent push messages: `active`, or `paused` after failures, or `ended` by its push service."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class BrowserKeys:
    """The keys with which messages are encrypted for one browser, in base64url (RFC 8291).

    Of a stored subscription the secret is sealed, unless an earlier release stored it.
    """

    public_key: str
    auth_secret: str
    is_sealed: bool = False


@dataclass(frozen=True)
class Subscription:
    """A browser that receives push messages at its push service's `endpoint`, which only its owner may know.

    `failures` is the number of attempts in a row that failed. A stopped one has the time and the `reason`. Without
    `keys` its messages are empty.
    """

    user_id: str
    endpoint: str
    created_at: str
    keys: BrowserKeys | None = None
    state: SubscriptionState = SubscriptionState.ACTIVE
    failures: int = 0
    stopped_at: str | None = None
    reason: str | None = None

    @property
    def is_active(self) -> bool:
        return self.state is SubscriptionState.ACTIVE

    @property
    def subscription_id(self) -> str:
        return subscription_id(self.user_id, self.endpoint)

    @property
    def host(self) -> str:
        return Url(self.endpoint).host or ""


@dataclass(frozen=True)
class PushKeys:
    """The key pair by which push services know this desk; `contact` is whom they turn to."""

    private_pem: str
    public_key: str
    contact: str


class PushJob(Out):
    """A queue message: push to this person's browsers, or only to the one whose push service failed before.

    Clicking the notification opens the delivery, or the queue at the task. Messages of earlier releases name none. With
    an `event_type`, what its integrator declares decides whether browsers are told; no rule of the person does.
    """

    user_id: str
    urgency: Urgency
    subscription_id: str | None = None
    delivery_id: str | None = None
    task_id: str | None = None
    integrator: str | None = None
    event_type: str | None = None

    @property
    def message(self) -> str | None:
        """What the browser is told: a delivery's id, or the console's page of a task; None for nothing."""
        return self.delivery_id or (f"queue/{self.task_id}" if self.task_id else None)

    @property
    def topic(self) -> str:
        """What a later message replaces while the browser is closed: those about the inbox, or about the queue."""
        return "queue" if self.task_id else "inbox"


class ReachJob(Out):
    """A queue message: reach a person about this delivery by the channels that their preferences choose.

    `message_id` is the same however often the message is processed, and another one when the delivery comes back, and
    `at` is when it came, RFC 3339. A job without an id is about a delivery that was held until now, which is stored
    with its id. Messages of earlier releases have no time.
    """

    user_id: str
    delivery_id: str
    message_id: UuidOut | None = None
    at: str | None = None

    @classmethod
    def of(cls, user_id: str, delivery_id: str, *, at: str) -> Self:
        message_id = str(uuid5(_NAMESPACE, f"{user_id}\n{delivery_id}\n{at}"))
        return cls(user_id=user_id, delivery_id=delivery_id, message_id=message_id, at=at)


def _endpoint(text: str, info: ValidationInfo) -> str:
    allow_loopback = bool(info.context and info.context.get("allow_loopback"))
    if reason := link_error(text, allow_loopback=allow_loopback):
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


class SubscriptionKeysIn(In):
    """The keys with which messages are encrypted for this browser, in base64url (RFC 8291)."""

    p256dh: str = Field(max_length=200, pattern=_POINT, description="Its public key: an uncompressed point of P-256.")
    auth: str = Field(max_length=100, pattern=_AUTH, description="Its authentication secret: 16 bytes.")

    def to_keys(self) -> BrowserKeys:
        return BrowserKeys(self.p256dh.rstrip("="), self.auth.rstrip("="))


class SubscriptionIn(In):
    """A browser's `PushSubscription`, as its `toJSON()` gives it."""

    endpoint: Annotated[str, Field(max_length=2000), AfterValidator(_endpoint)] = Field(
        description="Where its push service takes messages. HTTPS, on a public host."
    )
    expiration_time: float | None = Field(None, alias="expirationTime")
    keys: Omittable[SubscriptionKeysIn] = Field(
        None, description="Without them its messages are empty, and a click opens the newest unread notification."
    )


class SubscriptionOut(Out):
    """A subscription, without its endpoint's path, which is as good as a key.

    `paused` after five failures in a row, `ended` if its push service refused it; then `reason` says why. Subscribe
    again to resume.
    """

    id: UuidOut
    host: str
    created_at: TimeOut
    state: SubscriptionState
    stopped_at: TimeOut | None
    reason: str | None
    encrypted: bool = Field(
        default=False, description="Whether it came with `keys`, so that a click opens what arrived."
    )

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        return cls(
            id=subscription.subscription_id,
            host=subscription.host,
            created_at=subscription.created_at,
            state=subscription.state,
            stopped_at=subscription.stopped_at,
            reason=subscription.reason,
            encrypted=subscription.keys is not None,
        )


class PushOut(Out):
    """The public key to subscribe with, null if this desk has none, and your own subscriptions, oldest first."""

    public_key: str | None
    subscriptions: list[SubscriptionOut]


def push_headers(job: PushJob, *, is_encrypted: bool) -> Mapping[str, str]:
    """Return the headers of a push message, without the authorization."""
    encoding = {"Content-Encoding": "aes128gcm"} if is_encrypted else {}
    return {"TTL": str(int(LIVES.total_seconds())), "Urgency": job.urgency.value, "Topic": job.topic, **encoding}
