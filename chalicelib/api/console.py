"""The web console: its page, and the files the page loads."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Blueprint

from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import Reply
from chalicelib.settings import settings

bp = Blueprint(__name__)

_FOLDER = Path(__file__).parents[1] / "web" / "console"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# Nothing is loaded from elsewhere, nothing runs that is not a file of ours, and text becomes markup in one place only:
# the sanitiser, whose policy is named, beside the one that names the worker. Sockets have an origin of their own.
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
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# A file's name says what is in it, so it never changes.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@operation(bp, "GET", "/", tag="console", answers={200: "The page."}, media_type="text/html; charset=utf-8")
def get_console() -> Reply:
    """The web console.

    One page for everything; it signs in with an API key (`dvd_…`), which it keeps to itself.
    """
    address = urlsplit(settings().socket_url)
    socket = f"{address.scheme}://{address.netloc}" if address.netloc else ""
    policy = "; ".join(_POLICY).format(socket=socket).replace(" ;", ";")
    page = (_FOLDER / "index.html").read_text(encoding="utf-8")
    return Reply(page, 200, _PAGE | {"Content-Security-Policy": policy})


@operation(
    bp,
    "GET",
    "/console/{asset}",
    tag="console",
    answers={200: "The file."},
    refusals=(NotFound,),
    media_type="*/*",
)
def get_console_asset(asset: str) -> Reply:
    """A file of the web console; each is named by its content, and may be kept for good."""
    if asset not in _assets():
        raise NotFound("No such file.")
    path = _FOLDER / asset
    return Reply(path.read_text(encoding="utf-8"), 200, _FOREVER | {"Content-Type": _TYPES[path.suffix]})


@operation(
    bp, "GET", "/sw.js", tag="console", answers={200: "The script."}, media_type="text/javascript; charset=utf-8"
)
def get_console_worker() -> Reply:
    """What shows a nudge to a browser whose console is closed."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Reply((_FOLDER / "sw.js").read_text(encoding="utf-8"), 200, headers)


@cache
def _assets() -> frozenset[str]:
    manifest: dict[str, Any] = json.loads((_FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return frozenset(manifest["assets"].values())
