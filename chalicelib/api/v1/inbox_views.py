"""The v1 inbox: your saved views (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.saved_views import SavedViewsIn, SavedViewsOut
from chalicelib.inbox.services import saved_views
from chalicelib.inbox.stores.saved_views import DynamoSavedViews
from chalicelib.inbox.stores.unread_counts import DynamoUnreadCounts
from chalicelib.resources import DELIVERIES, DIRECTORY, INBOX_INDEX

bp = Blueprint(__name__)

_COUNT = DELIVERIES.can("Query", index=INBOX_INDEX) + DELIVERIES.can("BatchGetItem")


@operation(
    bp,
    "GET",
    "/api/v1/inbox/views",
    tag="inbox",
    answers={200: "The views."},
    permission="inbox",
    grants=SPEND + _COUNT + DIRECTORY.can("GetItem"),
)
def list_inbox_views(caller: ApiKey, context: RequestContext) -> SavedViewsOut:
    """List your saved views of the inbox, each with the number of unread deliveries that match.

    It counts among the newest 1,000 unread deliveries; for views with `q` or `label`, among the newest 200.
    """
    return saved_views.read_views(
        owner=caller, context=context, views=DynamoSavedViews(), inbox=DynamoUnreadCounts(context.now)
    )


@operation(
    bp,
    "PUT",
    "/api/v1/inbox/views",
    tag="inbox",
    answers={200: "The views."},
    refusals=(Conflict, TooLarge),
    permission="inbox",
    replay=SavedViewsOut.model_validate,
    grants=SPEND + REMEMBER + _COUNT + DIRECTORY.can("GetItem", "PutItem", "ConditionCheckItem"),
)
def replace_inbox_views(body: SavedViewsIn, caller: ApiKey, context: RequestContext) -> SavedViewsOut:
    """Replace your saved views of the inbox, up to 20.

    Send all of them with the `version` that you have read. If they have changed since, the reply is 409.
    """
    return saved_views.replace_views(
        body, owner=caller, context=context, views=DynamoSavedViews(), inbox=DynamoUnreadCounts(context.now)
    )
