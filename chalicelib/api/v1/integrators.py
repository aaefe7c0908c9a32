"""v1: list the integrators."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.domain.directory import IntegratorsOut, to_integrator_list
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY

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
def list_integrators(caller: ToolsToken, context: RequestContext) -> IntegratorsOut:  # noqa: ARG001 - admits
    """List the integrators that are not archived, by slug."""
    items = to_integrator_list(DynamoDirectory().list_integrators())
    return IntegratorsOut(items=items, total_count=len(items), request_id=context.request_id)
