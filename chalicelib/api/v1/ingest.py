"""v1 "ingest": take the requests of other systems as they send them."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from chalice.app import Blueprint
from pydantic_core import from_json

from chalicelib import ids
from chalicelib.api.bulk_publishing import BULK, bulk_ports
from chalicelib.api.publishing import (
    PUBLISH,
    PUBLISH_PORTS,
    RESOLVE,
    SUPPLEMENT,
    delivery_finder,
    new_notifier,
)
from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Conflict, Invalid, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.json_text import check_json
from chalicelib.edge.operation import OperationReply
from chalicelib.inbox.domain.deliveries import Supplement
from chalicelib.inbox.services import bulk, deliveries, events
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.ingest.domain.adapters.table import find_adapter, read_with
from chalicelib.ingest.domain.incoming import Incoming
from chalicelib.ingest.domain.requests import IngestOut, IngestQuery, IngestRequest, ingest_charge, parse_recipients
from chalicelib.ingest.services import ingest

bp = Blueprint(__name__)


def _read(request: RawRequest, path: Mapping[str, str], query: IngestQuery) -> IngestRequest:
    """Read the request with its adapter."""
    recipients = parse_recipients(query.to)
    adapter = find_adapter(path["adapter"])
    incoming = Incoming(
        headers=request.headers,
        body=request.body,
        document=_parse_json(request.body),
        request_id=request.request_id or ids.new_request_id(),
        now=request.now,
        login=query.login,
    )
    return IngestRequest(read_with(adapter, incoming), recipients, query.dry_run)


def _parse_json(body: bytes) -> Any:
    """Return the parsed body; None if it is not JSON that stores can hold."""
    try:
        check_json(body)
        return from_json(body, allow_inf_nan=False)
    except (ValueError, Invalid):
        return None


def _ports(caller: PersonalToken | ToolsToken, context: RequestContext) -> ingest.Ports:
    find = delivery_finder(caller, context)
    store, notifier = DynamoDeliveries(), new_notifier()

    def add_note(delivery_id: str, text: str) -> None:
        known = find(delivery_id)
        if known and any(each.markdown_body == text for each in known.supplements):
            return  # the request was sent again
        deliveries.add_supplement(
            delivery_id,
            Supplement(str(uuid4()), text, timestamp(context.now)),
            caller=caller,
            context=context,
            find=find,
            deliveries=store,
            notifier=notifier,
        )

    # The service calls only those that are for this kind of token.
    sender: Any = caller
    return ingest.Ports(
        publish=partial(events.publish, sender=sender, context=context, fire=ids.new_nonce(), ports=PUBLISH_PORTS),
        preview=partial(events.preview, sender=sender, now=context.now, ports=PUBLISH_PORTS),
        publish_bulk=partial(bulk.publish, caller=sender, context=context, fire=ids.new_nonce(), ports=bulk_ports()),
        preview_bulk=partial(bulk.preview, caller=sender, context=context, ports=bulk_ports()),
        resolve=partial(
            deliveries.resolve, caller=caller, context=context, find=find, deliveries=store, notifier=notifier
        ),
        add_note=add_note,
        find=find,
        list_stored=store.list_first_fires,
    )


@operation(
    bp,
    "POST",
    "/api/v1/ingest/{adapter}",
    checks_request_id=True,
    tag="ingest",
    status=202,
    answer=IngestOut,
    answers={
        200: "A dry run, or a request that makes no event.",
        202: "The events were taken. The reply has one row per event.",
    },
    refusals=(NotFound, Conflict),
    reader=_read,
    charge=ingest_charge,
    grants=PUBLISH + BULK + RESOLVE + SUPPLEMENT,
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
    the recipients in `to`. A request has at most 100 events; one that is refused does not affect the others. Events
    keep the identity that their system gives them, so a request that is sent again repeats them. With `dry_run=true`
    the reply has the events and their recipients, and nothing is made. Each event uses the rate units of publishing it.
    """
    out, unspent = ingest.ingest(body, sender=caller, context=context, ports=_ports(caller, context))
    return OperationReply(out, 200 if out.dry_run or not out.results else 202, unspent=unspent)
