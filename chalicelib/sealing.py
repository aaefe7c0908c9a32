"""Seal stored replies that reveal a secret, so that only the caller's token can open them (AES-256-GCM).

The key derives from the token and is stored nowhere, so the tables alone reveal nothing.
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
    """Encrypt `plain` under a key of 32 bytes, with a new nonce each time."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain, None)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """Decrypt what was sealed under `key`.

    Raises:
        ValueError: it was sealed under another key, or has been altered.
    """
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise ValueError("not sealed under this key") from error


def seal_reply(reply: dict[str, Any], key: bytes) -> dict[str, Any]:
    """Encrypt a reply for its idempotency record."""
    plain = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
    return {_SEALED: base64.b64encode(seal(plain, key)).decode()}


def open_reply(stored: dict[str, Any], key: bytes) -> dict[str, Any]:
    """Read the reply of an idempotency record, sealed or not.

    Raises:
        Conflict: the reply was sealed under another token.
    """
    if _SEALED not in stored:
        return stored
    try:
        reply: dict[str, Any] = json.loads(unseal(base64.b64decode(stored[_SEALED]), key))
    except ValueError as error:
        raise Conflict(
            "The first call with this Idempotency-Key returned a secret. Only the token of that call can read it again."
        ) from error
    return reply


def _cipher(key: bytes) -> "AESGCM":
    # Imported on first use: few requests seal anything, and this import would slow every cold start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
