"""A contract's own document and the page to browse it with, as each contract's operations serve them."""

from importlib.util import find_spec
from pathlib import Path

from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import Reply

# What seldom changes may be kept so long; what never does without its page, a day.
SHORTLY, A_DAY = 300, 86_400

_ROOT = Path(__file__).parents[1]
_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui.js": "text/javascript", "start.js": "text/javascript"}
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def document(version: str) -> Reply:
    """The OpenAPI document of contract `version`."""
    return Reply((_ROOT / "openapi" / f"{version}.json").read_text(encoding="utf-8"), 200)


def page() -> Reply:
    """Swagger UI on the document beside it; its assets are the first contract's, by a relative path."""
    return Reply((_ROOT / "web" / "docs.html").read_text(encoding="utf-8"), 200, {"Content-Security-Policy": _POLICY})


def asset(name: str) -> Reply:
    """A script or style sheet of the page.

    Raises:
        NotFound: it has no such file.
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
    return Reply(path.read_text(encoding="utf-8"), 200, {"Content-Type": f"{_ASSETS[name]}; charset=utf-8"})
