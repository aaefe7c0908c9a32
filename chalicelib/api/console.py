"""Serve the web console: its page, its assets and its service worker."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Blueprint

from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import OperationReply
from chalicelib.settings import settings

bp = Blueprint(__name__)

_FOLDER = Path(__file__).parents[1] / "web" / "console"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json; charset=utf-8",
}
# Everything is loaded from this origin, except the WebSocket, which has its own. Trusted types allow two policies:
# DOMPurify, which sanitises Markdown, and "fluxden", which names the service worker.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self' {socket}",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify fluxden",
)
_PAGE = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# The name of an asset contains the hash of its content, so the content never changes.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@operation(bp, "GET", "/", tag="console", answers={200: "The page."}, media_type="text/html; charset=utf-8")
def get_console() -> OperationReply:
    """Open the web console.

    A single page. You sign in with an API key (`dvd_…`), which the page stores in the browser only.
    """
    address = urlsplit(settings().socket_url)
    socket = f"{address.scheme}://{address.netloc}" if address.netloc else ""
    policy = "; ".join(_POLICY).format(socket=socket).replace(" ;", ";")
    page = (_FOLDER / "index.html").read_text(encoding="utf-8")
    return OperationReply(page, 200, _PAGE | {"Content-Security-Policy": policy})


@operation(
    bp,
    "GET",
    "/console/{asset}",
    tag="console",
    answers={200: "The file."},
    refusals=(NotFound,),
    media_type="*/*",
)
def get_console_asset(asset: str) -> OperationReply:
    """Get a file of the web console.

    File names contain a hash of the content, so files can be cached forever.
    """
    if asset not in _assets():
        raise NotFound("File not found.")
    path = _FOLDER / asset
    return OperationReply(path.read_text(encoding="utf-8"), 200, _FOREVER | {"Content-Type": _TYPES[path.suffix]})


@operation(
    bp, "GET", "/sw.js", tag="console", answers={200: "The script."}, media_type="text/javascript; charset=utf-8"
)
def get_console_worker() -> OperationReply:
    """Get the service worker that shows push notifications while the console is closed."""
    headers = {"Cache-Control": "no-cache"}
    return OperationReply((_FOLDER / "sw.js").read_text(encoding="utf-8"), 200, headers)


@cache
def _assets() -> frozenset[str]:
    manifest: dict[str, Any] = json.loads((_FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return frozenset(manifest["assets"].values())
