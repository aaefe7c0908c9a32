"""Reading the inbox without a framework: authentication, rate limit, use case and stores."""

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
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets


def read_delivery(delivery_id: str, authorization: str, request_id: str) -> tuple[InboxDelivery, Admission]:
    """Return a delivery as `GET /api/v1/inbox/{deliveryId}` does."""
    owner, admission, now = _authenticate(authorization)
    context = RequestContext(request_id, now)
    return inbox.read(delivery_id, owner=owner, context=context, deliveries=DynamoDeliveries()), admission


def list_deliveries(query: InboxQuery, authorization: str, request_id: str) -> tuple[InboxPage, Admission]:
    """Return the newest deliveries as `GET /api/v1/inbox` does, without cursors."""
    owner, admission, now = _authenticate(authorization)
    items, _ = inbox.list_page(query, None, owner=owner, context=RequestContext(request_id, now), inbox=DynamoInbox())
    return InboxPage(items=items, next_cursor=None, request_id=request_id), admission


def _authenticate(authorization: str) -> tuple[ApiKey, Admission, datetime]:
    token, now = ids.parse_token(authorization.removeprefix("Bearer ")), datetime.now(UTC)
    assert token is not None
    admission = DynamoTokenBudgets().spend(token, Charge(), now=now)
    assert isinstance(admission.caller, ApiKey)
    return admission.caller, admission, now
