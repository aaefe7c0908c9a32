"""moto's replies about rows, serialised without a search for each value's name.

moto looks for every member of a reply under several spellings. DynamoDB's replies are plain dictionaries that have
them under their own names, and of the ten members that an attribute's value may have, nine are not there.
"""

from functools import wraps
from typing import Any

# Of these the value is in the reply what it is in the row.
_PLAIN_TYPES = frozenset(("S", "N", "SS", "NS", "BOOL", "NULL"))


def install() -> None:
    """Let moto look where the values are."""
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
    """The value as JSON; None of what moto has to turn into text first."""
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
