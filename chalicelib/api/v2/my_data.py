"""The export of what this desk keeps of the caller."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.domain.exports import ExportPageOut, ExportQuery
from chalicelib.personal_data.services.export import export_page
from chalicelib.personal_data.stores.exports import DynamoExports
from chalicelib.resources import (
    BOARD,
    CATALOG,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    FEEDBACK,
    INBOX_INDEX,
    OWNER_INDEX,
    PEERS,
    PERSON_INDEX,
    QUEUE_ITEMS,
    RELAYS,
    TOKENS,
)

bp = Blueprint(__name__)

_READ = (
    DIRECTORY.can("Query", "BatchGetItem")
    + DELIVERIES.can("Query")
    + DELIVERIES.can("Query", index=INBOX_INDEX)
    + TOKENS.can("GetItem", "BatchGetItem")
    + TOKENS.can("Query", index=OWNER_INDEX)
    + CATALOG.can("BatchGetItem")
    + CATALOG.can("Query", index=PERSON_INDEX)
    + PEERS.can("Query", "BatchGetItem")
    + tuple(grant for table in (QUEUE_ITEMS, BOARD, CONTACTS, CHAT, RELAYS, FEEDBACK) for grant in table.can("Query"))
)


@operation(
    bp,
    "GET",
    "/api/v2/me/data",
    tag="Me",
    envelope="ExportPageAnswer",
    answers={200: "A page of your data."},
    refusals=(NotFound,),
    grants=SPEND + _READ,
)
def export_my_data(query: ExportQuery, caller: ApiKey) -> ExportPageOut:
    """Export everything that this desk keeps of you, page by page.

    Follow `nextCursor` until it is null. A page has records of one section: what it stores of your account, deliveries,
    tasks, cards, contacts, chat, connections, relays, and so on. Secrets and their hashes are in none. This operation
    needs a key with the permission `all`.
    """
    return export_page(query, owner=caller, people=DynamoDirectory(), exports=DynamoExports())
