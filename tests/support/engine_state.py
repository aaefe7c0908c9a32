"""The world every test begins in, made once and put back for each, on either engine."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from infra import demo
from tests.support.embedded_engine import EmbeddedEngine, Key, Send
from tests.support.external_engine import ExternalEngine


class Snapshot(Protocol):
    """All rows and messages there were at one moment."""

    def restore(self) -> None:
        """Make everything as it was then."""


class Engine(Protocol):
    """What tests need of an engine besides what the SDK asks of it."""

    @property
    def is_fast(self) -> bool: ...
    def clear(self) -> None: ...
    def reset(self) -> None: ...
    def take_snapshot(self) -> Snapshot: ...
    def rows(self) -> Iterator[tuple[Key, Iterable[tuple[str, Any]]]]: ...
    def messages(self) -> list[tuple[str, str]]: ...
    def refresh(self) -> None: ...
    def new_sender(self) -> Send: ...


_engine: Engine = EmbeddedEngine()
_demo_snapshot: tuple[dict[str, Any], Snapshot] | None = None


def use_external_engine() -> None:
    """From now on the world is that of the engines which run beside the tests."""
    global _engine  # noqa: PLW0603 - chosen once, for all tests of this process
    _engine = ExternalEngine()


def engine() -> Engine:
    """The engine of this run."""
    return _engine


def take_snapshot() -> Snapshot:
    """The world as it is now. What happens from now on does not change it."""
    return _engine.take_snapshot()


def clear_engine() -> None:
    """Our tables and queues, with nothing in them."""
    _engine.clear()


def restore_demo_organisation() -> dict[str, Any]:
    """The demo organisation; what its demo file says. The same one, as new, at every call."""
    global _demo_snapshot  # noqa: PLW0603 - made by the first test that needs it
    if _demo_snapshot is None:
        clear_engine()
        _demo_snapshot = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})), take_snapshot()
    made, as_new = _demo_snapshot
    _engine.reset()
    as_new.restore()
    return copy.deepcopy(made)
