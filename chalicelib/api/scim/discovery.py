"""SCIM: what this desk supports, and its OpenAPI document."""

from chalice.app import Blueprint

from chalicelib.api import documentation
from chalicelib.api.scim.contract import BASE, SPEND, operation
from chalicelib.api.scim.protocol import serve
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    f"{BASE}/ServiceProviderConfig",
    tag="Discovery",
    answers={200: "The capabilities."},
    grants=SPEND,
)
def get_scim_config(caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001 - admits
    """Retrieve what this desk supports of SCIM."""
    return serve("GET", "/ServiceProviderConfig", context)


@operation(bp, "GET", f"{BASE}/ResourceTypes", tag="Discovery", answers={200: "The types."}, grants=SPEND)
def list_scim_resource_types(caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001 - admits
    """List the types of resources: users and groups."""
    return serve("GET", "/ResourceTypes", context)


@operation(
    bp,
    "GET",
    f"{BASE}/ResourceTypes/{{name}}",
    tag="Discovery",
    answers={200: "The type."},
    refusals=(NotFound,),
    grants=SPEND,
)
def get_scim_resource_type(name: str, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """Retrieve a type of resources: `User` or `Group`."""
    return serve("GET", f"/ResourceTypes/{name}", context)


@operation(bp, "GET", f"{BASE}/Schemas", tag="Discovery", answers={200: "The schemas."}, grants=SPEND)
def list_scim_schemas(caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001 - admits
    """List the attributes of users and groups."""
    return serve("GET", "/Schemas", context)


@operation(
    bp,
    "GET",
    f"{BASE}/Schemas/{{urn}}",
    tag="Discovery",
    answers={200: "The schema."},
    refusals=(NotFound,),
    grants=SPEND,
)
def get_scim_schema(urn: str, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001 - admits
    """Retrieve the attributes of one type, by its URN."""
    return serve("GET", f"/Schemas/{urn}", context)


@operation(
    bp,
    "GET",
    f"{BASE}/openapi.json",
    tag="Discovery",
    answers={200: "The OpenAPI 3.1 document."},
    media_type="application/json",
    max_age=documentation.SHORTLY,
)
def get_scim_openapi() -> OperationReply:
    """Get this OpenAPI document."""
    return documentation.document("scim")
