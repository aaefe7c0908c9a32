"""Connect the ingest of other systems' requests to publishing."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from chalicelib import ids
from chalicelib.api.bulk_publishing import BULK, bulk_ports
from chalicelib.api.publishing import PUBLISH, PUBLISH_PORTS, RESOLVE, SUPPLEMENT, delivery_finder, new_notifier
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.json_text import check_json
from chalicelib.inbox.domain.deliveries import Supplement
from chalicelib.inbox.services import bulk, deliveries, events
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.ingest.domain.incoming import Incoming
from chalicelib.ingest.domain.requests import TokenQuery
from chalicelib.ingest.services import ingest

INGEST = PUBLISH + BULK + RESOLVE + SUPPLEMENT


def to_incoming(request: RawRequest, query: TokenQuery, mapping: Mapping[str, str]) -> Incoming:
    """Return the request as adapters read it."""
    return Incoming(
        headers=request.headers,
        body=request.body,
        document=_parse_json(request.body),
        request_id=request.request_id or ids.new_request_id(),
        now=request.now,
        login=query.login,
        mapping=mapping,
        parameters=query.message_fields,
    )


def _parse_json(body: bytes) -> Any:
    """Return the parsed body; None if it is not JSON that stores can hold."""
    try:
        check_json(body)
        return from_json(body, allow_inf_nan=False)
    except (ValueError, Invalid):
        return None


def ingest_ports(caller: PersonalToken | ToolsToken, context: RequestContext) -> ingest.Ports:
    """Return the use cases of publishing for this caller."""
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
