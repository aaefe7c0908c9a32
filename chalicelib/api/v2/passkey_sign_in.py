"""Sign in with a passkey."""

from typing import NamedTuple

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import refusals_audited
from chalicelib.api.v2.authenticators import AskedFrom, asked_from, ceremony_of, new_browser
from chalicelib.api.v2.browsers import browser_of, sign_in_audited
from chalicelib.api.v2.contract import operation
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.envelope import envelope_json
from chalicelib.core.domain.errors import Conflict, Forbidden, RateLimited, TooLarge, Unauthorized
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.core.stores.shares import DynamoShares
from chalicelib.edge.operation import OperationReply
from chalicelib.edge.same_origin import check_same_origin
from chalicelib.ids import SignInSecret
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, NETWORK, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.passkeys import PasskeyOptionsOut, PasskeySignInIn, browser_cookie
from chalicelib.tokens.domain.sessions import SignedInOut, SignedInPersonOut, to_cookie
from chalicelib.tokens.services import passkeys
from chalicelib.tokens.services.sessions import Browser, Lifetime, begin_session, moment_of
from chalicelib.tokens.stores.sessions import DynamoSessions

bp = Blueprint(__name__)

# Each stores a row. A sign-in takes one or two, and the people of a company share an address.
_MOST_CHALLENGES = 300
_WAY = "passkey"


class _Visit(NamedTuple):
    asked: AskedFrom
    browser: Browser


def _admit(request: RawRequest) -> _Visit:
    """Refuse pages of other sites, which could sign a visitor in as somebody else."""
    check_same_origin(request.headers, request.method)
    return _visit(request)


def _admit_answer(request: RawRequest) -> _Visit:
    """Refuse as `_admit` does, and record it. Store calls: 1 if refused."""
    with refusals_audited(AuditKind.SESSION_REFUSE, request, way=_WAY, page="not of this desk"):
        check_same_origin(request.headers, request.method)
    return _visit(request)


def _visit(request: RawRequest) -> _Visit:
    return _Visit(asked_from(request.headers), browser_of(request))


@operation(
    bp,
    "POST",
    "/api/v2/sessions/passkey-options",
    tag="Sessions",
    envelope="PasskeyOptionsAnswer",
    answers={200: "What to ask the authenticator for."},
    answer=PasskeyOptionsOut,
    refusals=(Forbidden, Conflict, RateLimited),
    gate=_admit,
    grants=NETWORK.can("UpdateItem") + TOKENS.can("PutItem"),
)
def ask_to_sign_in(admitted: _Visit, context: RequestContext) -> OperationReply:
    """Get what a browser needs to sign in with a passkey.

    For pages of this desk only, as `POST /api/v2/sessions` is. `PublicKeyCredential.parseRequestOptionsFromJSON` takes
    `publicKey`. The challenge is good for five minutes, once, and in this browser only, which a cookie names.
    """
    browser = admitted.asked.browser or new_browser()
    ceremony = ceremony_of(browser, admitted.asked.host)
    DynamoShares().take("PASSKEY", context.address, most=_MOST_CHALLENGES, now=context.now)
    challenge = ids.mint_sign_in_secret(SignInSecret.CHALLENGE)
    asked = passkeys.ask_to_sign_in(ceremony, challenge, now=context.now)
    return OperationReply(envelope_json(asked), 200, {"Set-Cookie": browser_cookie(browser)})


@operation(
    bp,
    "POST",
    "/api/v2/sessions/passkey",
    tag="Sessions",
    status=201,
    envelope="SignedInAnswer",
    answers={201: "The session; its secret is in the cookie."},
    answer=SignedInOut,
    refusals=(Unauthorized, Forbidden, Conflict, TooLarge),
    gate=_admit_answer,
    grants=TOKENS.can("Query", index=OWNER_INDEX)
    + TOKENS.can("BatchGetItem", "GetItem", "PutItem", "UpdateItem", "DeleteItem")
    + SOCKETS.can("Query", "DeleteItem")
    + SOCKET_API.can_post()
    + DIRECTORY.can("ConditionCheckItem", "BatchGetItem")
    + NETWORK.can("UpdateItem"),
    audits=(AuditKind.SESSION_BEGIN, AuditKind.SESSION_REFUSE),
)
def sign_in_with_passkey(body: PasskeySignInIn, admitted: _Visit, context: RequestContext) -> OperationReply:
    """Sign in with the answer of a passkey.

    The reply sets the cookie of the session, as `POST /api/v2/sessions` does. An authenticator whose counter went back
    is refused, since it may be a copy.
    """
    with refusals_audited(AuditKind.SESSION_REFUSE, context, way=_WAY):
        return _sign_in(body, admitted, context)


def _sign_in(body: PasskeySignInIn, admitted: _Visit, context: RequestContext) -> OperationReply:
    given, token = settings(), ids.mint_sign_in_secret(SignInSecret.SESSION)
    ceremony = ceremony_of(admitted.asked.browser, admitted.asked.host)
    proof = passkeys.prove(body.credential, ceremony, people=DynamoDirectory(), now=context.now)
    with sign_in_audited(context, proof.person.user_id, browser=admitted.browser, way=_WAY) as session_id:
        session = begin_session(
            proof.person.user_id,
            token,
            code=None,
            session_id=session_id,
            browser=admitted.browser,
            lifetime=Lifetime(given.session_hours, given.session_idle_hours),
            now=context.now,
            sessions=DynamoSessions(),
            closer=SocketCloser(DynamoSockets(), ApiGatewaySockets()),
            proof=proof.actions,
        )
        if session is None:
            raise Unauthorized(passkeys.NOT_ACCEPTED)
    person = SignedInPersonOut(id=proof.person.user_id, name=proof.person.name, email=proof.person.email)
    ends_at = moment_of(session.ends_at())
    signed_in = SignedInOut(person=person, session_id=session.session_id, ends_at=ends_at)
    return OperationReply(envelope_json(signed_in), 201, {"Set-Cookie": to_cookie(token.text, given.session_hours)})
