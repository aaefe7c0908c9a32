"""Tell which partitions of tables and indexes a block of code has written, and how many write units each took."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from infra.tables import DEFINITIONS, Definition
from tests.support import engine_state

_DEFINITIONS = {each.table.physical_name: each for each in DEFINITIONS}
# What names one row, one person, or one credential.
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-?[0-9a-f]{0,12}|[0-9a-f]{32,64}|[0-9A-HJKMNP-TV-Z]{26}"
    r"|[\w.-]+@[\w.-]+|https?://\S+"
)
_UNIT = 1024


@dataclass(frozen=True, order=True)
class Partition:
    """A partition of a table, or of one of its indexes: names as in `chalicelib.resources`."""

    table: str
    index: str
    key: str

    @property
    def is_shared(self) -> bool:
        """Tell whether its key names no row, person, credential or address."""
        return not _OWN.search(self.key)


@dataclass
class Written:
    """Write units of each partition."""

    units: Counter[Partition] = field(default_factory=Counter)


@contextmanager
def record_written_partitions() -> Iterator[Written]:
    """Compare the rows before the block with those after it. A row that was written twice counts once."""
    before, written = _read(), Written()
    yield written
    after = _read()
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old != new:
            definition = _DEFINITIONS[key[0]]
            name = definition.table.name
            written.units[Partition(name, "", key[1])] += max(_units(old), _units(new))
            for index, partition, units in _index_writes(definition, old or {}, new or {}):
                written.units[Partition(name, index, partition)] += units


def _read() -> dict[tuple[str, str, str], dict[str, Any]]:
    return {key: dict(attributes) for key, attributes in engine_state.engine().rows()}


def _index_writes(definition: Definition, old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield an index write where an entry is added, changed or removed; a new key is a removal and an addition."""
    for index in definition.indexes:
        if index.is_local:
            continue
        names = {index.partition_key, index.sort_key, *index.included, "pk", definition.sort_key or "pk"}
        entries = [
            {name: row[name] for name in sorted(names & row.keys())}
            for row in (old, new)
            if index.partition_key in row and index.sort_key in row
        ]
        if len(entries) == 2 and entries[0] == entries[1]:
            continue
        keys = {(each[index.partition_key], each[index.sort_key]) for each in entries}
        for entry in entries if len(keys) == 2 else entries[-1:]:
            yield index.name, str(entry[index.partition_key]), _units(entry)


def _units(row: dict[str, Any] | None) -> int:
    """Return the write units of a row, near enough: names and values as text."""
    size = sum(len(name) + len(str(value).encode()) for name, value in (row or {}).items())
    return -(-size // _UNIT)
