"""What the engine holds, as a whole: to be compared, with itself later or with another run's."""

import re
from collections.abc import Iterable

from chalicelib.resources import PEERS, TOKENS, Table
from tests.support import engine_state

# What authenticating alone changes in a token's row.
_SPENT = frozenset(("minute", "minuteUsed", "day", "dayLeft", "useCount", "lastUsedAt", "lastRefund"))

Rows = dict[tuple[str, str, str], str]


def read_rows(*wanted: Table, besides: Iterable[Table] = ()) -> Rows:
    """The rows of the `wanted` tables, by default all `besides` these, by table and key; without tokens' counters."""
    only, left_out = {each.physical_name for each in wanted}, {each.physical_name for each in besides}
    found: Rows = {}
    for key, attributes in engine_state.engine().rows():
        name = key[0]
        if name not in left_out and (name in only or not only):
            spent = _SPENT if name in {TOKENS.physical_name, PEERS.physical_name} else frozenset[str]()
            found[key] = repr(sorted(each for each in attributes if each[0] not in spent))
    return found


def list_messages() -> list[tuple[str, str]]:
    """Every message that waits in a queue, with the queue's name."""
    return engine_state.engine().messages()


_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9A-HJKMNP-TV-Z]{26}"
    r"|req_[\w-]{20}|dvd_[\w-]{8,60}|n0nce-\d{6}|[A-Za-z0-9+/]{40,}={0,2}"
)


# A version may be skipped, as by a change that is made anew over its own first try.
_VERSION = re.compile(r"\('version', '\d+'\)")


def normalize_row(row: str, known: str) -> str:
    """A row without its version, and without the ids it was given at random: all that `known` does not hold."""
    return _RANDOM.sub(lambda match: match[0] if match[0] in known else "<id>", _VERSION.sub("", row))
