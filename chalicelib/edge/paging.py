"""Opaque cursors, each valid only for the caller and the filters it was made for."""

import base64
import hashlib
import json
from collections.abc import Sequence

from chalicelib.core.domain.errors import Invalid


def to_cursor(position: Sequence[str], *bound: object) -> str:
    """Encode a position in a list, bound to the values in `bound`."""
    raw = json.dumps([_mark(bound), *position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_cursor(text: str, length: int, *bound: object) -> Sequence[str]:
    """Decode the position in a cursor.

    Raises:
        Invalid: the cursor is malformed, or was made for another caller or other filters.
    """
    parts: list[str]
    try:
        mark, *parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, RecursionError):
        mark, parts = None, []
    if mark != _mark(bound) or len(parts) != length or not all(isinstance(part, str) for part in parts):
        raise Invalid("cursor: does not continue this list", {"cursor": ["does not continue this list"]})
    return parts


def _mark(bound: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(bound, default=str).encode()).hexdigest()[:12]
