"""Issue tools tokens and API keys for others; rotate, revoke and enable tokens."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chalicelib import sealing
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.ids import MintedToken, TokenKind
from chalicelib.operate.domain.tools_tokens import (
    NewSecretOut,
    RevokedOut,
    ToolsTokenIn,
    ToolsTokenOut,
    to_tools_token_response,
)
from chalicelib.operate.services.employees import active_person_check
from chalicelib.people.services.ports import Integrators, People
from chalicelib.tokens.domain.keys import KeyIn
from chalicelib.tokens.domain.tokens import KeyGrant, ToolsGrant, prior_expiry
from chalicelib.tokens.services.ports import Grants, Tokens

StoredReply = dict[str, Any]


def list_tools_tokens(*, context: RequestContext, grants: Grants, people: People) -> list[ToolsTokenOut]:
    """List every tools token, newest first, without its secret. Store calls: 3."""
    found = grants.list_tools()
    owners = people.find_people(each.user_id for each in found)
    return [to_tools_token_response(each, owners.get(each.user_id), now=context.now) for each in found]


def issue_tools_token(
    token: MintedToken,
    *,
    integrator: str,
    owner: str,
    admin: bool,
    now: datetime,
    integrators: Integrators,
    people: People,
    tokens: Tokens,
    claim: Claim | None = None,
    reply: StoredReply | None = None,
) -> ToolsGrant:
    """Issue `token` to an integrator. `owner` is the address of the employee responsible for it. Store calls: 4.

    Raises:
        NotFound: there is no such integrator or employee.
        Conflict: the integrator is archived, or the employee is not active.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    found = integrators.find_integrator(integrator)
    if found is None:
        raise NotFound(f"There is no integrator {integrator}.")
    if found.archived_at is not None:
        raise Conflict(f"The integrator {integrator} is archived.")
    grant = ToolsGrant(token.row_id, found.slug, found.event_prefix, active_person_check(owner, people).user_id, admin)
    tokens.add_tools(grant, token, now=now, claim=claim, reply=reply or {})
    return grant


def create_tools_token(
    request: ToolsTokenIn,
    token: MintedToken,
    *,
    context: RequestContext,
    integrators: Integrators,
    people: People,
    tokens: Tokens,
) -> NewSecretOut:
    """Issue `token` and return its secret. With an idempotency key the reply is stored sealed. Store calls: 4.

    Raises:
        NotFound: there is no such integrator or employee.
        Conflict: the integrator is archived, or the employee is not active.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    created = NewSecretOut(id=token.row_id, token=token.text, prior_until=None)
    issue_tools_token(
        token,
        integrator=request.integrator,
        owner=request.owner,
        admin=request.admin,
        now=context.now,
        integrators=integrators,
        people=people,
        tokens=tokens,
        claim=context.claim,
        reply=sealed_reply(created, context),
    )
    return created


def rotate_tools_token(token: MintedToken, *, at_once: bool, context: RequestContext, tokens: Tokens) -> NewSecretOut:
    """Replace a tools token's secret by that of `token`. Store calls: 1.

    The previous secret keeps working for a day, unless `at_once`. With an idempotency key the reply is stored sealed.

    Raises:
        NotFound: there is no such token.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    until = None if at_once else timestamp(prior_expiry(context.now))
    rotated = NewSecretOut(id=token.row_id, token=token.text, prior_until=until)
    tokens.rotate(token, now=context.now, at_once=at_once, claim=context.claim, reply=sealed_reply(rotated, context))
    return rotated


def revoke_tools_token(token_id: str, *, context: RequestContext, grants: Grants) -> RevokedOut:
    """Revoke a tools token for good. Store calls: 1.

    Raises:
        NotFound: there is no such token.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    revoked = RevokedOut(id=token_id, status=TokenStatus.REVOKED)
    if not grants.revoke_tools(token_id, claim=context.claim, reply=revoked.model_dump(mode="json")):
        raise NotFound("Token not found.")
    return revoked


def issue_key(
    request: KeyIn, token: MintedToken, *, key_id: str, owner: str, now: datetime, people: People, tokens: Tokens
) -> KeyGrant:
    """Issue `token` as an API key of the employee whose address is `owner`. Store calls: 2.

    Raises:
        NotFound: there is no such employee.
        Conflict: the employee is not active.
    """
    person = active_person_check(owner, people)
    grant = KeyGrant(
        key_id, person.user_id, request.name, token.visible_prefix, request.permission_set, request.expires_at(now)
    )
    tokens.add_key(grant, token, now=now)
    return grant


def switch_personal_token(token_id: str, *, active: bool, owner_id: str | None = None, grants: Grants) -> None:
    """Enable or disable an employee's personal token; `owner_id` is the employee, where that is known. Store calls: 2.

    Raises:
        NotFound: there is no such token, or it is another employee's.
        Conflict: it has been revoked.
        Forbidden: it would be enabled, and the employee is not active.
    """
    token = grants.find_issued(TokenKind.PERSONAL, token_id)
    if token is None or owner_id not in (None, token.user_id):
        raise NotFound("Token not found.")
    grants.set_status(TokenKind.PERSONAL, token_id, active=active, while_active=token.user_id if active else None)


def sealed_reply(created: BaseModel, context: RequestContext) -> StoredReply:
    """The stored copy of a reply that reveals a secret; nothing where no copy is stored."""
    if not context.claim:
        return {}
    assert context.sealing_key is not None
    return sealing.seal_reply(created.model_dump(mode="json"), context.sealing_key)
