"""The page about partition keys that many share."""

from infra.docs.markdown import code, page, table
from infra.shared_keys import SHARED_KEYS, UNITS_A_SECOND

_INTRODUCTION = f"""\
DynamoDB writes {UNITS_A_SECOND:,} units a second to one partition key, however large the table is. Most keys belong to
one row, person, token or connection. These are the others: who shares them, what writes to them, and how many such
writes in a second they bear together. Above that, the calls that write there are refused with 503 and `Retry-After`,
workers try again, and other calls are not affected: nothing that publishing writes has a key that all integrators
share."""
_OTHERS = """\
Of the keys of one person, the log of frames bears a thousand frames a second for each person. Of the keys of one
token, its row bears a thousand requests a second, which is far above its budget per minute."""


def render() -> str:
    """Return the page."""
    rows = (
        (
            code(each.table.name),
            code(each.index),
            code(each.pattern),
            each.shared_by,
            each.written_when,
            str(each.partitions),
            f"{each.writes_a_second:,}",
        )
        for each in SHARED_KEYS
    )
    headers = ("Table", "Index", "Key", "Shared by", "Written when", "Partitions", "Writes a second")
    return page("Shared keys", _INTRODUCTION, table(headers, rows), _OTHERS)
