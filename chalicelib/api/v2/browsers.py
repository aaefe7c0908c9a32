"""What the operations that sign people in share."""

from chalicelib import ids
from chalicelib.core.domain.requests import RawRequest
from chalicelib.ids import SignInSecret
from chalicelib.tokens.domain.sessions import find_cookie
from chalicelib.tokens.services.sessions import Browser


def browser_of(request: RawRequest) -> Browser:
    """Return the browser that sent a request, with the session that it has."""
    presented = ids.parse_sign_in_secret(SignInSecret.SESSION, find_cookie(request.headers))
    return Browser(request.headers.get("user-agent", ""), presented, request.address)
