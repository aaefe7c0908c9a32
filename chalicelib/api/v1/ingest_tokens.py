"""v1 "ingest": the tokens in the addresses that other systems send to."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey, PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, Invalid, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.ingest.domain.adapters.table import check_token
from chalicelib.ingest.domain.mapping_previews import MappingPreviewIn, MappingPreviewOut, preview_mapping
from chalicelib.ingest.domain.routing import read_rules
from chalicelib.people.stores.employees import DynamoEmployees
from chalicelib.resources import DIRECTORY, OWNER_INDEX, TOKENS, UNSEAL
from chalicelib.sealing import seal_reply
from chalicelib.settings import settings
from chalicelib.tokens.domain.ingest_tokens import (
    EndedIngestTokenOut,
    IngestRulesIn,
    IngestRulesOut,
    IngestTokenIn,
    IngestTokensOut,
    NewIngestTokenOut,
    Publisher,
    address_of,
    addresses_in,
    new_ingest_token,
    publisher_from,
    publisher_of,
    to_response,
    to_rule_response,
    with_user_ids,
)
from chalicelib.tokens.stores.ingest_tokens import DynamoIngestTokens
from chalicelib.tokens.stores.integrations import DynamoIntegrations

bp = Blueprint(__name__)

_LIST = SPEND + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem")


@operation(
    bp,
    "POST",
    "/api/v1/ingest-tokens",
    tag="ingest",
    status=201,
    answers={201: "The created token, with its secret."},
    refusals=(NotFound, Conflict, IdempotencyConflict, TooLarge),
    permission="all",
    replay=NewIngestTokenOut.model_validate,
    grants=_LIST + REMEMBER + TOKENS.can("GetItem", "PutItem") + UNSEAL,
    audits=(AuditKind.INGEST_TOKEN_CREATE,),
)
def create_ingest_token(
    body: IngestTokenIn, caller: PersonalToken | ToolsToken | ApiKey, context: RequestContext
) -> NewIngestTokenOut:
    """Create a token for a system that can set no header.

    The reply has the address to enter there, and only this reply has its secret. The token can do nothing but send to
    its adapter, and publishes as the token that made it: within its limits, and until it ends. `github` needs the
    secret that signs its requests; `json` needs a mapping. There are at most 20 for a person, or for a tools token.

    A person makes one in a session, or with an API key that has the permission `all`, and names the integration that it
    publishes with: a personal token of theirs that is active.
    """
    publisher = _find_publisher(body, caller)
    check_token(body.adapter, is_signed=body.signing_secret is not None, mapping=body.mapping)
    secret, token_id = ids.mint_sign_in_secret(ids.PathSecret.INGEST), str(uuid4())
    token = new_ingest_token(body, token_id=token_id, publisher=publisher, now=context.now)
    out = NewIngestTokenOut(
        token_id=token_id,
        adapter=token.adapter,
        name=token.name,
        token=secret.text,
        address=address_of(settings().base_url, token.adapter, secret.text),
        created_at=token.created_at,
        request_id=context.request_id,
    )
    assert context.claim is None or context.sealing_key is not None
    reply = seal_reply(out.model_dump(mode="json"), context.sealing_key) if context.sealing_key else {}
    subject = Subject("ingestToken", token_id, token.user_id)
    with audited(AuditKind.INGEST_TOKEN_CREATE, caller, context, subject):
        DynamoIngestTokens().add(token, secret, claim=context.claim, reply=reply)
    return out


@operation(
    bp,
    "GET",
    "/api/v1/ingest-tokens",
    tag="ingest",
    answers={200: "The tokens."},
    permission="all",
    grants=_LIST,
)
def list_ingest_tokens(caller: PersonalToken | ToolsToken | ApiKey, context: RequestContext) -> IngestTokensOut:
    """List the ingest tokens that publish as you, newest first. Their secrets are masked.

    A session, and a key with the permission `all`, list those of all integrations of their person.
    """
    tokens = DynamoIngestTokens().list_for(publisher_of(caller))
    items = [to_response(each, base_url=settings().base_url) for each in tokens]
    return IngestTokensOut(items=items, request_id=context.request_id)


@operation(
    bp,
    "PUT",
    "/api/v1/ingest-tokens/{tokenId}/rules",
    tag="ingest",
    answers={200: "The rules."},
    refusals=(NotFound, Conflict, IdempotencyConflict, TooLarge),
    replay=IngestRulesOut.model_validate,
    grants=_LIST + REMEMBER + TOKENS.can("UpdateItem") + DIRECTORY.can("BatchGetItem"),
    audits=(AuditKind.INGEST_TOKEN_ROUTE,),
)
def replace_ingest_rules(
    tokenId: str,  # noqa: N803 - contract
    body: IngestRulesIn,
    caller: ToolsToken,
    context: RequestContext,
) -> IngestRulesOut:
    """Replace the routing rules of an ingest token, which say who gets what is sent to it.

    As in a CODEOWNERS file, the last rule that matches decides, so begin with the general ones. Where none matches, the
    event is for those in `to` of the query. What resolves or notes an event is for all who have it. Rules name people
    by address or user id, and are kept with ids; an address that nobody has is refused. Try them with `dry_run=true`,
    whose reply says which rules match. A token has up to 50 rules, with up to 50 recipients and 8,000 bytes in all.
    """
    read_rules(body.rules)
    addresses = addresses_in(body.rules)
    rules = with_user_ids(body.rules, DynamoEmployees().find_user_ids(addresses) if addresses else {})
    read_rules(rules)
    out = IngestRulesOut(
        token_id=tokenId.lower(), rules=list(map(to_rule_response, rules)), request_id=context.request_id
    )
    publisher, subject = publisher_of(caller), Subject("ingestToken", out.token_id)
    with audited(AuditKind.INGEST_TOKEN_ROUTE, caller, context, subject, rules=len(rules)):
        DynamoIngestTokens().save_rules(
            out.token_id, rules, publisher, claim=context.claim, reply=out.model_dump(mode="json")
        )
    return out


@operation(
    bp,
    "DELETE",
    "/api/v1/ingest-tokens/{tokenId}",
    tag="ingest",
    answers={200: "The token has ended."},
    refusals=(NotFound, Conflict, IdempotencyConflict, TooLarge),
    permission="all",
    replay=EndedIngestTokenOut.model_validate,
    grants=_LIST + REMEMBER + TOKENS.can("DeleteItem"),
    audits=(AuditKind.INGEST_TOKEN_END,),
)
def end_ingest_token(
    tokenId: str,  # noqa: N803 - contract
    caller: PersonalToken | ToolsToken | ApiKey,
    context: RequestContext,
) -> EndedIngestTokenOut:
    """End an ingest token. What is sent to its address is refused from now on."""
    out = EndedIngestTokenOut(token_id=tokenId.lower(), request_id=context.request_id)
    publisher = publisher_of(caller)
    with audited(AuditKind.INGEST_TOKEN_END, caller, context, Subject("ingestToken", out.token_id, publisher.user_id)):
        DynamoIngestTokens().end(out.token_id, publisher, claim=context.claim, reply=out.model_dump(mode="json"))
    return out


@operation(
    bp,
    "POST",
    "/api/v1/ingest-mappings/preview",
    tag="ingest",
    answers={200: "What the mapping makes of the sample."},
    permission="all",
    grants=SPEND,
)
def preview_ingest_mapping(
    body: MappingPreviewIn,
    caller: PersonalToken | ToolsToken | ApiKey,  # noqa: ARG001 - checked by the edge
    context: RequestContext,
) -> MappingPreviewOut:
    """Try a mapping of the adapter `json` on a sample, and make nothing."""
    return preview_mapping(body, request_id=context.request_id, now=context.now)


def _find_publisher(body: IngestTokenIn, caller: PersonalToken | ToolsToken | ApiKey) -> Publisher:
    """Return the token that a new ingest token publishes with. Store calls: 1 for a key or session.

    Raises:
        Invalid: a person names no integration, or a token names one.
        NotFound: the person has no such integration.
        Forbidden: it is not active.
    """
    if isinstance(caller, ApiKey) != (body.integration_id is not None):
        reason = "is required with a key" if isinstance(caller, ApiKey) else "is for keys and sessions"
        raise Invalid(f"integration_id {reason}.", {"integration_id": [reason]})
    if not isinstance(caller, ApiKey):
        return publisher_of(caller)
    found = DynamoIntegrations().find(str(body.integration_id).lower(), user_id=caller.user_id)
    if found is None:
        raise NotFound("Integration not found.")
    return publisher_from(found, caller.user_id)
