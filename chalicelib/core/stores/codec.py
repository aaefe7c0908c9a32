"""Conversion between frozen dataclasses and rows: one codec per class.

The field `created_at` is stored as the attribute `createdAt`. Enums are stored by value, frozensets as sorted lists,
nested dataclasses as maps, None as null. Reading a row restores whole numbers, enums, tuples, frozensets and nested
dataclasses by the fields' annotations. An attribute that the row lacks becomes the field's default.

A codec inspects its class on first use, so an unused codec costs nothing at cold start.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from operator import attrgetter, itemgetter
from types import UnionType
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from chalicelib.core.stores.items import Row

M = TypeVar("M")
Convert = Callable[[Any], Any]


class Column(NamedTuple):
    """How a field is stored differently: its attribute's name, and the conversions of its value."""

    name: str | None = None
    to_row: Convert | None = None
    from_row: Convert | None = None


class _Plan(NamedTuple):
    names: tuple[str, ...]
    attributes: tuple[str, ...]
    read_fields: Convert
    read_attributes: Convert
    to_row: Sequence[tuple[str, Convert]]
    from_row: Sequence[tuple[str, Convert]]


class Codec(Generic[M]):
    """Converts models of a dataclass with at least two fields to rows and back.

    `columns` has the fields that are stored differently: the attribute's name, a `Column`, or the codec of nested
    models. Fields in `without` have no attribute, such as those in the row's key; `from_row` takes them as arguments.
    """

    def __init__(
        self,
        model: type[M],
        columns: "Mapping[str, str | Column | Codec[Any]] | None" = None,
        *,
        without: Collection[str] = (),
    ) -> None:
        self._model, self._columns, self._without = model, columns or {}, without

    def to_row(self, model: M) -> Row:
        """Convert a model to its attributes; the caller adds keys and other attributes."""
        plan = self._plan
        row = dict(zip(plan.attributes, plan.read_fields(model), strict=True))
        for name, convert in plan.to_row:
            if (value := row[name]) is not None:
                row[name] = convert(value)
        return row

    def from_row(self, row: Mapping[str, Any], **given: Any) -> M:
        """Convert a row to the model; `given` has the fields without an attribute.

        Raises:
            TypeError: the row lacks an attribute whose field has no default.
        """
        plan = self._plan
        try:
            found = dict(zip(plan.names, plan.read_attributes(row), strict=True))
        except KeyError:
            pairs = zip(plan.names, plan.attributes, strict=True)
            found = {name: row[attribute] for name, attribute in pairs if attribute in row}
        for name, convert in plan.from_row:
            if (value := found.get(name)) is not None:
                found[name] = convert(value)
        return self._model(**found, **given)

    @cached_property
    def _plan(self) -> _Plan:
        hints = get_type_hints(self._model)
        columns: dict[str, Column] = {}
        for field in fields(self._model):  # type: ignore[arg-type]
            if field.name not in self._without:
                given = self._columns.get(field.name, Column())
                column = given if isinstance(given, Column) else Column(given if isinstance(given, str) else None)
                nested = given if isinstance(given, Codec) else None
                to_row, from_row = _converters(hints[field.name], nested)
                columns[field.name] = Column(
                    column.name or _camel(field.name), column.to_row or to_row, column.from_row or from_row
                )
        attributes = tuple(str(each.name) for each in columns.values())
        return _Plan(
            names=tuple(columns),
            attributes=attributes,
            read_fields=attrgetter(*columns),
            read_attributes=itemgetter(*attributes),
            to_row=[(str(each.name), each.to_row) for each in columns.values() if each.to_row],
            from_row=[(name, each.from_row) for name, each in columns.items() if each.from_row],
        )


def _converters(annotation: Any, nested: Codec[Any] | None) -> tuple[Convert | None, Convert | None]:
    """Return the conversions of values of this type to a row and back; None where nothing changes.

    `nested` replaces the usual codec of a dataclass in it.
    """
    if get_origin(annotation) is UnionType:
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None, None
    if is_dataclass(kind):
        codec = nested or Codec(kind)
        return codec.to_row, codec.from_row
    if issubclass(kind, Enum):
        return attrgetter("value"), kind
    if kind is int:
        return None, int
    if kind is frozenset:
        return sorted, frozenset
    if kind in (tuple, list, Sequence):
        to_row, from_row = _converters(get_args(annotation)[0], nested)
        return _each(list, to_row), _each(tuple if kind is tuple else list, from_row)
    return None, None


def _each(collect: Convert, convert: Convert | None) -> Convert:
    return collect if convert is None else lambda found: collect(map(convert, found))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
