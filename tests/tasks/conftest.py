"""Fixtures of the task queue's tests."""

import pytest

from tests.conftest import Desk
from tests.support.api import Api
from tests.tasks.client import change_settings


@pytest.fixture(autouse=True)
def _large_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a rate budget that no test here exceeds."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def auto_approve(api: Api, desk: Desk) -> None:
    """Approve Alice's tasks automatically."""
    change_settings(api, desk, queueAutoApprove=True)
