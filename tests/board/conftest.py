"""Fixtures of the board's tests."""

import pytest

from tests.conftest import Desk
from tests.support.api_keys import new_api_key


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def carol(desk: Desk) -> str:
    """The key of somebody whose board is empty."""
    return new_api_key(desk, "carol")
