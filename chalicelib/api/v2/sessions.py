"""Sessions: sign in with a browser, list and end your sessions, and open sockets with them."""

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited, refusals_audited
from chalicelib.api.v2.browsers import browser_of, sign_in_audited
from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import Session
from chalicelib.core.domain.envelope import envelope_json
from chalicelib.core.domain.errors import Forbidden, NotFound, TooLarge, Unauthorized
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.edge.same_origin import check_same_origin
from chalicelib.ids import SignInSecret
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, NETWORK, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.sessions import (
    EndedSessionsOut,
    SessionOut,
    SessionQuery,
    SignedInOut,
    SignInIn,
    TicketOut,
    to_cookie,
    to_ended_cookie,
)
from chalicelib.tokens.services import sessions
from chalicelib.tokens.services.sessions import Browser, Lifetime
from chalicelib.tokens.stores.sessions import DynamoSessions

bp = Blueprint(__name__)

_LIST = TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem")
_END = TOKENS.can("GetItem", "DeleteItem") + SOCKETS.can("Query", "DeleteItem") + SOCKET_API.can_post()


def _closer() -> SocketCloser:
    return SocketCloser(DynamoSockets(), ApiGatewaySockets())


def _admit_browser(request: RawRequest) -> Browser:
    """Refuse pages of other sites, which could sign a visitor in as somebody else. Store calls: 1 if refused."""
    with refusals_audited(AuditKind.SESSION_REFUSE, request, way="link", page="not of this desk"):
        check_same_origin(request.headers, request.method)
    return browser_of(request)


@operation(
    bp,
    "POST",
    "/api/v2/sessions",
    tag="Sessions",
    status=201,
    envelope="SignedInAnswer",
    answers={200: "Whom the code signs in.", 201: "The session; its secret is in the cookie."},
    answer=SignedInOut,
    refusals=(Unauthorized, Forbidden, TooLarge),
    gate=_admit_browser,
    grants=_LIST
    + _END
    + TOKENS.can("PutItem")
    + DIRECTORY.can("ConditionCheckItem", "BatchGetItem")
    + NETWORK.can("UpdateItem"),
    audits=(AuditKind.SESSION_BEGIN, AuditKind.SESSION_REFUSE),
)
def sign_in(body: SignInIn, admitted: Browser, context: RequestContext) -> OperationReply:
    """Sign in with the code of a sign-in link.

    For pages of this desk only: a browser sends `Origin`, and the page the header `X-Fluxden-Client`. The reply sets
    the cookie of the session. With `preview` it says whom the code signs in, and does nothing else. A session ends
    after twelve hours without a request, and after seven days, unless the desk has other settings. A person has 20
    sessions at most; with one more, the oldest ends.
    """
    with refusals_audited(AuditKind.SESSION_REFUSE, context, way="link"):
        return _sign_in(body, admitted, context)


def _sign_in(body: SignInIn, admitted: Browser, context: RequestContext) -> OperationReply:
    given, code = settings(), ids.parse_sign_in_secret(SignInSecret.CODE, body.code)
    if code is None:
        raise Unauthorized(sessions.USED_CODE)
    store = DynamoSessions()
    person = sessions.preview_sign_in(code, now=context.now, sessions=store, people=DynamoDirectory())
    if body.preview:
        return OperationReply(envelope_json(SignedInOut(person=person, session_id=None, ends_at=None)), 200)
    token = ids.mint_sign_in_secret(SignInSecret.SESSION)
    with sign_in_audited(context, person.id, browser=admitted, way="link") as session_id:
        session = sessions.begin_session(
            person.id,
            token,
            code=code,
            session_id=session_id,
            browser=admitted,
            lifetime=Lifetime(given.session_hours, given.session_idle_hours),
            now=context.now,
            sessions=store,
            closer=_closer(),
        )
        if session is None:
            raise Unauthorized(sessions.USED_CODE)
    ends_at = sessions.moment_of(session.ends_at())
    signed_in = SignedInOut(person=person, session_id=session.session_id, ends_at=ends_at)
    return OperationReply(envelope_json(signed_in), 201, {"Set-Cookie": to_cookie(token.text, given.session_hours)})


@operation(
    bp,
    "GET",
    "/api/v2/me/sessions",
    tag="Sessions",
    envelope="SessionsAnswer",
    answers={200: "The sessions."},
    grants=SPEND + _LIST,
)
def list_sessions(caller: Session, context: RequestContext) -> list[SessionOut]:
    """List your sessions that have not ended, newest first. A new session may take a moment to appear."""
    return sessions.list_sessions(owner=caller, now=context.now, sessions=DynamoSessions())


@operation(
    bp,
    "DELETE",
    "/api/v2/me/sessions",
    tag="Sessions",
    envelope="EndedSessionsAnswer",
    answers={200: "How many sessions ended."},
    refusals=(NotFound,),
    grants=SPEND + _LIST + _END,
    audits=(AuditKind.SESSION_END,),
)
def end_sessions(query: SessionQuery, caller: Session, context: RequestContext) -> EndedSessionsOut:
    """End one of your sessions, or without an id all but this one.

    Requests of an ended session get 401, and its open connections are closed.
    """
    with audited(AuditKind.SESSION_END, caller, context, each=True):
        return sessions.end_sessions(
            query.id,
            user_id=caller.user_id,
            besides=caller.key_id,
            now=context.now,
            sessions=DynamoSessions(),
            closer=_closer(),
        )


@operation(
    bp,
    "POST",
    "/api/v2/me/sign-out",
    tag="Sessions",
    envelope="SignedOutAnswer",
    answers={200: "You are signed out."},
    answer={200: None},
    grants=SPEND + _END,
    audits=(AuditKind.SESSION_END,),
)
def sign_out(caller: Session, context: RequestContext) -> OperationReply:
    """End the session of this request, and delete its cookie."""
    with audited(AuditKind.SESSION_END, caller, context, Subject("session", caller.key_id)):
        sessions.sign_out(owner=caller, sessions=DynamoSessions(), closer=_closer())
        return OperationReply(envelope_json(None), 200, {"Set-Cookie": to_ended_cookie()})


@operation(
    bp,
    "POST",
    "/api/v2/me/socket-tickets",
    tag="Sessions",
    status=201,
    envelope="TicketAnswer",
    answers={201: "The ticket."},
    grants=SPEND + TOKENS.can("PutItem", "ConditionCheckItem"),
)
def create_socket_ticket(caller: Session, context: RequestContext) -> TicketOut:
    """Create a ticket, with which one socket can be opened within 30 seconds.

    Browsers send it as the second subprotocol, as they send a key: `new WebSocket(url, ["bearer", ticket])`. The socket
    lasts as long as the session.
    """
    ticket = ids.mint_sign_in_secret(SignInSecret.TICKET)
    return sessions.create_ticket(ticket, owner=caller, now=context.now, sessions=DynamoSessions())
