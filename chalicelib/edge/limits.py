"""How big a body may be, and what replies say of the caller's budget."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from chalice.app import Request

from chalicelib.core.domain.budgets import Window
from chalicelib.core.domain.errors import TooLarge
from chalicelib.tokens.domain.tokens import PRIOR_LIVES

LARGEST_BODY = 262_144


def raw_body(request: Request, headers: Mapping[str, str]) -> bytes:
    """The body's bytes; names of headers are in lower case.

    Raises:
        TooLarge: there are, or there are declared to be, more than 262,144.
    """
    declared = headers.get("content-length", "")
    body = request.raw_body
    raw = body.encode() if isinstance(body, str) else body
    if len(raw) > LARGEST_BODY or (declared.isdecimal() and int(declared[:12]) > LARGEST_BODY):
        raise TooLarge(f"The body may have at most {LARGEST_BODY} bytes.")
    return raw


def window_headers(window: Window) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(window.reset),
    }


def sunset_headers(superseded_until: datetime | None) -> dict[str, str]:
    """What replies to a superseded secret say: since when it is deprecated (RFC 9745), and its end (RFC 8594)."""
    if superseded_until is None:
        return {}
    since = int((superseded_until - PRIOR_LIVES).timestamp())
    return {"Deprecation": f"@{since}", "Sunset": format_datetime(superseded_until, usegmt=True)}
