"""Sign in with a provider of identities, such as the company's own (OpenID Connect)."""

import logging
import secrets
from html import escape
from uuid import uuid4

from chalice.app import Blueprint
from pydantic import Field

from chalicelib import ids
from chalicelib.api.audit import audit_refusal, audited
from chalicelib.api.v2.browsers import browser_of, sign_in_audited
from chalicelib.api.v2.contract import operation
from chalicelib.core.domain.audit import Actor, ActorKind
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.fields import Omittable, Query
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.core.stores.shares import DynamoShares
from chalicelib.edge.operation import OperationReply
from chalicelib.ids import SignInSecret
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, NETWORK, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS, UNSEAL
from chalicelib.settings import settings
from chalicelib.tokens.domain.identity_providers import (
    ATTEMPT_COOKIE,
    Attempt,
    SignInError,
    SignInProviderOut,
    SignInRefused,
    attempt_cookie,
    ended_attempt_cookie,
)
from chalicelib.tokens.domain.sessions import find_named_cookie, to_cookie
from chalicelib.tokens.services.sessions import Browser, Lifetime, begin_session
from chalicelib.tokens.services.single_sign_on import Return, SingleSignOn
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from chalicelib.tokens.stores.sessions import DynamoSessions

bp = Blueprint(__name__)
log = logging.getLogger("fluxden")

_PATH = "/api/v2/sign-in/{providerId}"
_PAGE = "text/html; charset=utf-8"
# Each makes this desk call a provider. Signing in takes two, and the people of a company share an address.
_MOST_ATTEMPTS = 300


class ReturnQuery(Query):
    """What a provider sends back. It may send more than it has to, and that is ignored."""

    model_config = Query.model_config | {"extra": "ignore"}

    code: Omittable[str] = Field(None, max_length=4096)
    state: Omittable[str] = Field(None, max_length=200)
    iss: Omittable[str] = Field(None, max_length=2000)
    error: Omittable[str] = Field(None, max_length=200)


def _redirect_uri(provider_id: str) -> str:
    return f"{settings().base_url}/api/v2/sign-in/{provider_id}/callback"


def _single_sign_on(context: RequestContext) -> SingleSignOn:
    # Imported at first use: the list of providers needs neither the library nor the network.
    from chalicelib.tokens.gateways.identity_providers import HttpIdentityProviders, verify_token

    return SingleSignOn(
        DynamoIdentityProviders(),
        HttpIdentityProviders(),
        verify_token,
        _redirect_uri,
        lambda: DynamoShares().take("SIGN-IN", context.address, most=_MOST_ATTEMPTS, now=context.now),
        gather,
    )


def _go(fragment: str, *cookies: str) -> OperationReply:
    return _lead(f"{settings().base_url}/#{fragment}", *cookies)


def _lead(address: str, *cookies: str) -> OperationReply:
    """Lead a browser on; for those that don't follow, with a link (RFC 9110, 15.4.4)."""
    page = f'<!doctype html><title>Fluxden</title><a href="{escape(address)}">Continue</a>'
    return OperationReply(page, 303, {"Location": address, "Set-Cookie": [*cookies]})


def _refuse(refused: SignInRefused, provider_id: str, context: RequestContext) -> OperationReply:
    log.warning("sign-in with %s refused: %s (%s)", ascii(provider_id)[:80], refused.error, refused.detail[:300])
    # A stranger chooses the id, which is a provider's only if there is one.
    is_provider = refused.error is not SignInError.UNKNOWN_PROVIDER
    way = provider_id if is_provider else "provider"
    audit_refusal(AuditKind.SESSION_REFUSE, context, way=way, reason=refused.error.value)
    return _go(f"sign-in-failed={refused.error}", ended_attempt_cookie())


def _begin(user_id: str, token: ids.MintedToken, browser: Browser, provider_id: str, context: RequestContext) -> None:
    given = settings()
    with sign_in_audited(context, user_id, browser=browser, way=provider_id) as session_id:
        session = begin_session(
            user_id,
            token,
            code=None,
            session_id=session_id,
            browser=browser,
            lifetime=Lifetime(given.session_hours, given.session_idle_hours),
            now=context.now,
            sessions=DynamoSessions(),
            closer=SocketCloser(DynamoSockets(), ApiGatewaySockets()),
        )
        if session is None:
            raise SignInRefused(SignInError.INACTIVE, "the employee was deactivated meanwhile")


def _read_attempt(request: RawRequest) -> tuple[Browser, Attempt | None]:
    secret = find_named_cookie(request.headers, ATTEMPT_COOKIE)
    return browser_of(request), Attempt(secret) if secret else None


@operation(
    bp,
    "GET",
    "/api/v2/sign-in",
    tag="Sessions",
    envelope="SignInProvidersAnswer",
    answers={200: "The providers; none if people sign in with links only."},
    grants=DIRECTORY.can("Query"),
)
def list_sign_in_providers() -> list[SignInProviderOut]:
    """List the providers of identities that people can sign in with."""
    return [
        SignInProviderOut(id=each.provider_id, name=each.name) for each in DynamoIdentityProviders().list_providers()
    ]


@operation(
    bp,
    "GET",
    _PATH,
    tag="Sessions",
    status=303,
    answers={303: "The provider's page, or the sign-in page with a reason."},
    media_type=_PAGE,
    grants=DIRECTORY.can("GetItem", "PutItem") + NETWORK.can("UpdateItem"),
    audits=(AuditKind.SESSION_REFUSE,),
)
def start_sign_in(providerId: str, context: RequestContext) -> OperationReply:  # noqa: N803 - as other paths have it
    """Send a browser to a provider of identities, to sign in there.

    For browsers only. A cookie remembers the attempt for ten minutes.
    """
    attempt = Attempt(secrets.token_urlsafe(32))
    try:
        address = _single_sign_on(context).start(providerId, attempt, now=context.now)
    except SignInRefused as refused:
        return _refuse(refused, providerId, context)
    return _lead(address, attempt_cookie(attempt))


@operation(
    bp,
    "GET",
    f"{_PATH}/callback",
    tag="Sessions",
    status=303,
    answers={303: "The console, signed in, or the sign-in page with a reason."},
    media_type=_PAGE,
    gate=_read_attempt,
    grants=DIRECTORY.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + TOKENS.can("Query", index=OWNER_INDEX)
    + TOKENS.can("BatchGetItem", "GetItem", "PutItem", "DeleteItem")
    + SOCKETS.can("Query", "DeleteItem")
    + SOCKET_API.can_post()
    + NETWORK.can("UpdateItem")
    + UNSEAL,
    audits=(AuditKind.SESSION_BEGIN, AuditKind.SESSION_REFUSE, AuditKind.PERSON_PROVISION),
)
def finish_sign_in(
    providerId: str,  # noqa: N803 - as other paths have it
    query: ReturnQuery,
    admitted: tuple[Browser, Attempt | None],
    context: RequestContext,
) -> OperationReply:
    """Take a browser back from a provider of identities, and begin a session.

    Only the browser that began the attempt can end it, once and within ten minutes.
    """
    browser, attempt = admitted
    back = Return(query.code or "", query.state or "", query.iss, query.error)
    sign_on, token = _single_sign_on(context), ids.mint_sign_in_secret(SignInSecret.SESSION)
    try:
        identity = sign_on.identify(providerId, attempt, back, now=context.now)
        with audited(AuditKind.PERSON_PROVISION, Actor(ActorKind.PROVIDER, providerId), context, each=True):
            person = sign_on.person_of(identity, provider_id=providerId, people=DynamoDirectory(), user_id=str(uuid4()))
        _begin(person.user_id, token, browser, providerId, context)
    except SignInRefused as refused:
        return _refuse(refused, providerId, context)
    return _go("signed-in", to_cookie(token.text, settings().session_hours), ended_attempt_cookie())
