"""For operators: the tokens of integrators."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.audit import audit
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.fields import is_uuid
from chalicelib.edge.operation import Reply
from chalicelib.operate.domain.operate import (
    NewSecretAnswer,
    NewSecretOut,
    RevokedAnswer,
    RevokedOut,
    RotationIn,
    ToolsTokenIn,
    ToolsTokensAnswer,
)
from chalicelib.operate.services import operate as use
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import OWNER_INDEX, TOKENS
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens

bp = Blueprint(__name__)

_TOKENS = "/api/v2/operate/tools-tokens"


def _replay_issued(stored: dict[str, Any]) -> Reply:
    return Reply(_replay_rotated(stored), 201)


def _replay_rotated(stored: dict[str, Any]) -> NewSecretAnswer:
    return NewSecretAnswer(success=True, data=NewSecretOut(**stored))


def _replay_revoked(stored: dict[str, Any]) -> RevokedAnswer:
    return RevokedAnswer(success=True, data=RevokedOut(**stored))


def _known(token_id: str) -> str:
    if not is_uuid(token_id):
        raise NotFound("No such token.")
    return token_id.lower()


@operate(
    bp,
    "GET",
    _TOKENS,
    answers={200: "The tokens."},
    grants=OPERATE + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem"),
)
def list_tools_tokens(caller: ApiKey, call: Call) -> ToolsTokensAnswer:  # noqa: ARG001 - admits
    """List the tokens of integrators, newest first, without their secrets.

    One that was made a moment ago may still be missing.
    """
    found = use.tools_tokens(call=call, grants=DynamoGrants(), people=DynamoDirectory())
    return ToolsTokensAnswer(success=True, data=found)


@operate(
    bp,
    "POST",
    _TOKENS,
    status=201,
    answer=NewSecretAnswer,
    answers={201: "The token, with its secret."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay_issued,
    grants=OPERATE + REMEMBER + TOKENS.can("PutItem"),
)
def issue_tools_token(body: ToolsTokenIn, caller: ApiKey, call: Call) -> Reply:
    """Give an integrator a token.

    `token` is the secret, and this reply is the only one that has it; under the same Idempotency-Key the very key
    that made the call can have it again.
    """
    made = use.issue_tools_token(
        body,
        ids.mint_token(ids.TokenKind.TOOLS, str(uuid4())),
        call=call,
        integrators=DynamoDirectory(),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    audit(caller, call, "toolsToken.issue", made.id)
    return Reply(NewSecretAnswer(success=True, data=made), 201)


@operate(
    bp,
    "POST",
    f"{_TOKENS}/{{tokenId}}/rotate",
    answers={200: "The token, with its new secret."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay_rotated,
    grants=OPERATE + REMEMBER + TOKENS.can("UpdateItem"),
)
def rotate_tools_token(
    tokenId: str,  # noqa: N803 - contract's spelling
    caller: ApiKey,
    call: Call,
    body: RotationIn = RotationIn(),  # noqa: B008 - frozen
) -> NewSecretAnswer:
    """Give a token a new secret.

    The one before works for 24 hours more, or ends now with `atOnce`.
    """
    token = ids.mint_token(ids.TokenKind.TOOLS, _known(tokenId))
    made = use.rotate_tools_token(token, at_once=body.at_once, call=call, tokens=DynamoTokens())
    audit(caller, call, "toolsToken.rotate", made.id)
    return NewSecretAnswer(success=True, data=made)


@operate(
    bp,
    "DELETE",
    f"{_TOKENS}/{{tokenId}}",
    answers={200: "The token has ended."},
    refusals=(NotFound, Conflict),
    replay=_replay_revoked,
    grants=OPERATE + REMEMBER + TOKENS.can("UpdateItem"),
)
def revoke_tools_token(tokenId: str, caller: ApiKey, call: Call) -> RevokedAnswer:  # noqa: N803 - contract's spelling
    """End a token for good; it is refused from now on. Personal tokens that were claimed with it stay."""
    ended = use.revoke_tools_token(_known(tokenId), call=call, grants=DynamoGrants())
    audit(caller, call, "toolsToken.revoke", ended.id)
    return RevokedAnswer(success=True, data=ended)
