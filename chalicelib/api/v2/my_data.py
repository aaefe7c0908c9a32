"""The export of what this desk keeps of the caller."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.domain.exports import ExportPageOut, ExportQuery
from chalicelib.personal_data.services.export import export_page
from chalicelib.personal_data.stores.exports import READ_EXPORT, DynamoExports

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/me/data",
    tag="Me",
    envelope="ExportPageAnswer",
    answers={200: "A page of your data."},
    refusals=(NotFound,),
    grants=SPEND + READ_EXPORT,
)
def export_my_data(query: ExportQuery, caller: ApiKey) -> ExportPageOut:
    """Export everything that this desk keeps of you, page by page.

    Follow `nextCursor` until it is null. A page has records of one section: what it stores of your account, deliveries,
    tasks, cards, contacts, chat, connections, relays, and so on. Secrets and their hashes are in none. This operation
    needs a key with the permission `all`.
    """
    return export_page(query, owner=caller, people=DynamoDirectory(), exports=DynamoExports())
