"""Replies that are revealed once and must be repeatable: kept so that only their caller's own token opens them.

AES-256-GCM under a key that is derived from the token and stored nowhere; the tables alone reveal nothing.
"""

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

from chalicelib.core.domain.errors import Conflict

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_SEALED = "sealed"


def seal(plain: bytes, key: bytes) -> bytes:
    """Encrypt `plain` under a key of 32 bytes; sealed twice it reads differently."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain, None)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """What was sealed under `key`.

    Raises:
        ValueError: it was sealed under another key, or has been changed since.
    """
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise ValueError("not sealed under this key") from error


def closed(reply: dict[str, Any], key: bytes) -> dict[str, Any]:
    """The reply as an idempotency record may keep it."""
    plain = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
    return {_SEALED: base64.b64encode(seal(plain, key)).decode()}


def opened(kept: dict[str, Any], key: bytes) -> dict[str, Any]:
    """The reply that a record keeps, sealed or not.

    Raises:
        Conflict: it was sealed under another token.
    """
    if _SEALED not in kept:
        return kept
    try:
        found: dict[str, Any] = json.loads(unseal(base64.b64decode(kept[_SEALED]), key))
    except ValueError as error:
        raise Conflict(
            "This call was answered before, with a secret that only the token it was made with may see again."
        ) from error
    return found


def _cipher(key: bytes) -> "AESGCM":
    # Imported here: few calls seal anything, and the import costs every other one its start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
