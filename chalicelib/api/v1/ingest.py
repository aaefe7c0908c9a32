"""v1 "ingest": take the requests of other systems as they send them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.ingesting import INGEST, ingest_ports, to_incoming
from chalicelib.api.v1.contract import SPEND, V1, operation
from chalicelib.core.domain.budgets import Charge, Window
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, RateLimited, Refusal, Unauthorized
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.exchange import unspent
from chalicelib.edge.operation import OperationReply
from chalicelib.ingest.domain.adapters.table import find_adapter, read_with
from chalicelib.ingest.domain.requests import (
    IngestOut,
    IngestQuery,
    IngestRequest,
    TokenQuery,
    ingest_charge,
    parse_mapping,
    parse_recipients,
    parse_rules,
)
from chalicelib.ingest.domain.routing import read_rules
from chalicelib.ingest.services import ingest
from chalicelib.resources import UNSEAL
from chalicelib.tokens.stores.ingest_tokens import DynamoIngestTokens

bp = Blueprint(__name__)

_ANSWERS = {
    200: "A dry run, or a request that makes no event.",
    202: "The events were taken. The reply has one row per event.",
}


def _read(request: RawRequest, path: Mapping[str, str], query: IngestQuery) -> IngestRequest:
    """Read the request with its adapter."""
    recipients, mapping, rules = parse_recipients(query.to), parse_mapping(query.mapping), parse_rules(query.rules)
    adapter = find_adapter(path["adapter"])
    reading = read_with(adapter, to_incoming(request, query, mapping))
    return IngestRequest(reading, recipients, query.dry_run, rules)


def _reply(out: IngestOut) -> OperationReply:
    return OperationReply(out, 200 if out.dry_run or not out.results else 202)


@operation(
    bp,
    "POST",
    "/api/v1/ingest/{adapter}",
    tag="ingest",
    status=202,
    answer=IngestOut,
    answers=_ANSWERS,
    refusals=(NotFound, Conflict),
    reader=_read,
    charge=ingest_charge,
    grants=SPEND + INGEST,
)
def ingest_events(
    adapter: str,  # noqa: ARG001 - the reader has it
    query: IngestQuery,  # noqa: ARG001 - the reader has it
    body: IngestRequest,
    caller: PersonalToken | ToolsToken,
    context: RequestContext,
) -> OperationReply:
    """Publish what another system sends, in the shape that it sends.

    The adapter reads the request: `alertmanager` and others. A personal token publishes to its owner, a tools token to
    the recipients in `to`, or those of `rules`. A request has at most 100 events; one that is refused does not affect
    the others. Events keep the identity that their system gives them, so a request that is sent again repeats them.
    With `dry_run=true` the reply has the events and their recipients, and nothing is made. Each event uses the rate
    units of publishing it.
    """
    out, surplus = ingest.ingest(body, sender=caller, context=context, ports=ingest_ports(caller, context))
    return replace(_reply(out), unspent=surplus)


@operation(
    bp,
    "POST",
    "/api/v1/ingest/{adapter}/{token}",
    aliases=("/api/v1/ingest/{adapter}/{token}/v2/enqueue",),
    tag="ingest",
    status=202,
    answer=IngestOut,
    answers=_ANSWERS,
    refusals=(Unauthorized, Forbidden, NotFound, Conflict, RateLimited),
    reader=lambda request, _, __: request,
    grants=SPEND + INGEST + UNSEAL,
)
def ingest_by_address(
    adapter: str, token: str, query: TokenQuery, body: RawRequest, context: RequestContext
) -> OperationReply:
    """Publish what another system sends to an address with a token in it.

    This is for systems that can set no header. The token is an ingest token, made with `POST /api/v1/ingest-tokens`
    for one adapter. It publishes with the personal or tools token that made it, and uses its budgets. If it has a
    signing secret, requests without the signature are refused. If it has routing rules, they decide who gets an event.
    """
    return _ingest_by_address(adapter, token, query, body, context)


@operation(
    bp,
    "PUT",
    "/api/v1/ingest/{adapter}/{token}",
    tag="ingest",
    status=202,
    answer=IngestOut,
    answers=_ANSWERS,
    refusals=(Unauthorized, Forbidden, NotFound, Conflict, RateLimited),
    reader=lambda request, _, __: request,
    grants=SPEND + INGEST + UNSEAL,
)
def ingest_by_put(
    adapter: str, token: str, query: TokenQuery, body: RawRequest, context: RequestContext
) -> OperationReply:
    """Publish what another system puts to an address with a token in it, as scripts for ntfy do.

    It does the same as POST to this address.
    """
    return _ingest_by_address(adapter, token, query, body, context)


def _ingest_by_address(
    adapter: str, token: str, query: TokenQuery, body: RawRequest, context: RequestContext
) -> OperationReply:
    secret = ids.parse_sign_in_secret(ids.PathSecret.INGEST, token)
    if secret is None:
        raise Unauthorized("The token in the address is malformed.")
    known = DynamoIngestTokens().use(secret, now=context.now)
    if known.adapter != adapter:
        raise Forbidden(f"The token in the address is for the adapter {known.adapter}.")
    reader = find_adapter(adapter)
    incoming = to_incoming(body, query, known.mapping)
    if known.signing_secret and not (reader.is_signed and reader.is_signed(incoming, known.signing_secret)):
        raise Unauthorized("The signature of the request is missing or wrong.")
    rules = read_rules(known.rules)
    request = IngestRequest(read_with(reader, incoming), parse_recipients(query.to), query.dry_run, rules)
    publisher, charge = known.publishing_token, ingest_charge(request)
    admission = V1.tokens.spend(publisher, charge, now=context.now, address=context.address)
    body.report_window(admission.window)
    if admission.refused:
        raise admission.refused
    sender = admission.caller
    assert isinstance(sender, PersonalToken | ToolsToken)
    try:
        out, surplus = ingest.ingest(request, sender=sender, context=context, ports=ingest_ports(sender, context))
    except Refusal as refusal:
        _give_back(publisher, unspent(refusal, admission.taken), admission.window, body, now=context.now)
        raise
    due = replace(surplus, deliveries=min(surplus.deliveries, admission.taken.deliveries))
    if due.deliveries:
        _give_back(publisher, due, admission.window, body, now=context.now)
    return _reply(out)


def _give_back(
    publisher: ids.PresentedToken, due: Charge, window: Window, request: RawRequest, *, now: datetime
) -> None:
    V1.tokens.refund(publisher, due, now=now)
    request.report_window(replace(window, remaining=window.remaining + due.units))
