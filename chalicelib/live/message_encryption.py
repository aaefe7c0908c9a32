"""Encryption of push messages, so that push services can't read them (RFC 8291, RFC 8188)."""

import base64
import os
import struct

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.live.domain.push import BrowserKeys

_RECORD_SIZE = 4096
_SALT_BYTES = 16
# Marks the end of the only record.
_LAST = b"\x02"


def encrypt_message(
    text: str, keys: BrowserKeys, *, salt: bytes | None = None, sender: EllipticCurvePrivateKey | None = None
) -> bytes:
    """Encrypt a short message for a browser, by default with a new salt and a new key pair.

    Raises:
        ValueError: the browser's public key is no point of the curve.
    """
    salt, sender = salt or os.urandom(_SALT_BYTES), sender or generate_private_key(SECP256R1())
    theirs, ours = _decode(keys.public_key), _point(sender.public_key())
    shared = sender.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), theirs))
    secret = _derive(shared, _decode(keys.auth_secret), b"WebPush: info\0" + theirs + ours, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + struct.pack("!LB", _RECORD_SIZE, len(ours)) + ours
    return header + AESGCM(key).encrypt(nonce, text.encode() + _LAST, None)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _point(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
