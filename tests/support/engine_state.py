"""The world every test begins in, made once and put back for each, on either engine."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from infra import demo
from tests.support.embedded_engine import Embedded, Key, Send
from tests.support.external_engine import Beside


class World(Protocol):
    """All rows and messages there were at one moment."""

    def put_back(self) -> None:
        """Make everything as it was then."""


class Engine(Protocol):
    """What tests need of an engine besides what the SDK asks of it."""

    @property
    def is_quick(self) -> bool: ...
    def empty(self) -> None: ...
    def reset(self) -> None: ...
    def taken(self) -> World: ...
    def rows(self) -> Iterator[tuple[Key, Iterable[tuple[str, Any]]]]: ...
    def messages(self) -> list[tuple[str, str]]: ...
    def look_again(self) -> None: ...
    def sender(self) -> Send: ...


_engine: Engine = Embedded()
_organised: tuple[dict[str, Any], World] | None = None


def beside() -> None:
    """From now on the world is that of the engines which run beside the tests."""
    global _engine  # noqa: PLW0603 - chosen once, for all tests of this process
    _engine = Beside()


def engine() -> Engine:
    """The engine of this run."""
    return _engine


def taken() -> World:
    """The world as it is now. What happens from now on does not change it."""
    return _engine.taken()


def empty() -> None:
    """Our tables and queues, with nothing in them."""
    _engine.empty()


def organised() -> dict[str, Any]:
    """The demo organisation; what its demo file says. The same one, as new, at every call."""
    global _organised  # noqa: PLW0603 - made by the first test that needs it
    if _organised is None:
        empty()
        _organised = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})), taken()
    made, as_new = _organised
    _engine.reset()
    as_new.put_back()
    return copy.deepcopy(made)
