"""The world every test begins in, made once and put back for each."""

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Self

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import LimitedSizeDict
from moto.dynamodb.models.table import Table
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
    # The tables as this world put them back last; those that nobody has written to since serve again.
    _placed: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def taken(cls) -> Self:
        """As it is now. What happens from now on does not change it."""
        queues = _queues().queues
        messages = {name: [copy.copy(each) for each in queue._messages] for name, queue in queues.items()}
        return cls({name: _table(each) for name, each in _tables().tables.items()}, dict(queues), messages)

    def put_back(self) -> None:
        """Make everything as it was then."""
        for name, table in self.tables.items():
            if name not in self._placed or self._placed[name].is_written:
                self._placed[name] = _table(table)
        _tables().tables = dict(self._placed)
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


def _marking(write: Callable[..., Any], table_of: Callable[[Any, tuple[Any, ...]], Any]) -> Callable[..., Any]:
    @wraps(write)
    def marked(where: Any, *given: Any, **named: Any) -> Any:
        table_of(where, given).is_written = True
        return write(where, *given, **named)

    return marked


def _mark_written_tables() -> None:
    held: Any = Table
    for name in ("put_item", "delete_item"):
        setattr(held, name, _marking(getattr(held, name), lambda table, _: table))
    backend: Any = DynamoDBBackend
    backend.update_item = _marking(backend.update_item, lambda tables, given: tables.get_table(given[0]))


_mark_written_tables()

# By hand, and much faster than by pickle: every test begins with it.


def _table(table: Any) -> Any:
    taken = copy.copy(table)
    if table.has_range_key:
        rows = {part: {at: _item(row) for at, row in each.items()} for part, each in table.items.items()}
    else:
        rows = {part: _item(row) for part, row in table.items.items()}
    taken.items, taken.is_written = defaultdict(dict, rows), False
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
