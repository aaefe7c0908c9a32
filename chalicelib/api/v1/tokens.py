"""v1 "tokens": claim and rotate publishing tokens for employees."""

import hmac
from functools import partial

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v1.contract import ANNOUNCE, SPEND, operation
from chalicelib.catalog.domain.claims import ClaimBatchOut, ClaimedToken, ClaimTokenBatchRequest, ClaimTokenRequest
from chalicelib.catalog.services import claims
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.catalog.stores.claims import DynamoClaims
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import from_stored_reply
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, DIRECTORY, TOKENS

bp = Blueprint(__name__)

_GRANTS = (
    SPEND
    + ANNOUNCE
    + DIRECTORY.can("BatchGetItem", "ConditionCheckItem")
    + CATALOG.can("GetItem", "BatchGetItem", "ConditionCheckItem")
    + TOKENS.can("BatchGetItem", "PutItem")
)


def _mint(context: RequestContext, grant_id: str, begun: str | None) -> ids.MintedToken:
    secret = None
    if begun and context.sealing_key:
        secret = hmac.digest(context.sealing_key, f"{begun}/{grant_id}".encode(), "sha256")
    return ids.mint_token(ids.TokenKind.PERSONAL, grant_id, secret=secret)


def _ports(context: RequestContext) -> claims.Ports:
    return claims.Ports(
        directory=DynamoDirectory(),
        catalog=DynamoCatalog(),
        grants=DynamoClaims(),
        replays=DynamoIdempotency(),
        mint=partial(_mint, context),
        gather=gather,
    )


@operation(
    bp,
    "POST",
    "/api/v1/tokens/claim",
    checks_request_id=True,
    tag="tokens",
    answers={200: "The token. Its secret is shown once."},
    refusals=(IdempotencyConflict, TooLarge),
    admin_only=True,
    replay=from_stored_reply,
    grants=_GRANTS,
    audits=(AuditKind.PERSONAL_TOKEN_CLAIM,),
)
def claim_token(body: ClaimTokenRequest, caller: ToolsToken, context: RequestContext) -> ClaimedToken:
    """Claim or rotate an employee's publishing token.

    The employee must be active and approved for a catalog item of the integrator. After a rotation, the previous secret
    keeps working until `expiresPriorAt`, 24 hours later. Replies to it have `Deprecation` and `Sunset` headers. At most
    two secrets work at a time. Limits and counters belong to the employee and are not reset. The secret is returned
    once, and again only to the same tools token with the same Idempotency-Key.
    """
    with audited(AuditKind.PERSONAL_TOKEN_CLAIM, caller, context, each=True):
        return claims.claim_token(body, caller=caller, context=context, ports=_ports(context))


@operation(
    bp,
    "POST",
    "/api/v1/tokens/claim/batch",
    checks_request_id=True,
    tag="tokens",
    answers={200: "One row per claim."},
    refusals=(Conflict, TooLarge),
    admin_only=True,
    replay=from_stored_reply,
    grants=_GRANTS,
    audits=(AuditKind.PERSONAL_TOKEN_CLAIM,),
)
def claim_tokens(body: ClaimTokenBatchRequest, caller: ToolsToken, context: RequestContext) -> ClaimBatchOut:
    """Claim or rotate the publishing tokens of up to 100 employees.

    Each row is an independent claim. It succeeds with its token, or fails with a reason and changes nothing.
    """
    with audited(AuditKind.PERSONAL_TOKEN_CLAIM, caller, context, each=True):
        return claims.claim_batch(body.claims, caller=caller, context=context, ports=_ports(context))
