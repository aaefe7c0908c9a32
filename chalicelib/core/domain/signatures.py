"""HMAC signatures of callbacks (Standard Webhooks 1.0, symmetric `v1`) and of requests between desks."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

SECRET_PREFIX = "whsec_"

_CONTENT_DIGEST = re.compile(r"(sha-256|sha-512)=:([A-Za-z0-9+/=]+):", re.ASCII)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def signature_headers(message_id: str, body: bytes, *, at: datetime, secrets: Iterable[str]) -> Mapping[str, str]:
    """Sign a callback: the headers with its id, its time and its signatures.

    Each of the secrets signs, so a receiver that knows one of them can verify.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def body_digest(body: bytes, token: str) -> str:
    """Sign the raw body of a request over the connection with this token: 64 lower-case hex digits."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def is_body_digest(digest: str, body: bytes, token: str) -> bool:
    """Say whether `digest` signs `body`; only the lower-case spelling is accepted."""
    return bool(_HEX_DIGEST.fullmatch(digest)) and hmac.compare_digest(digest, body_digest(body, token))


def is_content_digest(header: str, body: bytes) -> bool:
    """Say whether a `Content-Digest` (RFC 9530) is that of the body, by every digest in it that is known here."""
    found = _CONTENT_DIGEST.findall(header)
    return bool(found) and all(
        hmac.compare_digest(base64.b64encode(hashlib.new(name.replace("-", ""), body).digest()).decode(), digest)
        for name, digest in found
    )


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
