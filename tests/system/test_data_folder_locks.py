"""Two systems never use one data folder: the second is refused at once, and waits only for engines that are ending."""

import fcntl
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from infra.local import engines
from tests.support.concurrency import run_concurrently

pytestmark = pytest.mark.engine("embedded")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set while a system waits for the folder."""
    waiting, sleep = Event(), time.sleep

    def note(seconds: float) -> None:
        waiting.set()
        sleep(seconds)

    monkeypatch.setattr(engines, "time", SimpleNamespace(sleep=note, monotonic=time.monotonic))
    return waiting


def test_a_second_system_is_refused_without_waiting(tmp_path: Path, waits: Event) -> None:
    with (
        engines._lock_folder(tmp_path),
        pytest.raises(engines.EnginesUnavailable, match=f"Another process is using {tmp_path}"),
        engines._lock_folder(tmp_path),
    ):
        pass
    assert not waits.is_set()
    with engines._lock_folder(tmp_path):
        pass


def test_the_engines_of_a_killed_system_are_waited_for(tmp_path: Path, waits: Event) -> None:
    def end_engines(held: ExitStack) -> None:
        assert waits.wait(60)
        held.close()

    with ExitStack() as held:
        inherited = held.enter_context((tmp_path / "lock").open("w", encoding="ascii"))
        fcntl.flock(inherited, fcntl.LOCK_EX)

        def start(number: int) -> None:
            if number:
                end_engines(held)
            else:
                with engines._lock_folder(tmp_path):
                    pass

        run_concurrently(2, start)


def test_engines_that_do_not_end_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_FREE_WITHIN_SECONDS", -1)
    with (tmp_path / "lock").open("w", encoding="ascii") as inherited:
        fcntl.flock(inherited, fcntl.LOCK_EX)
        with (
            pytest.raises(engines.EnginesUnavailable, match="killed process"),
            engines._lock_folder(tmp_path),
        ):
            pass
