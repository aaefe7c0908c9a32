"""Long lists of one person's rows: ordered, with offsets and exact totals, without scans.

A list's rows share the partition key. The row sk = COUNTS has the number of rows of each combination of facets (such
as status and priority). It changes in the same transaction as the rows it counts, and its `version` grows with every
change. A local index holds the rows' keys in the list's order, so the cost of a page grows with offset + limit, never
with the list. Only the rows of the page are read whole.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import merge
from itertools import islice

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, query
from chalicelib.parallel import gather
from chalicelib.resources import Table

Facets = tuple[str, ...]

COUNTS = "COUNTS"
_SEPARATOR = "|"


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


def sort_keys(
    table: Table,
    index: str,
    pk: str,
    prefixes: Sequence[str],
    *,
    offset: int,
    limit: int,
    order: Callable[[str], str] = lambda key: key,
) -> list[str]:
    """List the sort keys of one page of the rows whose key in the local `index` has one of the prefixes, in order.

    The index's sort key is called `<index>Key`; `order` maps it to the value by which rows of different prefixes are
    ordered. Store calls in sequence: 1; one more for each few thousand rows of offset.
    """
    reads = [partial(_read, table, index, pk, prefix, offset + limit) for prefix in prefixes]
    found = gather(*reads) if len(reads) > 1 else [read() for read in reads]
    rows = merge(*found, key=lambda row: order(row[f"{index}Key"]))
    return [row["sk"] for row in islice(rows, offset, offset + limit)]


def in_order(table: Table, pk: str, sks: Sequence[str]) -> list[Row]:
    """Read the rows with these sort keys that still exist, in this order, consistently. One store call per hundred."""
    rows = {row["sk"]: row for row in get_all(table, [{"pk": pk, "sk": sk} for sk in sks])} if sks else {}
    return [rows[sk] for sk in sks if sk in rows]


def _matching(counts: Row, wanted: Sequence[str | None]) -> Iterator[tuple[Facets, int]]:
    found = ((tuple(name.split(_SEPARATOR)), int(number)) for name, number in counts.items() if _SEPARATOR in name)
    for facets, number in found:
        if all(want in (None, facet) for want, facet in zip(wanted, facets, strict=True)):
            yield facets, number


def _read(table: Table, index: str, pk: str, prefix: str, count: int) -> list[Row]:
    condition, named = "pk = :pk", {"pk": pk}
    if prefix:
        condition, named = f"pk = :pk AND begins_with({index}Key, :prefix)", {"pk": pk, "prefix": prefix}
    rows = query(
        table,
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values(**named),
        ConsistentRead=True,
        Limit=count,
    )
    return list(islice(rows, count))
