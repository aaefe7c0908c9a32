"""Read all rows and messages of the engine, in a form that can be compared between runs."""

import ast
import re
from collections.abc import Iterable

from chalicelib.resources import PEERS, TOKENS, Table
from tests.support import engine_state

# Attributes of a token's row that every request changes.
_SPENT = frozenset(
    ("minute", "minuteUsed", "minuteLeft", "day", "dayLeft", "useCount", "lastUsedAt", "lastUsedFrom", "lastRefund")
)

# Rows that count what failed (see core/stores/guesses), what a person's keys have drawn, and what strangers asked.
_COUNTERS = ("GUESSES#", "MINUTE#", "SHARE#")

Rows = dict[tuple[str, str, str], str]


def read_rows(*wanted: Table, besides: Iterable[Table] = ()) -> Rows:
    """Return the rows of the `wanted` tables (by default all) except `besides`, without counters of tokens."""
    only, left_out = {each.physical_name for each in wanted}, {each.physical_name for each in besides}
    found: Rows = {}
    for key, attributes in engine_state.engine().rows():
        name = key[0]
        is_counter = key[1].startswith(_COUNTERS)
        if name not in left_out and (name in only or not only) and not is_counter:
            spent = _SPENT if name in {TOKENS.physical_name, PEERS.physical_name} else frozenset[str]()
            found[key] = repr(sorted(each for each in attributes if each[0] not in spent))
    return found


def list_messages() -> list[tuple[str, str]]:
    """Return every message with the name of its queue."""
    return engine_state.engine().messages()


_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|\b[0-9a-f]{32}\b|[0-9A-HJKMNP-TV-Z]{26}"
    r"|req_[\w-]{20}|dvd_[\w-]{8,60}|n0nce-\d{6}|[A-Za-z0-9+/]{40,}={0,2}"
)


_LIST = re.compile(r"\['[^'\]]*'(?:, '[^'\]]*')+\]")

# A retried change can skip a version.
_VERSION = re.compile(r"\('version', '\d+'\)")


def normalize_row(row: str, known: str) -> str:
    """Return a row without its version, and with a placeholder for each random id that is not in `known`.

    The ids of a set are sorted again, since placeholders stand where the random ids did.
    """
    plain = _RANDOM.sub(lambda match: match[0] if match[0] in known else "<id>", _VERSION.sub("", row))
    return _LIST.sub(lambda match: repr(sorted(ast.literal_eval(match[0]))), plain)
