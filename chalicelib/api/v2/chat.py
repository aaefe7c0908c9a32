"""dividen-v2, tag "Shared Chat": say something, read what was said, listen."""

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
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.edge.operation import Reply
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.connections import DynamoConnections
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.parallel import together
from chalicelib.resources import CHAT, NOTIFY, ROLE_INDEX, SOCKETS
from chalicelib.settings import settings

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/shared-chat/send",
    tag="chat",
    status=201,
    area="chat",
    envelope="SentAnswer",
    answers={201: "The message as it was stored."},
    refusals=(Conflict, TooLarge),
    replay=SentOut.model_validate,
    grants=SPEND + REMEMBER + CHAT.can("PutItem") + NOTIFY,
)
def send_message(body: MessageIn, headers: AgentHeaders, caller: ApiKey, call: Call) -> SentOut:
    """Say something in the shared chat of the key's owner.

    Everybody who listens to the owner's desk is told, the sender's own connections too.
    """
    return chat.send(
        body,
        message_id=ids.sortable(call.now),
        agent_name=headers.agent_name,
        owner=caller,
        call=call,
        chat=DynamoChat(),
        notifier=Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together),
    )


@operation(
    bp,
    "GET",
    "/api/v2/shared-chat/messages",
    tag="chat",
    area="chat",
    envelope="MessagesAnswer",
    answers={200: "A page of messages."},
    grants=SPEND + CHAT.can("Query", "BatchGetItem") + CHAT.can("Query", index=ROLE_INDEX),
)
def list_messages(query: MessagesQuery, caller: ApiKey) -> MessagesOut:
    """Read the shared chat, newest page first, each page in the order it was written."""
    return chat.list_page(query, owner=caller, chat=DynamoChat())


@operation(
    bp,
    "GET",
    "/api/v2/shared-chat/stream",
    tag="chat",
    area="chat",
    answer=None,
    answers={200: "Server-sent events, up to the end of this reply; reconnect for more."},
    media_type="text/event-stream",
    grants=SPEND + SOCKETS.can("Query", "PutItem"),
)
def stream_events(headers: StreamHeaders, caller: ApiKey) -> Reply:
    """Listen to the owner's desk by server-sent events.

    A first connection is answered at once: `connected`, then what happened last. With `Last-Event-ID`, which every
    EventSource sends when it reconnects, the reply waits for the first new event, or ends with a `heartbeat`. So a
    client that reconnects as told by `retry` misses nothing and gets nothing twice. The WebSocket API has the same
    events without the waiting.
    """
    text = streams.listen(
        headers,
        owner=caller,
        hold_seconds=settings().stream_hold_seconds,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        frames=DynamoFrames(),
    )
    return Reply(text, 200, {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
