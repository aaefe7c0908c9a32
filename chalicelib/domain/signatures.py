"""Signatures of outgoing callbacks (Standard Webhooks 1.0, symmetric `v1`)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

SECRET_PREFIX = "whsec_"


def signed_headers(message_id: str, body: bytes, *, at: datetime, secrets: Iterable[str]) -> Mapping[str, str]:
    """The three headers by which a receiver tells who sent `body`, when, and whether it has seen it before.

    With several secrets each signs, so that a receiver who knows any one of them can verify.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
