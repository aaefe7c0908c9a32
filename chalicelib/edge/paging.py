"""Opaque cursors, each good for the caller and the filters it was made for only."""

import base64
import hashlib
import json
from collections.abc import Sequence

from chalicelib.core.domain.errors import Invalid


def cursor(position: Sequence[str], *bound: object) -> str:
    raw = json.dumps([_mark(bound), *position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def position(text: str, length: int, *bound: object) -> Sequence[str]:
    """The position in a cursor.

    Raises:
        Invalid: it is malformed, or was made for another caller or other filters.
    """
    found: list[str]
    try:
        mark, *found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, RecursionError):
        mark, found = None, []
    if mark != _mark(bound) or len(found) != length or not all(isinstance(part, str) for part in found):
        raise Invalid("cursor: does not continue this list", {"cursor": ["does not continue this list"]})
    return found


def _mark(bound: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(bound, default=str).encode()).hexdigest()[:12]
