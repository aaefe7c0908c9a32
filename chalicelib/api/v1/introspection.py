"""fluxdesk-v1, what needs no token: health, the OpenAPI document, and its browser."""

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from chalice.app import Blueprint

from chalicelib.api.v1.contract import operation
from chalicelib.domain.errors import NotFound
from chalicelib.domain.fields import Out, TimeOut, timestamp
from chalicelib.edge.operation import Reply
from chalicelib.settings import VERSION

bp = Blueprint(__name__)

_ROOT = Path(__file__).parents[2]
_DAY = "public, max-age=86400"
_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui.js": "text/javascript", "start.js": "text/javascript"}


class Health(Out):
    """A sign of life."""

    ok: bool
    version: str
    server_time: TimeOut


@operation(bp, "GET", "/api/v1/health", tag="health", answers={200: "Alive."})
def get_health() -> Health:
    """Tell that the service is alive, and its version. Touches no store."""
    return Health(ok=True, version=VERSION, server_time=timestamp(datetime.now(UTC)))


@operation(bp, "GET", "/api/v1/openapi.json", tag="introspection", answers={200: "The OpenAPI 3.1 document."})
def get_openapi() -> Reply:
    """This document."""
    text = (_ROOT / "openapi" / "v1.json").read_text(encoding="utf-8")
    return Reply(text, 200, {"Cache-Control": "public, max-age=300"})


@operation(
    bp,
    "GET",
    "/api/v1/docs",
    tag="introspection",
    answers={200: "The page."},
    media_type="text/html; charset=utf-8",
)
def get_docs() -> Reply:
    """Browse this document with Swagger UI; nothing is loaded from elsewhere."""
    policy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
    page = (_ROOT / "web" / "docs.html").read_text(encoding="utf-8")
    return Reply(page, 200, {"Cache-Control": "public, max-age=300", "Content-Security-Policy": policy})


@operation(
    bp,
    "GET",
    "/api/v1/docs/{asset}",
    tag="introspection",
    answers={200: "The file."},
    refusals=(NotFound,),
    media_type="text/*",
)
def get_docs_asset(asset: str) -> Reply:
    """A script or style sheet of the documentation page."""
    if asset not in _ASSETS:
        raise NotFound("No such file.")
    path = _ROOT / "web" / "docs.js"
    if asset != "start.js":
        # Powertools ships Swagger UI; its own pages are not used, so none of its code is imported.
        powertools = find_spec("aws_lambda_powertools")
        assert powertools is not None and powertools.origin is not None
        bundle = Path(powertools.origin).parent / "event_handler" / "openapi" / "swagger_ui"
        path = bundle / {"swagger-ui.js": "swagger-ui-bundle.min.js", "swagger-ui.css": "swagger-ui.min.css"}[asset]
    headers = {"Content-Type": f"{_ASSETS[asset]}; charset=utf-8", "Cache-Control": _DAY}
    return Reply(path.read_text(encoding="utf-8"), 200, headers)
