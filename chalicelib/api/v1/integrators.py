"""fluxdesk-v1: which integrators may publish here."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.domain.call import Call
from chalicelib.domain.callers import ToolsToken
from chalicelib.domain.directory import IntegratorsOut
from chalicelib.resources import DIRECTORY
from chalicelib.services import directory
from chalicelib.stores.directory import DynamoDirectory

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v1/integrators",
    tag="introspection",
    admin_only=True,
    answers={200: "The integrators."},
    grants=SPEND + DIRECTORY.can("Query"),
)
def list_integrators(caller: ToolsToken, call: Call) -> IntegratorsOut:  # noqa: ARG001 - admits
    """List every integrator that has not been archived, by slug."""
    items = directory.list_integrators(integrators=DynamoDirectory())
    return IntegratorsOut(items=items, total_count=len(items), request_id=call.request_id)
