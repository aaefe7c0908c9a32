"""Serve the web console: its page, its assets and its service worker."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Blueprint

from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.requests import RequestContext
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
    "base-uri {base}",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify fluxden",
)
# What a gateway may put before the desk's paths, and where the page says so: before its first address.
_MOUNTED = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_HEAD = '<meta charset="utf-8">'
_PAGE = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# The name of an asset contains the hash of its content, so the content never changes.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@operation(bp, "GET", "/", tag="console", answers={200: "The page."}, media_type="text/html; charset=utf-8")
def get_console(context: RequestContext) -> OperationReply:
    """Open the web console.

    A single page. You sign in with an API key (`dvd_…`), which the page stores in the browser only.
    """
    address = urlsplit(settings().socket_url)
    socket = f"{address.scheme}://{address.netloc}" if address.netloc else ""
    page = (_FOLDER / "index.html").read_text(encoding="utf-8")
    base = "'none'"
    # The addresses in the page are relative. Behind a stage or a path of a custom domain the page also has an address
    # without the slash at the end, so it says what they are relative to.
    if _MOUNTED.fullmatch(mount := context.path.rstrip("/")):
        page, base = page.replace(_HEAD, f'{_HEAD}\n    <base href="{mount}/">', 1), "'self'"
    policy = "; ".join(_POLICY).format(socket=socket, base=base).replace(" ;", ";")
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
    """Get the service worker, which shows push notifications and opens the console without a network."""
    headers = {"Cache-Control": "no-cache"}
    return OperationReply((_FOLDER / "sw.js").read_text(encoding="utf-8"), 200, headers)


@cache
def _assets() -> frozenset[str]:
    manifest: dict[str, Any] = json.loads((_FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return frozenset(manifest["assets"].values())
