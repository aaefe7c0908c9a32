"""The world every test begins in, made once and put back for each."""

import copy
from collections import defaultdict
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import LimitedSizeDict
from moto.sqs.models import sqs_backends

from infra import demo
from infra.local import engine
from infra.queues import create_queues
from infra.tables import create_tables
from tests.support.beside import Beside

_WITH_PARTS = frozenset(("L", "M", "SS", "NS", "BS"))

_kept: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None = None
_beside: Beside | None = None


def beside() -> None:
    """From now on the world is that of the engines which run beside the tests."""
    global _beside  # noqa: PLW0603 - chosen once, for all tests of this process
    _beside = Beside()


def empty() -> None:
    """Our tables and queues, with nothing in them."""
    if _beside:
        _beside.empty()
        return
    engine.reset()
    create_tables()
    create_queues()


def organised() -> dict[str, Any]:
    """The demo organisation; what its demo file says. The same one, as new, at every call."""
    global _kept  # noqa: PLW0603 - made by the first test that needs it
    if _beside:
        return _beside.organised()
    if _kept is None:
        empty()
        made = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {}))
        tables = dynamodb_backends[engine.ACCOUNT][engine.REGION].tables
        _kept = made, tables, sqs_backends[engine.ACCOUNT][engine.REGION].queues
    made, tables, queues = _kept
    engine.reset()
    dynamodb_backends[engine.ACCOUNT][engine.REGION].tables = {name: _table(each) for name, each in tables.items()}
    for queue in queues.values():
        queue._messages, queue._pending_messages, queue.deleted_messages = [], set(), set()
    sqs_backends[engine.ACCOUNT][engine.REGION].queues = dict(queues)
    return copy.deepcopy(made)


# By hand, and much faster than by pickle: every test begins with it.


def _table(table: Any) -> Any:
    taken = copy.copy(table)
    if table.has_range_key:
        rows = {part: {at: _item(row) for at, row in each.items()} for part, each in table.items.items()}
    else:
        rows = {part: _item(row) for part, row in table.items.items()}
    taken.items = defaultdict(dict, rows)
    return taken


def _item(item: Any) -> Any:
    taken = object.__new__(type(item))
    attributes = dict.__new__(LimitedSizeDict)
    dict.update(attributes, item.attrs)
    for name, value in item.attrs.items():
        # Only what has parts is ever changed in its place.
        if value.type in _WITH_PARTS:
            dict.__setitem__(attributes, name, copy.deepcopy(value))
    taken.__dict__ = item.__dict__ | {"attrs": attributes}
    return taken
