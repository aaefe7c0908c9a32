"""Serve the OpenAPI document of each API version, and the page that shows it."""

import json
from functools import cache
from pathlib import Path

from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import OperationReply

# The cache lifetime of the document, its page and the page's assets, in seconds.
SHORTLY = 300

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "web" / "docs"
_SCRIPTS = ("document.js", "dom.js", "operation.js", "request.js", "schema.js", "start.js")
_ASSETS = {"style.css": "text/css"} | dict.fromkeys(_SCRIPTS, "text/javascript")
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@cache
def _document(version: str) -> str:
    # The file has one line for each member, for those who compare versions.
    found = json.loads((_ROOT / "openapi" / f"{version}.json").read_text(encoding="utf-8"))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def document(version: str) -> OperationReply:
    """Return the OpenAPI document of an API version, such as `v2`."""
    return OperationReply(_document(version), 200)


def page() -> OperationReply:
    """Return the page. It loads the document beside it, and v1's assets by a relative path."""
    text = (_PAGE / "page.html").read_text(encoding="utf-8")
    return OperationReply(text, 200, {"Content-Security-Policy": _POLICY})


def asset(name: str) -> OperationReply:
    """Return a script or style sheet of the page.

    Raises:
        NotFound: there is no such file.
    """
    if name not in _ASSETS:
        raise NotFound("File not found.")
    text = (_PAGE / name).read_text(encoding="utf-8")
    return OperationReply(text, 200, {"Content-Type": f"{_ASSETS[name]}; charset=utf-8"})
