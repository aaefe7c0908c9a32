"""Serve the OpenAPI document and Swagger UI of each API version."""

from importlib.util import find_spec
from pathlib import Path

from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import OperationReply

# Cache lifetimes in seconds: of the document and its page, and of the page's assets.
SHORTLY, A_DAY = 300, 86_400

_ROOT = Path(__file__).parents[1]
_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui.js": "text/javascript", "start.js": "text/javascript"}
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def document(version: str) -> OperationReply:
    """Return the OpenAPI document of an API version, such as `v2`."""
    return OperationReply((_ROOT / "openapi" / f"{version}.json").read_text(encoding="utf-8"), 200)


def page() -> OperationReply:
    """Return the Swagger UI page. It loads the document beside it, and v1's assets by a relative path."""
    return OperationReply(
        (_ROOT / "web" / "docs.html").read_text(encoding="utf-8"), 200, {"Content-Security-Policy": _POLICY}
    )


def asset(name: str) -> OperationReply:
    """Return a script or style sheet of the page.

    Raises:
        NotFound: there is no such file.
    """
    if name not in _ASSETS:
        raise NotFound("File not found.")
    path = _ROOT / "web" / "docs.js"
    if name != "start.js":
        # Powertools ships Swagger UI; its own pages are not used, so none of its code is imported.
        powertools = find_spec("aws_lambda_powertools")
        assert powertools is not None and powertools.origin is not None
        bundle = Path(powertools.origin).parent / "event_handler" / "openapi" / "swagger_ui"
        path = bundle / {"swagger-ui.js": "swagger-ui-bundle.min.js", "swagger-ui.css": "swagger-ui.min.css"}[name]
    return OperationReply(path.read_text(encoding="utf-8"), 200, {"Content-Type": f"{_ASSETS[name]}; charset=utf-8"})
