"""The WebSocket API: one socket carries all events of a person.

Clients send an API key in the `Authorization` header. Browsers send it with the subprotocols `bearer, <key>`, and for a
session a ticket in the place of the key.
"""

from collections.abc import Mapping
from datetime import datetime

from chalice.app import Blueprint
from pydantic import ValidationError

from chalicelib import ids
from chalicelib.chat.domain.chat import MessageIn
from chalicelib.chat.domain.client_frames import ClientFrame, Ping, Resume, Send
from chalicelib.chat.domain.streams import StreamHeaders
from chalicelib.chat.services import chat
from chalicelib.chat.stores.chat import DynamoChat
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Refusal, Unauthorized
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.json_text import check_json
from chalicelib.edge.problem import to_invalid
from chalicelib.edge.socket import SocketCall, admit, find_token, socket
from chalicelib.live.domain.frames import CONNECTING_AREAS, Frame, FrameType, signal_frame
from chalicelib.live.domain.sockets import Socket
from chalicelib.live.gateways.socket_work import CATCH_UP_JOBS, FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services import sockets
from chalicelib.live.services.heartbeats import new_heartbeat
from chalicelib.live.services.notifier import Notifier, end_socket, post_frame
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import CHAT, NOTIFY, SOCKET_WORK, SOCKETS, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.stores.sessions import DynamoSessions
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

bp = Blueprint(__name__)

_SPEND = TOKENS.can("UpdateItem")
_HEADERS = [str(each.alias) for each in StreamHeaders.model_fields.values()]
_AREA = {Ping: CONNECTING_AREAS, Send: frozenset({"chat"}), Resume: CONNECTING_AREAS}


@socket(
    bp,
    "$connect",
    grants=_SPEND + TOKENS.can("ConditionCheckItem", "DeleteItem") + NOTIFY + SOCKET_WORK.can_send(),
)
def on_connect(call: SocketCall) -> Mapping[str, str]:
    """Open a socket. Its first events come from a queue, because nothing can be sent before it is open."""
    token, subprotocol = find_token(call.headers)
    if token.kind is ids.SignInSecret.TICKET:
        token = _take_ticket(token, call.now)
    owner = admit(token, CONNECTING_AREAS, now=call.now, tokens=DynamoTokenBudgets())
    headers = _read_headers(call.headers)
    sockets.open_socket(
        call.connection_id,
        owner=owner,
        key_hash=token.secret_hash,
        by_session=token.kind is ids.SignInSecret.SESSION,
        by_browser=subprotocol is not None,
        last_id=headers.last_event_id,
        agent_name=headers.agent_name or owner.name,
        host=settings().socket_host,
        now=call.now,
        sockets=DynamoSockets(),
        frames=DynamoFrames(),
        gateway=ApiGatewaySockets(),
        work=CATCH_UP_JOBS,
    )
    return {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}


def _take_ticket(ticket: ids.PresentedToken, now: datetime) -> ids.PresentedToken:
    session = DynamoSessions().take_ticket(ticket, now=now)
    if session is None:
        raise Unauthorized("This ticket was used before, or has expired.")
    return session


@socket(bp, "$disconnect", grants=SOCKETS.can("GetItem", "DeleteItem"))
def on_disconnect(call: SocketCall) -> None:
    """Delete the socket."""
    sockets.forget_socket(call.connection_id, now=call.now, sockets=DynamoSockets())


@socket(
    bp,
    "$default",
    grants=_SPEND + SOCKETS.can("GetItem", "UpdateItem") + CHAT.can("PutItem") + NOTIFY + SOCKET_WORK.can_send(),
)
def on_message(call: SocketCall) -> None:
    """Handle a client's frame. Errors are sent back as an `error` frame."""
    opened = DynamoSockets().find(call.connection_id, now=call.now)
    if opened is None:
        # The socket or its key has expired.
        ApiGatewaySockets().close(call.connection_id)
        return
    try:
        _answer(call, opened)
    except Refusal as refusal:
        _post(opened, signal_frame(FrameType.ERROR, opened.sent_to, call.now, error=refusal.detail, code=refusal.code))
        if isinstance(refusal, Unauthorized):
            end_socket(opened, sockets=DynamoSockets(), gateway=ApiGatewaySockets())


def _answer(call: SocketCall, opened: Socket) -> None:
    # As over HTTP, a frame's errors are reported only after the caller is authenticated and charged.
    frame = _read(call.body)
    areas = CONNECTING_AREAS if isinstance(frame, Refusal) else _AREA[type(frame)]
    caller = admit(opened.token, areas, now=call.now, tokens=DynamoTokenBudgets())
    match frame:
        case Refusal():
            raise frame
        case Ping():
            visible = frame.visible
            beat = new_heartbeat(opened, visible=visible, now=call.now, sockets=DynamoSockets(), frames=DynamoFrames())
            _post(opened, beat)
        case Resume():
            sockets.resume_socket(opened, frame.after, work=CATCH_UP_JOBS)
        case Send():
            _send(frame, caller, call, agent_name=opened.agent_name or None)


def _read_headers(sent: Mapping[str, str]) -> StreamHeaders:
    named = {name: sent[name.lower()] for name in _HEADERS if name.lower() in sent}
    try:
        return StreamHeaders.model_validate_strings(named)
    except ValidationError as error:
        raise to_invalid(error, StreamHeaders.__pydantic_core_schema__) from error


def _read(body: bytes) -> Ping | Send | Resume | Refusal:
    try:
        check_json(body)
        return ClientFrame.validate_json(body)
    except ValidationError as error:
        return to_invalid(error, ClientFrame.core_schema)
    except Refusal as refusal:
        return refusal


def _send(frame: Send, caller: ApiKey, call: SocketCall, *, agent_name: str | None) -> None:
    chat.send(
        MessageIn.model_validate(frame.model_dump(exclude={"action"}, exclude_unset=True)),
        message_id=ids.new_ulid(call.now),
        agent_name=agent_name,
        owner=caller,
        context=RequestContext(call.request_id, call.now),
        chat=DynamoChat(),
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
    )


def _post(opened: Socket, frame: Frame) -> None:
    post_frame(opened, frame, sockets=DynamoSockets(), gateway=ApiGatewaySockets())
