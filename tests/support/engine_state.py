"""The state of the engine that every test begins with: created once, and restored for each test."""

import copy
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import time_machine

from infra import demo
from tests.support.embedded_engine import EmbeddedEngine, Key, Send
from tests.support.external_engine import ExternalEngine


class Snapshot(Protocol):
    """All rows and messages at one moment."""

    def restore(self) -> None:
        """Restore the rows and messages of the snapshot."""


class Engine(Protocol):
    """What tests need of an engine besides the SDK."""

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
    """Use the external engines from now on."""
    global _engine  # noqa: PLW0603 - set once, for all tests of this process
    _engine = ExternalEngine()


def engine() -> Engine:
    """Return the engine of this run."""
    return _engine


def take_snapshot() -> Snapshot:
    """Return a snapshot of all rows and messages."""
    return _engine.take_snapshot()


def clear_engine() -> None:
    """Create our tables and queues without contents."""
    _engine.clear()


def restore_demo_organisation() -> dict[str, Any]:
    """Restore the demo organisation as it was created, and return the contents of its demo file."""
    global _demo_snapshot  # noqa: PLW0603 - created by the first test that needs it
    if _demo_snapshot is None:
        clear_engine()
        addresses = demo.Addresses("http://desk.test", "ws://desk.test", {})
        # Before any test begins, since each begins with a minute.
        with time_machine.travel(datetime.now(UTC) - timedelta(minutes=5), tick=True):
            _demo_snapshot = demo.create(addresses), take_snapshot()
    made, snapshot = _demo_snapshot
    _engine.reset()
    snapshot.restore()
    return copy.deepcopy(made)
