"""Fixtures for the admin operations."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.log_lines import read_lines

ADMIN, EVENTS = "/api/v2/operate", "/api/v1/events"


@pytest.fixture
def running_minute(api: Api, desk: Desk) -> Any:
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=True):
        api.get("/api/v2/me", desk.alice_key)
        yield


def data(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.text
    return answer.json["data"]


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the audit lines logged since the last call, as (action, row)."""
    caplog.set_level(logging.INFO, "fluxden")

    def look() -> list[tuple[str, str]]:
        lines = read_lines(caplog, "audit")
        caplog.clear()
        return [(line["audit"], line["row"]) for line in lines]

    return look
