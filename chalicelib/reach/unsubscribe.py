"""The tokens of addresses that turn a person's e-mail off (RFC 8058).

A token is the person's id, sealed with the desk's key: nobody can make or alter one, and none is stored.
"""

import base64
import binascii

from chalicelib.vault import seal, unseal

_PLACE = "unsubscribe"
PATH = "/api/v1/email/unsubscribe/"
_MOST_CHARACTERS = 400


def unsubscribe_url(base_url: str, user_id: str) -> str:
    """Return the address that turns this person's e-mail off."""
    token = base64.urlsafe_b64encode(base64.b64decode(seal(user_id, place=_PLACE))).decode().rstrip("=")
    return f"{base_url}{PATH}{token}"


def read_token(token: str) -> str | None:
    """Return whose e-mail a token turns off; None if it is not of this desk, or sealed with a key that is gone.

    One that was sealed with a new key is known within five minutes, when the keys are read again.
    """
    if not token.isascii() or len(token) > _MOST_CHARACTERS:
        return None
    try:
        sealed = base64.b64encode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))).decode()
    except (ValueError, binascii.Error):
        return None
    try:
        return unseal(sealed, place=_PLACE, by_stranger=True)
    except ValueError as error:
        if str(error).startswith("FLUXDEN_SECRET_KEY must"):
            raise
        return None
