"""What reading the inbox takes beside a framework: the caller, the budget, the use case and its stores."""

from datetime import UTC, datetime

from chalicelib import ids
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.inbox import InboxDelivery, InboxPage, InboxQuery
from chalicelib.inbox.services import inbox
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.inbox import DynamoInbox
from chalicelib.tokens.domain.tokens import Admission
from chalicelib.tokens.stores.ledger import DynamoLedger


def read(delivery_id: str, authorization: str, request_id: str) -> tuple[InboxDelivery, Admission]:
    """One delivery, as `GET /api/v1/inbox/{deliveryId}` answers it."""
    owner, admission, now = _admitted(authorization)
    context = RequestContext(request_id, now)
    return inbox.read(delivery_id, owner=owner, context=context, deliveries=DynamoDeliveries()), admission


def first_page(query: InboxQuery, authorization: str, request_id: str) -> tuple[InboxPage, Admission]:
    """The newest deliveries, as `GET /api/v1/inbox` answers them; without what a cursor takes."""
    owner, admission, now = _admitted(authorization)
    items, _ = inbox.list_page(query, None, owner=owner, context=RequestContext(request_id, now), inbox=DynamoInbox())
    return InboxPage(items=items, next_cursor=None, request_id=request_id), admission


def _admitted(authorization: str) -> tuple[ApiKey, Admission, datetime]:
    token, now = ids.parse_token(authorization.removeprefix("Bearer ")), datetime.now(UTC)
    assert token is not None
    admission = DynamoLedger().spend(token, Charge(), now=now)
    assert isinstance(admission.caller, ApiKey)
    return admission.caller, admission, now
