"""What the engine holds, as a whole: to be compared, with itself later or with another run's."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from chalicelib.resources import PEERS, TOKENS, Table
from infra.local import engine

# What authenticating alone changes in a token's row.
_SPENT = frozenset(("minute", "minuteUsed", "day", "dayLeft", "useCount", "lastUsedAt", "lastRefund"))

Rows = dict[tuple[str, str, str], str]


def rows(*wanted: Table, besides: Iterable[Table] = ()) -> Rows:
    """The rows of the `wanted` tables, by default all `besides` these, by table and key; without tokens' counters."""
    only, left_out = {each.physical_name for each in wanted}, {each.physical_name for each in besides}
    tables = dynamodb_backends[engine.ACCOUNT][engine.REGION].tables
    found: Rows = {}
    for name, table in tables.items():
        if name not in left_out and (name in only or not only):
            spent = _SPENT if name in {TOKENS.physical_name, PEERS.physical_name} else frozenset[str]()
            # Not in order, as its own list is, which costs more than all the rest.
            for item in _items(table):
                shown = sorted((each, _plain(value)) for each, value in item.attrs.items() if each not in spent)
                range_key = item.range_key.value if item.range_key else ""
                found[name, item.hash_key.value, range_key] = repr(shown)
    return found


def _items(table: Any) -> Iterator[Any]:
    for held in table.items.values():
        yield from held.values() if table.has_range_key else (held,)


def messages() -> list[tuple[str, str]]:
    """Every message that waits in a queue, with the queue's name."""
    queues = sqs_backends[engine.ACCOUNT][engine.REGION].queues
    return sorted((name, each.body) for name, queue in queues.items() for each in queue._messages)


def _plain(held: Any) -> Any:
    match held.type:
        case "M":
            return sorted((name, _plain(value)) for name, value in held.value.items())
        case "L":
            return [_plain(value) for value in held.value]
        case "SS" | "NS":
            return sorted(held.value)
    return held.value


_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9A-HJKMNP-TV-Z]{26}"
    r"|req_[\w-]{20}|dvd_[\w-]{8,60}|n0nce-\d{6}|[A-Za-z0-9+/]{40,}={0,2}"
)


# A version may be skipped, as by a change that is made anew over its own first try.
_VERSION = re.compile(r"\('version', '\d+'\)")


def plain(row: str, known: str) -> str:
    """A row without its version, and without the ids it was given at random: all that `known` does not hold."""
    return _RANDOM.sub(lambda match: match[0] if match[0] in known else "<id>", _VERSION.sub("", row))
