"""The arguments of tools: models fill in every optional member, with null or an empty text for what they leave out."""

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chalicelib.core.domain.fields import is_omittable

# Methods that change some members of something, where null clears a member.
_CHANGING = ("PATCH", "PUT")


def member_names(model: Any) -> list[str]:
    """Return the names of a model's members on the wire; none if it is no model."""
    return list(_members(model))


def without_nulls(model: Any, given: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Return the arguments without those that are null, at any depth. A null that clears a member stays."""
    members, kept = _members(model), dict[str, Any]()
    for name, value in given.items():
        field = members.get(name)
        if field is None or value is not None:
            kept[name] = _clean(field.annotation, value, method) if field else value
        elif _takes_null(field) and (field.is_required() or method in _CHANGING):
            kept[name] = None
    return kept


def _clean(hint: Any, value: Any, method: str) -> Any:
    if isinstance(value, list):
        return [_clean(hint, each, method) for each in value]
    if isinstance(value, dict):
        # Members of an object that no model describes are the caller's own.
        for model in _models(hint):
            value = without_nulls(model, value, method)
    return value


def _models(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for arm in get_args(hint):
        yield from _models(arm)


def _members(model: Any) -> dict[str, FieldInfo]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _takes_null(field: FieldInfo) -> bool:
    return NoneType in get_args(field.annotation) and not is_omittable(field.metadata)
