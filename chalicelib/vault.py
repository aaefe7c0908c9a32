"""Seal secrets that must be readable again with the deployment's own key (AES-256-GCM).

The library is imported at first use: many modules that can seal are loaded by functions that rarely do.
"""

import base64
import os
from typing import TYPE_CHECKING

from chalicelib import secret_keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_BYTES = 32


def seal(text: str, *, place: str) -> str:
    """Seal `text` for the row `place`; a copy in another row does not open.

    Raises:
        ValueError: no key is set.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(secret_keys.read_secret_keys()[0]).encrypt(nonce, text.encode(), place.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, place: str, by_stranger: bool = False) -> str:
    """Open a sealed text with whichever of the deployment's keys sealed it.

    What anybody can hand in, `by_stranger`, makes no call for newer keys.

    Raises:
        ValueError: it was sealed with another key, or for another place, or has been altered.
    """
    # It may have been sealed with a key that is newer than those this process has read.
    for fresh in (False,) if by_stranger else (False, True):
        for key in secret_keys.read_secret_keys(fresh=fresh):
            if (text := _decrypt(sealed, key, place)) is not None:
                return text
    raise ValueError(f"FLUXDEN_SECRET_KEY does not open the secret of {place}")


def reseal(sealed: str, *, place: str) -> str | None:
    """Seal a sealed text again with the first of the deployment's keys; None if that key sealed it already.

    Raises:
        ValueError: as of `unseal`.
    """
    if _decrypt(sealed, secret_keys.read_secret_keys()[0], place) is not None:
        return None
    return seal(unseal(sealed, place=place), place=place)


def new_key() -> str:
    """Make a fresh key in the format of `FLUXDEN_SECRET_KEY`."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def _decrypt(sealed: str, key: bytes, place: str) -> str | None:
    from cryptography.exceptions import InvalidTag

    raw = base64.b64decode(sealed)
    try:
        return _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
    except InvalidTag:
        return None


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
