"""From an `Idempotency-Key` header to a claim."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.idempotency import KEPT_FOR, Claim
from chalicelib.ids import nonce

LONGEST_KEY = 200
HEADER = "Idempotency-Key"
_NAME = HEADER.lower()


def key_of(headers: Mapping[str, str]) -> str | None:
    """The call's idempotency key, if it has one; names of headers are in lower case.

    Raises:
        Invalid: it is empty or too long.
    """
    key = headers.get(_NAME)
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(
            f"{HEADER} must have 1 to {LONGEST_KEY} characters.",
            {HEADER: [f"must have 1 to {LONGEST_KEY} characters"]},
        )
    return key


def claim(
    key: str,
    *,
    caller: Caller,
    operation: str,
    path: Mapping[str, str],
    sent: Mapping[str, BaseModel],
    now: datetime,
) -> Claim:
    """The caller's claim to have `operation` done once under `key`, with the body and query `sent`."""
    dumped = {name: model.model_dump(mode="json", exclude_unset=True) for name, model in sent.items()}
    return Claim(
        scope=_digest([caller.identity, operation, dict(path), key]),
        fingerprint=_digest(dumped),
        nonce=nonce(),
        now=int(now.timestamp()),
        expires_at=int((now + KEPT_FOR).timestamp()),
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
