"""SCIM: several changes in one request, and searches of users and groups together."""

from chalice.app import Blueprint

from chalicelib.api.scim.contract import BASE, ScimBulk, ScimSearch, operation
from chalicelib.api.scim.protocol import AUDITED_GROUPS, AUDITED_USERS, READ, WRITE_USERS, serve
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.errors import TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    f"{BASE}/Bulk",
    tag="Bulk",
    answers={200: "The outcome of each operation."},
    refusals=(TooLarge,),
    grants=WRITE_USERS,
    audits=(*AUDITED_USERS, *AUDITED_GROUPS),
)
def run_scim_bulk(body: ScimBulk, caller: ScimToken, context: RequestContext) -> OperationReply:
    """Make at most 50 changes of users and groups, in their order. Each succeeds or fails on its own.

    `bulkId:` refers to what another operation of the request creates.
    """
    return serve("POST", "/Bulk", context, caller, body=body.root)


@operation(
    bp,
    "POST",
    f"{BASE}/.search",
    tag="Bulk",
    answers={200: "A page of users and groups."},
    refusals=(TooLarge,),
    grants=READ,
)
def search_scim(body: ScimSearch, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """List users and groups together, or those that a filter selects."""
    return serve("POST", "/.search", context, body=body.root)
