"""v1 operations without a token: health, the OpenAPI document and its page."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.api import documentation
from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import Out, TimeOut, timestamp
from chalicelib.edge.operation import OperationReply
from chalicelib.settings import VERSION

bp = Blueprint(__name__)


class Health(Out):
    """A sign of life."""

    ok: bool
    version: str
    server_time: TimeOut


@operation(bp, "GET", "/api/v1/health", tag="health", answers={200: "The service is running."})
def get_health() -> Health:
    """Check that the service is running.

    The reply contains its version. The call touches no store.
    """
    return Health(ok=True, version=VERSION, server_time=timestamp(datetime.now(UTC)))


@operation(
    bp,
    "GET",
    "/api/v1/openapi.json",
    tag="introspection",
    answers={200: "The OpenAPI 3.1 document."},
    max_age=documentation.SHORTLY,
)
def get_openapi() -> OperationReply:
    """Get this OpenAPI document."""
    return documentation.document("v1")


@operation(
    bp,
    "GET",
    "/api/v1/docs",
    tag="introspection",
    answers={200: "The page."},
    media_type="text/html; charset=utf-8",
    max_age=documentation.SHORTLY,
)
def get_docs() -> OperationReply:
    """Read this document as a page, and try its operations.

    The page loads nothing from other origins.
    """
    return documentation.page()


@operation(
    bp,
    "GET",
    "/api/v1/docs/{asset}",
    tag="introspection",
    answers={200: "The file."},
    refusals=(NotFound,),
    media_type="text/*",
    max_age=documentation.SHORTLY,
)
def get_docs_asset(asset: str) -> OperationReply:
    """Get a script or style sheet of the documentation page."""
    return documentation.asset(asset)
