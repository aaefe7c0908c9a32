"""Secrets that we must be able to read again, sealed for storage with the deployment's own key (AES-256-GCM)."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.settings import secret_keys

_NONCE_BYTES = 12
_KEY_BITS = 256


def seal(text: str, *, place: str) -> str:
    """Seal `text` for the row `place`: copied to another row it does not open."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(secret_keys()[0]).encrypt(nonce, text.encode(), place.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, place: str) -> str:
    """What was sealed, with any of the deployment's keys.

    Raises:
        ValueError: it was sealed with another key, or for another place, or has been altered.
    """
    for key in secret_keys():
        if (text := _opened(sealed, key, place)) is not None:
            return text
    raise ValueError(f"FLUXDEN_SECRET_KEY does not open the secret of {place}")


def resealed(sealed: str, *, place: str) -> str | None:
    """The same, sealed with the first of the deployment's keys; None when it is so already.

    Raises:
        ValueError: as of `unseal`.
    """
    if _opened(sealed, secret_keys()[0], place) is not None:
        return None
    return seal(unseal(sealed, place=place), place=place)


def _opened(sealed: str, key: bytes, place: str) -> str | None:
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
    except InvalidTag:
        return None


def new_key() -> str:
    """A fresh key, as `FLUXDEN_SECRET_KEY` wants it."""
    return base64.urlsafe_b64encode(AESGCM.generate_key(_KEY_BITS)).decode()
