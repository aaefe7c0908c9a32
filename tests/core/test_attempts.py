"""Attempts: how often a change is tried, how long between, and what its caller hears in the end."""

import pytest

from chalicelib.core.domain.attempts import Attempts, pause
from chalicelib.core.domain.errors import Unavailable


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr("chalicelib.core.domain.attempts.time.sleep", made.append)
    monkeypatch.setattr("chalicelib.core.domain.attempts.random.uniform", lambda _, longest: longest)
    return made


def test_a_change_is_refused_after_the_last_attempt(pauses: list[float]) -> None:
    tries = Attempts("It is being changed by many calls at once.", most=3)
    assert [tries.again() for _ in range(3)] == [True, True, True]
    with pytest.raises(Unavailable, match="many calls"):
        tries.again()
    assert pauses == [0.01, 0.02]


def test_the_first_attempt_waits_for_nothing(pauses: list[float]) -> None:
    assert Attempts("busy").again()
    assert pauses == []


def test_pauses_grow_up_to_a_quarter_of_a_second(pauses: list[float]) -> None:
    for attempt in range(8):
        pause(attempt)
    assert pauses == [0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25]
