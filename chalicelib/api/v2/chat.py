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
from chalicelib.chat.services import chat
from chalicelib.chat.services.streams import RETRY_WHEN_FULL, EventStream, Wait, read_to_end
from chalicelib.chat.stores.chat import DynamoChat
from chalicelib.chat.stores.stream_slots import DynamoStreamSlots
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.edge.streaming import EVENT_STREAM, NOT_BUFFERED, Pieces
from chalicelib.live.gateways.socket_work import FRAME_JOBS
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
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
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
    media_type=EVENT_STREAM,
    # It waits most of the time, which is paid by memory.
    memory=256,
    grants=SPEND + SOCKETS.can("Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
)
def stream_events(headers: StreamHeaders, caller: ApiKey, context: RequestContext) -> OperationReply:
    """Stream the owner's events with server-sent events.

    Every reply begins with `connected`. A first connection receives the events from then on. With `Last-Event-ID`,
    which every EventSource sends when it reconnects, the reply has everything since; `0` asks for all that is kept. A
    desk on a host keeps the reply open for five minutes, with a `heartbeat` every 30 seconds. Behind a gateway that
    passes on complete replies only, a reply ends with the first events, or with a `heartbeat` after a while. A client
    that reconnects after `retry` misses no event and receives none twice.

    A client that accepts `text/event-stream` by name is never refused with 429 or 503, after which an EventSource stays
    closed: it receives an `error` event, and `retry` says when to come back. The WebSocket API has the same events.
    """
    wait = _wait(context.stream_seconds)
    stream = EventStream(
        caller,
        wait,
        lambda: datetime.now(UTC),
        DynamoFrames(),
        # On a host, an open stream takes next to nothing, and the host has a bound of its own.
        DynamoStreamSlots(None if wait.stays_open else settings().streams_per_desk),
    )
    pieces = stream.open(headers, client_id=f"sse_{ids.new_ulid(context.now)}")
    body = Pieces(pieces) if stream.wait.stays_open else read_to_end(pieces, time.sleep)
    return OperationReply(body, 200, NOT_BUFFERED)


def _wait(stream_seconds: int | None) -> Wait:
    match stream_seconds:
        case None:
            return Wait(settings().stream_hold_seconds)
        case 0:
            return Wait(0, retry_milliseconds=RETRY_WHEN_FULL)
        case seconds:
            return Wait(seconds, stays_open=True)
