"""v2 operations without a token: the OpenAPI document and its page."""

from chalice.app import Blueprint

from chalicelib.api import documentation
from chalicelib.api.v2.contract import operation
from chalicelib.edge.operation import OperationReply

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/openapi.json",
    tag="Introspection",
    answers={200: "The OpenAPI 3.1 document."},
    max_age=documentation.SHORTLY,
)
def get_v2_openapi() -> OperationReply:
    """Get this OpenAPI document."""
    return documentation.document("v2")


@operation(
    bp,
    "GET",
    "/api/v2/docs",
    tag="Introspection",
    answers={200: "The page."},
    media_type="text/html; charset=utf-8",
    max_age=documentation.SHORTLY,
)
def get_v2_docs() -> OperationReply:
    """Read this document as a page, and try its operations.

    The page loads nothing from other origins.
    """
    return documentation.page()
