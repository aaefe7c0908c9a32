"""Refuse JSON values that models let through but stores can't hold."""

import math
import re
from typing import Any

from pydantic_core import from_json

from chalicelib.core.domain.errors import Invalid

# A quick test for all of them. Numbers beyond every float have a large exponent, or very many digits.
_SUSPECT = (b"NaN", b"Infinity", b"\\u0000")
_BOUNDLESS = re.compile(rb"[0-9](?:[eE]\+?[0-9]{3}|[0-9]{299})")


def check_json(raw: bytes) -> None:
    """Refuse JSON with NaN, infinite or boundless numbers, or the character U+0000.

    Other errors are left to the parser.

    Raises:
        Invalid: the JSON has one of them.
    """
    if not any(spelling in raw for spelling in _SUSPECT) and not _BOUNDLESS.search(raw):
        return
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Invalid("The body is not valid JSON.") from error
    if isinstance(value, dict):
        for name, member in value.items():
            _check([name, member], name)
    else:
        _check(value, None)


def _check(value: Any, member: str | None) -> None:
    match value:
        case dict():
            _check([*value, *value.values()], member)
        case list():
            for each in value:
                _check(each, member)
        case str() if "\x00" in value:
            raise _refused("must not contain the character U+0000", member)
        case float() if math.isinf(value):
            raise _refused("has a number that is too large", member)


def _refused(reason: str, member: str | None) -> Invalid:
    return Invalid(f"The body {reason}.", {member: [reason]} if member and "\x00" not in member else None)
