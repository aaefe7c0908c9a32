"""The world every test begins in, made once and put back for each."""

import copy
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import LimitedSizeDict
from moto.sqs.models import sqs_backends

from infra import demo
from infra.local import engine
from infra.queues import create_queues
from infra.tables import create_tables
from tests.support.beside import Beside

_WITH_PARTS = frozenset(("L", "M", "SS", "NS", "BS"))

_beside: Beside | None = None
_organised: "tuple[dict[str, Any], World] | None" = None


@dataclass(frozen=True)
class World:
    """All rows and messages there were at one moment."""

    tables: dict[str, Any]
    queues: dict[str, Any]
    messages: dict[str, list[Any]]

    @classmethod
    def taken(cls) -> Self:
        """As it is now. What happens from now on does not change it."""
        queues = _queues().queues
        messages = {name: [copy.copy(each) for each in queue._messages] for name, queue in queues.items()}
        return cls({name: _table(each) for name, each in _tables().tables.items()}, dict(queues), messages)

    def put_back(self) -> None:
        """Make everything as it was then."""
        _tables().tables = {name: _table(each) for name, each in self.tables.items()}
        for name, queue in self.queues.items():
            queue._messages = [copy.copy(each) for each in self.messages[name]]
            queue._pending_messages, queue.deleted_messages = set(), set()
        _queues().queues = dict(self.queues)


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
    global _organised  # noqa: PLW0603 - made by the first test that needs it
    if _beside:
        return _beside.organised()
    if _organised is None:
        empty()
        _organised = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})), World.taken()
    made, as_new = _organised
    engine.reset()
    as_new.put_back()
    return copy.deepcopy(made)


def _tables() -> Any:
    return dynamodb_backends[engine.ACCOUNT][engine.REGION]


def _queues() -> Any:
    return sqs_backends[engine.ACCOUNT][engine.REGION]


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
