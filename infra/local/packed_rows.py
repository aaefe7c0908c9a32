"""Rows of moto's tables, packed: their names are shared by all rows of one shape, and their values are plain.

moto holds every value of a row as an object with a dictionary of its own. A packed row takes a third of that memory.
It is read through a mapping that makes moto's objects for the values that are asked for. When moto itself reads
`attrs` for a request that may write, the row becomes an ordinary one, because moto may change it in place.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

_SHAPES = 4096
# Values that many rows share, such as the ids of people, are held once.
_SHARED, _LONGEST_SHARED = 8192, 64
_SETS = {"SS", "NS", "BS"}

_keeps_unpacked = [True]


def keep_unpacked(keeps: bool) -> None:  # noqa: FBT001 - the only argument
    """Say whether rows that moto reads from now on become ordinary ones. It is called under the engine's lock."""
    _keeps_unpacked[0] = keeps


class Shape(NamedTuple):
    """The names of a row's attributes in order, their types, and where each is."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    positions: dict[str, int]


@lru_cache(maxsize=_SHAPES)
def _shape(names: tuple[str, ...], kinds: tuple[str, ...]) -> Shape:
    return Shape(names, kinds, {name: at for at, name in enumerate(names)})


@lru_cache(maxsize=_SHARED)
def _share(text: str) -> str:
    return text


class PackedAttributes(Mapping[str, DynamoType]):
    """The attributes of a packed row. Values are made when they are read, so a change to one changes no row."""

    __slots__ = ("_shape", "_values")

    def __init__(self, shape: Shape, values: tuple[Any, ...]) -> None:
        self._shape, self._values = shape, values

    def __getitem__(self, name: str) -> DynamoType:
        at = self._shape.positions[name]
        return _unpack(self._shape.kinds[at], self._values[at])

    def get(self, name: str, default: Any = None) -> Any:
        at = self._shape.positions.get(name)
        return default if at is None else _unpack(self._shape.kinds[at], self._values[at])

    def __contains__(self, name: object) -> bool:
        return name in self._shape.positions

    def __iter__(self) -> Iterator[str]:
        return iter(self._shape.names)

    def __len__(self) -> int:
        return len(self._values)


class PackedRow(Item):
    """A row as moto knows it, packed until moto may change it. `weight` is the size of its names and values."""

    __slots__ = ("hash_key", "range_key", "shape", "values", "weight")
    shape: Shape | None
    values: tuple[Any, ...]
    weight: int

    @property
    def attrs(self) -> Any:
        if self.shape is None:
            return self.__dict__["attrs"]
        made = dict.__new__(LimitedSizeDict)
        dict.update(made, PackedAttributes(self.shape, self.values))
        if _keeps_unpacked[0]:
            self.attrs = made
        return made

    @attrs.setter
    def attrs(self, attributes: Any) -> None:
        self.__dict__["attrs"] = attributes
        self.shape, self.values = None, ()


def pack(hash_key: DynamoType, range_key: DynamoType | None, attributes: Mapping[str, DynamoType]) -> PackedRow:
    """Return a row with these attributes."""
    row = object.__new__(PackedRow)
    row.hash_key, row.range_key = hash_key, range_key
    kinds = tuple([value.type for value in attributes.values()])
    row.shape = _shape(tuple(attributes), kinds)
    row.values = tuple([_pack(value.type, value.value) for value in attributes.values()])
    row.weight = row_size(attributes)
    return row


def copy(row: PackedRow) -> PackedRow:
    """Return another row with the same attributes. Of a row that moto has read, the attributes are the same objects."""
    copied = object.__new__(PackedRow)
    copied.hash_key, copied.range_key = row.hash_key, row.range_key
    copied.shape, copied.values, copied.weight = row.shape, row.values, row.weight
    if row.shape is None:
        copied.__dict__["attrs"] = row.attrs
    return copied


def is_packed(row: Item) -> bool:
    """Whether the row is packed."""
    return type(row) is PackedRow and row.shape is not None


def attributes_of(row: Item) -> Mapping[str, DynamoType]:
    """Return the attributes of any row, and leave a packed one as it is."""
    if type(row) is PackedRow and (shape := row.shape) is not None:
        return PackedAttributes(shape, row.values)
    held: Mapping[str, DynamoType] = row.attrs
    return held


def size_of(row: Item) -> int:
    """Return the size of any row, in bytes."""
    return row.weight if type(row) is PackedRow and row.shape is not None else row_size(row.attrs)


def row_size(attributes: Mapping[str, DynamoType]) -> int:
    """Return the size of these attributes, in bytes."""
    return sum(len(name.encode()) + _value_size(value) for name, value in attributes.items())


def _value_size(value: DynamoType) -> int:
    return len(value.value.encode()) if value.type == "S" else value.size()


def _pack(kind: str, value: Any) -> Any:
    if kind in ("S", "N"):
        return _share(value) if len(value) <= _LONGEST_SHARED else value
    if kind == "L":
        return tuple([(each.type, _pack(each.type, each.value)) for each in value])
    if kind == "M":
        return tuple([(name, each.type, _pack(each.type, each.value)) for name, each in value.items()])
    return tuple(value) if kind in _SETS else value


def _unpack(kind: str, packed: Any) -> DynamoType:
    # Without the constructor, which would convert every part once more.
    made = object.__new__(DynamoType)
    made.type = kind
    if kind == "L":
        made.value = [_unpack(*each) for each in packed]
    elif kind == "M":
        made.value = {name: _unpack(of, value) for name, of, value in packed}
    else:
        made.value = list(packed) if kind in _SETS else packed
    return made
