"""v2 "Shared Chat": send, list and stream messages."""

import time
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.chat.domain.chat import (
    AgentHeaders,
    MessageIn,
    MessagesOut,
    MessagesQuery,
    SentOut,
)
from chalicelib.chat.domain.streams import StreamHeaders
from chalicelib.chat.services import chat, streams
from chalicelib.chat.stores.chat import DynamoChat
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import CHAT, NOTIFY, ROLE_INDEX, SOCKETS
from chalicelib.settings import settings

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/shared-chat/send",
    tag="Shared Chat",
    status=201,
    permission="chat",
    envelope="SentAnswer",
    answers={201: "The created message."},
    refusals=(Conflict, TooLarge),
    replay=SentOut.model_validate,
    grants=SPEND + REMEMBER + CHAT.can("PutItem") + NOTIFY,
)
def send_message(body: MessageIn, headers: AgentHeaders, caller: ApiKey, context: RequestContext) -> SentOut:
    """Send a message to the shared chat of the key's owner.

    All open connections of the owner receive it, including the sender's own.
    """
    return chat.send(
        body,
        message_id=ids.new_ulid(context.now),
        agent_name=headers.agent_name,
        owner=caller,
        context=context,
        chat=DynamoChat(),
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather),
    )


@operation(
    bp,
    "GET",
    "/api/v2/shared-chat/messages",
    tag="Shared Chat",
    permission="chat",
    envelope="MessagesAnswer",
    answers={200: "A page of messages."},
    grants=SPEND + CHAT.can("Query", "BatchGetItem") + CHAT.can("Query", index=ROLE_INDEX),
)
def list_messages(query: MessagesQuery, caller: ApiKey) -> MessagesOut:
    """List chat messages.

    The first page contains the newest messages. Within a page, messages are in the order in which they were written.
    """
    return chat.list_page(query, owner=caller, chat=DynamoChat())


@operation(
    bp,
    "GET",
    "/api/v2/shared-chat/stream",
    tag="Shared Chat",
    permission="chat",
    answer=None,
    answers={200: "Server-sent events. Reconnect when the reply ends."},
    media_type="text/event-stream",
    grants=SPEND + SOCKETS.can("Query", "PutItem"),
)
def stream_events(headers: StreamHeaders, caller: ApiKey) -> OperationReply:
    """Stream the owner's events with server-sent events.

    The first connection returns `connected` and the latest events immediately. With `Last-Event-ID`, which every
    EventSource sends when it reconnects, the reply waits for the first new event, or ends with a `heartbeat`. A client
    that reconnects after `retry` misses no event and receives none twice. The WebSocket API has the same events without
    the wait.
    """
    text = streams.listen(
        headers,
        owner=caller,
        hold_seconds=settings().stream_hold_seconds,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        frames=DynamoFrames(),
    )
    return OperationReply(text, 200, {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
