"""A person's own channels: add, list and remove them, and ask for a test message."""

from collections.abc import Callable
from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import JobSender
from chalicelib.reach.domain.channels import (
    Channel,
    ChannelIn,
    ChannelKind,
    ChannelOut,
    ChannelsOut,
    NewChannelOut,
    RemovedChannelOut,
    Target,
    channel_fields,
)
from chalicelib.reach.domain.jobs import ChannelJob

# Says which service and host a URL leads to, or refuses it.
CheckTarget = Callable[[ChannelKind, str], tuple[str, str]]
QueueOf = Callable[[ChannelKind], JobSender[ChannelJob]]


class Channels(Protocol):
    def list_of(self, user_id: str) -> list[Channel]: ...
    def add(self, channel: Channel, target: Target, *, claim: Claim | None, reply: dict[str, Any]) -> None: ...
    def remove(self, channel: Channel, *, claim: Claim | None, reply: dict[str, Any]) -> bool: ...


def list_channels(*, owner: ApiKey, channels: Channels) -> ChannelsOut:
    """Return the owner's channels. Store calls: 1."""
    return ChannelsOut(items=[ChannelOut.of(each) for each in channels.list_of(owner.user_id)])


def add_channel(
    wanted: ChannelIn,
    *,
    channel_id: str,
    secret: str,
    owner: ApiKey,
    context: RequestContext,
    channels: Channels,
    check: CheckTarget,
    seal: Callable[[dict[str, Any]], dict[str, Any]],
) -> NewChannelOut:
    """Add a channel, which is sent nothing before its test message was taken. Store calls: 1.

    Raises:
        Invalid: the URL leads to no service that is known, or not to a public host.
        Conflict: the owner has the most channels allowed.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    service, host = check(wanted.kind, wanted.url)
    channel = Channel(
        owner.user_id, channel_id, wanted.kind, wanted.label, service, host, created_at=timestamp(context.now)
    )
    signs = wanted.kind is ChannelKind.WEBHOOK
    shown = NewChannelOut(**channel_fields(channel), **({"secret": secret} if signs else {}))
    target = Target(wanted.url, secret if signs else None)
    channels.add(channel, target, claim=context.claim, reply=seal(shown.model_dump(mode="json", exclude_unset=True)))
    return shown


def ask_for_test(
    channel_id: str, *, owner: ApiKey, message_id: str, channels: Channels, queue_of: QueueOf
) -> ChannelOut:
    """Have a test message sent to one of the owner's channels. Store and queue calls: 2.

    Raises:
        NotFound: there is no such channel, or it is somebody else's.
    """
    channel = _find(channel_id.lower(), owner, channels)
    if channel is None:
        raise NotFound("No such channel.")
    job = ChannelJob(user_id=owner.user_id, channel_id=channel.channel_id, message_id=message_id)
    queue_of(channel.kind).send(job)
    return ChannelOut.of(channel)


def remove_channel(channel_id: str, *, owner: ApiKey, context: RequestContext, channels: Channels) -> RemovedChannelOut:
    """Remove one of the owner's channels. Store calls: 2.

    Raises:
        NotFound: there is no such channel, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not is_uuid(channel_id):
        raise NotFound("No such channel.")
    out = RemovedChannelOut(id=channel_id.lower())
    # If there is none, the write is refused, unless the key has been used to remove it before.
    channel = _find(out.id, owner, channels) or Channel(owner.user_id, out.id, ChannelKind.WEBHOOK, "", "", "", "")
    if not channels.remove(channel, claim=context.claim, reply=out.model_dump(mode="json")):
        raise NotFound("No such channel.")
    return out


def _find(channel_id: str, owner: ApiKey, channels: Channels) -> Channel | None:
    return next((each for each in channels.list_of(owner.user_id) if each.channel_id == channel_id), None)
