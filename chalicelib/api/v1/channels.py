"""v1 "channels": your own webhooks and chat services, to which your notifications are sent."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, IdempotencyConflict, Invalid, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.reach.domain.channels import (
    ChannelIn,
    ChannelKind,
    ChannelOut,
    ChannelsOut,
    NewChannelOut,
    RemovedChannelOut,
    check_webhook,
)
from chalicelib.reach.gateways.jobs import jobs_of
from chalicelib.reach.services import channels
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.resources import CHAT_MESSAGES, DIRECTORY, PERSONAL_WEBHOOK, SOCKETS, UNSEAL
from chalicelib.sealing import seal_reply
from chalicelib.settings import settings

bp = Blueprint(__name__)

_PATH = "/api/v1/me/channels"
_LIST = SPEND + DIRECTORY.can("Query")


def _check(kind: ChannelKind, url: str) -> tuple[str, str]:
    if kind is ChannelKind.WEBHOOK:
        return check_webhook(url, allow_loopback=settings().allow_loopback)
    # Apprise is loaded by nobody else, and takes a tenth of a second.
    from chalicelib.reach.gateways.chat import check_chat

    return check_chat(url)


@operation(
    bp,
    "GET",
    _PATH,
    tag="channels",
    answers={200: "The channels."},
    permission="inbox",
    grants=_LIST,
)
def list_channels(caller: ApiKey) -> ChannelsOut:
    """List your channels, oldest first, with how each of them does.

    The URL that a channel was made with is not shown again.
    """
    return channels.list_channels(owner=caller, channels=DynamoChannels())


@operation(
    bp,
    "POST",
    _PATH,
    tag="channels",
    status=201,
    answers={201: "The channel; that of a webhook has its secret."},
    refusals=(Invalid, Forbidden, Conflict, IdempotencyConflict, TooLarge),
    replay=NewChannelOut.model_validate,
    grants=SPEND + REMEMBER + DIRECTORY.can("PutItem", "ConditionCheckItem") + SOCKETS.can("UpdateItem") + UNSEAL,
    audits=(AuditKind.CHANNEL_ADD,),
)
def add_channel(body: ChannelIn, caller: ApiKey, context: RequestContext) -> NewChannelOut:
    """Add a webhook or a chat service, to which your notifications are sent.

    It is sent nothing before it took a test message, for which you ask next. Requests to a webhook are signed as
    Standard Webhooks has it; only this reply has the secret. What they have is what your inbox shows. A person has 10
    channels at most. This needs a key with all permissions, since a channel outlives the key.
    """
    channel_id = str(uuid4())

    def seal(reply: dict[str, Any]) -> dict[str, Any]:
        assert context.claim is None or context.sealing_key is not None
        return seal_reply(reply, context.sealing_key) if context.sealing_key else {}

    with audited(AuditKind.CHANNEL_ADD, caller, context, Subject("channel", channel_id, caller.user_id)):
        return channels.add_channel(
            body,
            channel_id=channel_id,
            secret=ids.new_signing_secret(),
            owner=caller,
            context=context,
            channels=DynamoChannels(),
            check=_check,
            seal=seal,
        )


@operation(
    bp,
    "POST",
    f"{_PATH}/{{channelId}}/test",
    tag="channels",
    status=202,
    answers={202: "A test message is on its way. The list shows when it was sent, and what came of it."},
    refusals=(NotFound,),
    grants=_LIST + PERSONAL_WEBHOOK.can_send() + CHAT_MESSAGES.can_send(),
)
def test_channel(channelId: str, caller: ApiKey) -> ChannelOut:  # noqa: N803 - contract's spelling
    """Send a test message to one of your channels.

    If it is taken, the channel is active from then on, also one that was paused.
    """
    return channels.ask_for_test(
        channelId, owner=caller, message_id=str(uuid4()), channels=DynamoChannels(), queue_of=jobs_of
    )


@operation(
    bp,
    "DELETE",
    f"{_PATH}/{{channelId}}",
    tag="channels",
    answers={200: "The channel was removed."},
    refusals=(NotFound, Conflict, IdempotencyConflict, TooLarge),
    replay=RemovedChannelOut.model_validate,
    grants=_LIST + REMEMBER + DIRECTORY.can("DeleteItem") + SOCKETS.can("UpdateItem"),
    audits=(AuditKind.CHANNEL_REMOVE,),
)
def remove_channel(channelId: str, caller: ApiKey, context: RequestContext) -> RemovedChannelOut:  # noqa: N803 - contract
    """Remove one of your channels. Nothing more is sent to it."""
    with audited(AuditKind.CHANNEL_REMOVE, caller, context, Subject("channel", channelId.lower(), caller.user_id)):
        return channels.remove_channel(channelId, owner=caller, context=context, channels=DynamoChannels())
