"""All rows of the desk, table by table, as an erasure looks at them."""

from collections import Counter
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.stores.actions import delete
from chalicelib.core.stores.items import Row, from_item, to_item
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import try_commit
from chalicelib.personal_data.domain.erasures import Key, Page, Place
from chalicelib.personal_data.stores.registry import KINDS, TABLES
from chalicelib.personal_data.stores.row_kinds import Disposition, RowKind, find_kind, key_of_row
from chalicelib.personal_data.stores.rules import RULES, Eraser, Need, redact_row, replace_row
from chalicelib.resources import Table

# What one page looks at. Their keys, of three kilobytes at most, stand in the erasure's row.
_ROWS = 1_000
_MOST_PLANNED = 100


class DynamoPersonalRows:
    """Finds and erases the rows of one person."""

    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser

    def find_page(self, place: Place) -> Page:
        """Look at the next rows, and return those that the erasure has to do with. One store call.

        A connection that is being removed takes 1 more, or 2, and so does each row that leads to one.
        """
        table = TABLES[place.table]
        after: Any = {"ExclusiveStartKey": to_item(dict(place.after))} if place.after else {}
        page = dynamodb().scan(TableName=table.physical_name, ConsistentRead=True, Limit=_ROWS, **after)
        keys: list[Key] = []
        counts: Counter[str] = Counter()
        waits = 0
        for row in (from_item(dict(item)) for item in page["Items"]):
            kind = kind_of(table, row)
            need = self._need_of(kind, row)
            waits += need is Need.WAIT
            if need in (Need.REMOVAL, Need.REDACTION):
                keys.append(key_of_row(row))
                counts[kind.counted_as if need is Need.REMOVAL else f"{kind.data} (pseudonymised)"] += 1
            if len(keys) == _MOST_PLANNED:
                return Page(keys, counts, waits, Place(place.table, key_of_row(row)))
        if last := page.get("LastEvaluatedKey"):
            return Page(keys, counts, waits, Place(place.table, key_of_row(from_item(dict(last)))))
        following = Place(place.table + 1) if place.table + 1 < len(TABLES) else None
        return Page(keys, counts, waits, following)

    def erase(self, table: int, key: Key) -> None:
        """Erase a row, or what names the person in it; a row that is gone takes 1 store call.

        Store calls: 2; for a row on which others hang, 1 more for each 25 of them, and 1 for each time it changes
        meanwhile.
        """
        attempts = Attempts("Too many calls change a row that is to be erased.")
        while attempts.again():
            rows = get_all(TABLES[table], [dict(key)], with_ended=True)
            if not rows or self._is_erased(TABLES[table], rows[0]):
                return

    def _is_erased(self, table: Table, row: Row) -> bool:
        kind = kind_of(table, row)
        need = self._need_of(kind, row)
        if need in (Need.NOTHING, Need.WAIT):
            return True
        if kind.disposition is Disposition.BY_ITS_OWN_RULE:
            return RULES[kind.key].apply(kind, row, self._eraser)
        if need is Need.REMOVAL:
            return try_commit([delete(table, key_of_row(row))])
        return replace_row(kind, row, redact_row(kind, row, self._eraser))

    def _need_of(self, kind: RowKind, row: Row) -> Need:
        if kind.disposition is Disposition.BY_ITS_OWN_RULE:
            return RULES[kind.key].need_of(kind, row, self._eraser)
        if self._eraser.owns(kind, row):
            return Need.NOTHING if kind.disposition is Disposition.WITH_THE_ACCOUNT else Need.REMOVAL
        if kind.disposition is Disposition.WITH_THE_ACCOUNT and kind.data == "erasures":
            return Need.NOTHING
        return Need.NOTHING if redact_row(kind, row, self._eraser) == row else Need.REDACTION


def kind_of(table: Table, row: Row) -> RowKind:
    """Return the kind of a row. One that nobody has declared is its owner's if its key or `userId` says so."""
    if kind := find_kind(KINDS, table, row):
        return kind
    beginning = "USER#{user}" if row["pk"].startswith("USER#") else "{user}"
    key = f"{beginning} / *" if "sk" in row else beginning
    return RowKind(table, key, "rows of other kinds", owner="userId", why_not="Nobody has said what it is.")
