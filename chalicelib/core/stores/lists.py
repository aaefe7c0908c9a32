"""Long lists of one person's rows: ordered, with offsets and exact totals, without scans.

A list's rows share the partition key. The row sk = COUNTS has the number of rows of each combination of facets (such
as status and priority). It changes in the same transaction as the rows it counts, and its `version` grows with every
change. A local index holds the rows' keys in the list's order, so the cost of a page never grows with the list: by
cursor it grows with the limit, otherwise with offset + limit. Only the rows of the page are read whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice

from chalicelib.core.domain.pages import Listed, RowT, Start
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, query
from chalicelib.parallel import gather
from chalicelib.resources import Table

Facets = tuple[str, ...]

COUNTS = "COUNTS"
_SEPARATOR = "|"
# No key continues a prefix with a character above this.
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Keys:
    """The sort keys of a page with their positions in the list, and the position that the next page starts after."""

    places: Sequence[tuple[str, str]] = ()
    end: str | None = None


def count_action(
    table: Table,
    pk: str,
    *,
    added: Sequence[Facets] = (),
    taken: Sequence[Facets] = (),
    seen: int | None = None,
    unless: Row | None = None,
    tallies: Sequence[tuple[str, int]] = (),
    sets: Row | None = None,
) -> Action:
    """Return the action that counts rows with these facets as added and removed.

    With `seen` it requires that the counts row still has this version; 0 stands for a row that does not exist. With
    `unless` it requires that none of these attributes has this value. `tallies` are changes of counters of other
    names. `sets` are other attributes of the counts row to set.
    """
    changes: dict[str, int] = {}
    named_changes = [*((each, 1) for each in added), *((each, -1) for each in taken)]
    for name, change in [*((_SEPARATOR.join(each), change) for each, change in named_changes), *tallies]:
        changes[name] = changes.get(name, 0) + change
    counts = [(name, change) for name, change in changes.items() if change]
    names = {f"c{number}": name for number, (name, _) in enumerate(counts)}
    named: Row = {f"c{number}": change for number, (_, change) in enumerate(counts)}
    expression = "ADD " + ", ".join(["#version :one", *(f"#{each} :{each}" for each in names)])
    if sets:
        expression += f" SET {assignments(sets)}"
        named |= sets
    conditions = []
    if seen is not None:
        conditions.append("#version = :seen" if seen else "attribute_not_exists(#version)")
        named |= {"seen": seen} if seen else {}
    for attribute, value in (unless or {}).items():
        conditions.append(f"(attribute_not_exists(#{attribute}) OR #{attribute} <> :unless_{attribute})")
        named[f"unless_{attribute}"] = value
    condition = " AND ".join(conditions)
    return update(table, {"pk": pk, "sk": COUNTS}, expression, condition, names, one=1, **named)


def total(counts: Row, *wanted: str | None) -> int:
    """Return the number of rows with these facets, where None stands for any."""
    return sum(number for _, number in _matching(counts, wanted))


def combinations(counts: Row, *wanted: str | None) -> list[Facets]:
    """Return the existing combinations of facets that match these, where None stands for any."""
    return [facets for facets, number in _matching(counts, wanted) if number]


def find_counts(table: Table, pk: str) -> Row:
    """Read the counts row consistently; an empty one if nothing was counted yet. One store call."""
    key = {"pk": pk, "sk": COUNTS}
    return get(table, key) or key | {"version": 0}


def page_keys(
    table: Table,
    index: str,
    pk: str,
    prefixes: Sequence[str],
    *,
    start: Start,
    limit: int,
    interleaved: bool = False,
) -> Keys:
    """List the sort keys of one page of the rows whose key in the local `index` has one of the prefixes, in order.

    The order is that of the keys or, if `interleaved`, of what follows the prefixes. The index's sort key is called
    `<index>Key`. Store calls in sequence: 1; one more for each few thousand rows of an offset.
    """
    passed = 0 if start.after is not None else start.offset
    most = passed + limit + 1
    read = partial(_read, table, index, pk, count=most, after=start.after, interleaved=interleaved)
    reads = [partial(read, each) for each in prefixes]
    found = gather(*reads) if len(reads) > 1 else [read() for read in reads]
    places = list(islice(merge(*found), passed, most))
    return Keys([(sk, position) for position, sk in places[:limit]], places[limit - 1][0] if places[limit:] else None)


def first_sort_keys(table: Table, index: str, pk: str, prefix: str, *, limit: int) -> list[str]:
    """List the sort keys of the first rows whose key in the local `index` has the prefix. One store call."""
    return [sk for _, sk in _read(table, index, pk, prefix, limit)]


def list_rows(table: Table, pk: str, keys: Keys, total: int, to_entity: Callable[[Row], RowT | None]) -> Listed[RowT]:
    """Read the rows of a page that still exist, consistently. One store call per hundred."""
    positions = dict(keys.places)
    found = [(to_entity(row), positions[row["sk"]]) for row in in_order(table, pk, list(positions))]
    kept = [(each, position) for each, position in found if each is not None]
    return Listed([each for each, _ in kept], [position for _, position in kept], total, keys.end)


def in_order(table: Table, pk: str, sks: Sequence[str]) -> list[Row]:
    """Read the rows with these sort keys that still exist, in this order, consistently. One store call per hundred."""
    rows = {row["sk"]: row for row in get_all(table, [{"pk": pk, "sk": sk} for sk in sks])} if sks else {}
    return [rows[sk] for sk in sks if sk in rows]


def _matching(counts: Row, wanted: Sequence[str | None]) -> Iterator[tuple[Facets, int]]:
    found = ((tuple(name.split(_SEPARATOR)), int(number)) for name, number in counts.items() if _SEPARATOR in name)
    for facets, number in found:
        if all(want in (None, facet) for want, facet in zip(wanted, facets, strict=True)):
            yield facets, number


def _read(
    table: Table,
    index: str,
    pk: str,
    prefix: str,
    count: int,
    *,
    after: str | None = None,
    interleaved: bool = False,
) -> list[tuple[str, str]]:
    """Return the positions and sort keys of the first rows with the prefix, after the position."""
    name, named, condition = f"{index}Key", {"pk": pk}, "pk = :pk"
    if after is not None:
        low, high = prefix + after if interleaved else max(prefix, after), prefix + _LAST
        if not low or (prefix and low > high):
            return []
        # Without a prefix a key may begin with any character: that of a contact does with those of a name.
        condition += f" AND {name} BETWEEN :low AND :high" if prefix else f" AND {name} >= :low"
        named |= {"low": low, "high": high} if prefix else {"low": low}
        count += 1
    elif prefix:
        condition += f" AND begins_with({name}, :prefix)"
        named["prefix"] = prefix
    rows = query(
        table,
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values(**named),
        ConsistentRead=True,
        Limit=count,
    )
    cut = len(prefix) if interleaved else 0
    found = ((row[name][cut:], row["sk"]) for row in islice(rows, count))
    return [each for each in found if each[0] != after]
