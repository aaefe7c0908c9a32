"""Opaque cursors, each valid only for the caller and the filters it was made for."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence

from chalicelib.core.domain.errors import Invalid

# Positions are made of times, ids, slugs and encoded addresses. A forged cursor may hold anything else, which stores do
# not take.
_PART = re.compile(r"[!-~]{1,700}")


def to_cursor(position: Sequence[str], *bound: object) -> str:
    """Encode a position in a list, bound to the values in `bound`. Its parts are visible ASCII characters."""
    raw = json.dumps([_checksum(position, bound), *position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_cursor(text: str, length: int, *bound: object) -> Sequence[str]:
    """Decode the position in a cursor.

    Raises:
        Invalid: the cursor is malformed or changed, or was made for another caller or other filters.
    """
    parts: list[str]
    try:
        _, *parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, RecursionError):
        parts = []
    is_position = len(parts) == length and all(isinstance(part, str) and _PART.fullmatch(part) for part in parts)
    if not is_position or to_cursor(parts, *bound) != text:
        raise foreign_cursor()
    return parts


def foreign_cursor() -> Invalid:
    """Return the refusal of a cursor that does not belong to the list."""
    return Invalid("cursor: does not continue this list", {"cursor": ["does not continue this list"]})


def _checksum(position: Sequence[str], bound: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps([position, bound], default=str).encode()).hexdigest()[:12]
