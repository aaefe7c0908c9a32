"""A person's own channels: webhooks and chat services to which this desk sends their notifications.

A channel is `untested` until its test message was taken. It is `paused` after five days of failures, or at once if the
receiver says that it is gone; a test message that is taken resumes it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field
from pydantic_core import Url

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, Out, TimeOut, UuidOut, parse_timestamp, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.links import link_error
from chalicelib.reach.domain.outcomes import failure_of

PAUSED_AFTER = timedelta(days=5)
_GONE = 410
# With these statuses chat services say that a webhook was removed, or that a token was revoked.
_REVOKED = frozenset((401, 403, 404, _GONE))


class ChannelKind(StrEnum):
    """How a channel is reached: by a signed request of its own, or as the chat service has it."""

    WEBHOOK = "webhook"
    CHAT = "chat"


class ChannelState(StrEnum):
    """Whether a channel is sent notifications: only an `active` one is."""

    UNTESTED = "untested"
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True)
class Channel:
    """A channel as it is listed. `service` and `host` say where it leads; the rest of its URL is as good as a key.

    `failing_since` is the first failure since the last success, and `failure` why the last message failed.
    """

    user_id: str
    channel_id: str
    kind: ChannelKind
    label: str
    service: str
    host: str
    created_at: str
    state: ChannelState = ChannelState.UNTESTED
    tested_at: str | None = None
    last_used_at: str | None = None
    failing_since: str | None = None
    failure: str | None = None
    paused_at: str | None = None

    @property
    def is_active(self) -> bool:
        return self.state is ChannelState.ACTIVE


@dataclass(frozen=True)
class Target:
    """Where a channel leads: its whole URL, and the secret that signs the requests of a webhook."""

    url: str
    secret: str | None = None


def check_webhook(url: str, *, allow_loopback: bool) -> tuple[str, str]:
    """Return the service and the host of a webhook's URL.

    Raises:
        Invalid: the URL is not HTTPS, or does not lead to a public host.
    """
    if reason := link_error(url, allow_loopback=allow_loopback):
        raise Invalid(f"url {reason}.", {"url": [reason]})
    return "webhook", Url(url).host or ""


def after_attempt(channel: Channel, result: HttpResult, *, now: datetime, is_test: bool) -> Channel:
    """Return the channel after a message was sent to it. A test that is taken makes it active."""
    tested = replace(channel, tested_at=timestamp(now)) if is_test else channel
    if result.error is None:
        used = replace(tested, last_used_at=timestamp(now), failing_since=None, failure=None)
        return replace(used, state=ChannelState.ACTIVE, paused_at=None) if is_test else used
    failing_since = channel.failing_since or timestamp(now)
    failed = replace(tested, failing_since=failing_since, failure=failure_of(result))
    ends_at = {_GONE} if channel.kind is ChannelKind.WEBHOOK else _REVOKED
    is_over = result.status in ends_at or now - parse_timestamp(failing_since) >= PAUSED_AFTER
    if channel.is_active and is_over:
        return replace(failed, state=ChannelState.PAUSED, paused_at=timestamp(now))
    return failed


class ChannelIn(In):
    """A new channel."""

    kind: Annotated[ChannelKind, Field(strict=False)]
    label: Line = Field(min_length=1, max_length=60, description="What tells it apart from others.")
    url: Line = Field(
        min_length=1,
        max_length=2_000,
        description="For a webhook an HTTPS URL on a public host. For a chat service its URL as Apprise writes it.",
    )


class ChannelOut(Out):
    """A channel, without the URL that it was made with: whoever has that can write to it."""

    id: UuidOut
    kind: ChannelKind
    label: str
    service: str = Field(description="`webhook`, or the chat service, such as `slack`.")
    host: str
    state: ChannelState = Field(description="Only an `active` channel is sent notifications.")
    created_at: TimeOut
    tested_at: TimeOut | None = Field(description="When the last test message was sent.")
    last_used_at: TimeOut | None = Field(description="When it last took a message.")
    failing_since: TimeOut | None = Field(description="The first failure since then.")
    failure: str | None = Field(description="Why the last message failed; null if it did not.")
    paused_at: TimeOut | None

    @classmethod
    def of(cls, channel: Channel) -> Self:
        return cls(**channel_fields(channel))


class NewChannelOut(ChannelOut):
    """A new channel. Only this reply has the secret that signs the requests of a webhook."""

    secret: Omittable[str] = Field(None, description="Of a webhook: `whsec_…`, as Standard Webhooks has it.")


class ChannelsOut(Out):
    """Your channels, oldest first."""

    items: list[ChannelOut]


class RemovedChannelOut(Out):
    """The channel that was removed."""

    id: UuidOut


def channel_fields(channel: Channel) -> dict[str, Any]:
    """Return the values of `ChannelOut` by name."""
    values = {name: getattr(channel, name) for name in ChannelOut.model_fields if name != "id"}
    return {"id": channel.channel_id, **values}
