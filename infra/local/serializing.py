"""moto's replies about rows, serialised without a search for each value's name.

moto looks for every member of a reply under several spellings. DynamoDB's replies are plain dictionaries that have
them under their own names, and of the ten members that an attribute's value may have, nine are not there.
"""

from functools import wraps
from typing import Any

_KINDS = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))


def install() -> None:
    """Let moto look where the values are."""
    from moto.core.serialize import ResponseSerializer

    original = ResponseSerializer.get_value
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        if type(value) is dict and not self._value_picker.response_transformers:
            if key in value:
                return value[key]
            if key in _KINDS:
                return None
        return original(self, value, key, shape)

    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]
