"""Make moto serialise rows faster.

moto looks for each field of a response under several spellings. DynamoDB's responses have every field under its own
name, and an attribute value has only one of its ten possible fields.
"""

from functools import wraps
from typing import Any

# Types whose values are the same in a row and in a response.
_PLAIN_TYPES = frozenset(("S", "N", "SS", "NS", "BOOL", "NULL"))


def install() -> None:
    """Look for each field under its own name first."""
    from moto.core.serialize import BaseJSONSerializer, ResponseSerializer

    serializer: Any = BaseJSONSerializer
    original, whole = ResponseSerializer.get_value, serializer._serialize_type_structure
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        if type(value) is dict and not self._value_picker.response_transformers and key in value:
            return value[key]
        return original(self, value, key, shape)

    def structure(self: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and key and (attribute := _to_json(value)):
            serialized[shape.serialization.get("name", key)] = attribute
        else:
            whole(self, serialized, value, shape, key)

    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]
    serializer._serialize_type_structure = structure


def _to_json(value: Any) -> dict[str, Any] | None:
    """Return the value as JSON; None if moto has to convert it first."""
    if type(value) is dict:
        if len(value) != 1:
            return None
        ((kind, held),) = value.items()
    else:
        kind, held = value.type, value.value
    if kind in _PLAIN_TYPES:
        return {kind: held}
    if kind == "L":
        parts = [_to_json(each) for each in held]
        return None if None in parts else {kind: parts}
    if kind == "M":
        named = {name: _to_json(each) for name, each in held.items()}
        return None if None in named.values() else {kind: named}
    return None
