"""v2: the catalog for employees."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.catalog.domain.employee_catalog import OfferedItemOut
from chalicelib.catalog.services.employee_catalog import list_offered_items
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.callers import ApiKey
from chalicelib.resources import CATALOG, LIST_INDEX

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/catalog",
    tag="Me",
    envelope="OfferedItemsAnswer",
    answers={200: "The items."},
    permission="catalog",
    grants=SPEND + CATALOG.can("BatchGetItem") + CATALOG.can("Query", index=LIST_INDEX),
)
def list_catalog_for_me(caller: ApiKey) -> list[OfferedItemOut]:
    """List what you can apply for, with your requests and the decisions on them.

    Pinned items come first, then the others in display order, up to 200. To apply for an item, send its slug to
    `POST /api/v1/catalog/requests`.
    """
    return list_offered_items(caller.user_id, items=DynamoCatalog(), approvals=DynamoApprovals())
