"""Admin: tools tokens."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.operate.domain.tools_tokens import (
    NewSecretOut,
    RevokedOut,
    RotationIn,
    ToolsTokenIn,
    ToolsTokenOut,
)
from chalicelib.operate.services import tokens
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import OWNER_INDEX, TOKENS
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens

bp = Blueprint(__name__)

_TOKENS = "/api/v2/operate/tools-tokens"


def _token_id(token_id: str) -> str:
    if not is_uuid(token_id):
        raise NotFound("Token not found.")
    return token_id.lower()


@operate(
    bp,
    "GET",
    _TOKENS,
    envelope="ToolsTokensAnswer",
    answers={200: "The tokens."},
    grants=OPERATE + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem"),
)
def list_tools_tokens(caller: ApiKey, context: RequestContext) -> list[ToolsTokenOut]:  # noqa: ARG001 - admits
    """List the tools tokens, newest first, without their secrets.

    A new token may take a moment to appear.
    """
    return tokens.list_tools_tokens(context=context, grants=DynamoGrants(), people=DynamoDirectory())


@operate(
    bp,
    "POST",
    _TOKENS,
    status=201,
    envelope="NewSecretAnswer",
    answers={201: "The created token, with its secret."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=NewSecretOut.model_validate,
    grants=OPERATE + REMEMBER + TOKENS.can("PutItem"),
    audits=(AuditKind.TOOLS_TOKEN_ISSUE,),
)
def issue_tools_token(body: ToolsTokenIn, caller: ApiKey, context: RequestContext) -> NewSecretOut:
    """Create a tools token for an integrator.

    `token` is the secret, and only this reply contains it. Repeating the call with the same key and Idempotency-Key
    returns it again.
    """
    token = ids.mint_token(ids.TokenKind.TOOLS, str(uuid4()))
    with audited(
        AuditKind.TOOLS_TOKEN_ISSUE,
        caller,
        context,
        Subject("toolsToken", token.row_id),
        integrator=body.integrator,
        administrators=body.admin,
    ):
        return tokens.create_tools_token(
            body,
            token,
            context=context,
            integrators=DynamoDirectory(),
            people=DynamoDirectory(),
            tokens=DynamoTokens(),
        )


@operate(
    bp,
    "POST",
    f"{_TOKENS}/{{tokenId}}/rotate",
    envelope="NewSecretAnswer",
    answers={200: "The token, with its new secret."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=NewSecretOut.model_validate,
    grants=OPERATE + REMEMBER + TOKENS.can("UpdateItem"),
    audits=(AuditKind.TOOLS_TOKEN_ROTATE,),
)
def rotate_tools_token(
    tokenId: str,  # noqa: N803 - contract's spelling
    caller: ApiKey,
    context: RequestContext,
    body: RotationIn = RotationIn(),  # noqa: B008 - frozen
) -> NewSecretOut:
    """Rotate the secret of a tools token.

    The previous secret keeps working for 24 hours, or ends immediately with `atOnce`.
    """
    token = ids.mint_token(ids.TokenKind.TOOLS, _token_id(tokenId))
    with audited(
        AuditKind.TOOLS_TOKEN_ROTATE, caller, context, Subject("toolsToken", token.row_id), atOnce=body.at_once
    ):
        return tokens.rotate_tools_token(token, at_once=body.at_once, context=context, tokens=DynamoTokens())


@operate(
    bp,
    "DELETE",
    f"{_TOKENS}/{{tokenId}}",
    envelope="RevokedAnswer",
    answers={200: "The token was revoked."},
    refusals=(NotFound, Conflict),
    replay=RevokedOut.model_validate,
    grants=OPERATE + REMEMBER + TOKENS.can("UpdateItem"),
    audits=(AuditKind.TOOLS_TOKEN_REVOKE,),
)
def revoke_tools_token(tokenId: str, caller: ApiKey, context: RequestContext) -> RevokedOut:  # noqa: N803 - contract's spelling
    """Revoke a tools token.

    Calls with it are refused from now on. Personal tokens that were claimed with it keep working.
    """
    with audited(AuditKind.TOOLS_TOKEN_REVOKE, caller, context, Subject("toolsToken", _token_id(tokenId))):
        return tokens.revoke_tools_token(_token_id(tokenId), context=context, grants=DynamoGrants())
