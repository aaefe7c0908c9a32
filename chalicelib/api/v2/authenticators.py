"""What the operations that ask the authenticator of a browser share."""

import secrets
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib import ids
from chalicelib.ids import SignInSecret
from chalicelib.settings import settings
from chalicelib.tokens.domain.passkeys import BROWSER_COOKIE, is_browser, relying_party
from chalicelib.tokens.domain.sessions import find_named_cookie
from chalicelib.tokens.services.passkeys import Ceremony
from chalicelib.tokens.stores.passkeys import DynamoPasskeys


class AskedFrom(NamedTuple):
    """Where a browser asks from: the cookie that names it, and the host that it asked."""

    browser: str
    host: str


def asked_from(headers: Mapping[str, str]) -> AskedFrom:
    """Return where a browser asks from; it may have no name yet. Names of `headers` are in lower case."""
    named = find_named_cookie(headers, BROWSER_COOKIE)
    return AskedFrom(named if is_browser(named) else "", headers.get("host", ""))


def new_browser() -> str:
    return secrets.token_urlsafe(32)


def ceremony_of(browser: str, host: str) -> Ceremony:
    """Return the exchange of a browser with this desk.

    Raises:
        Conflict: the desk has no address that authenticators accept.
    """
    party = relying_party(settings().base_url, host)
    # Imported at first use: lists and names need no library.
    from chalicelib.tokens.gateways.passkeys import WebAuthn

    return Ceremony(
        browser,
        lambda text: ids.parse_sign_in_secret(SignInSecret.CHALLENGE, text),
        WebAuthn(party),
        DynamoPasskeys(),
    )
