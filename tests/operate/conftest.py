"""Fixtures for the admin operations."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.audit import AuditEntry
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
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


def find_entries(kind: str) -> list[AuditEntry]:
    """Return the entries of the audit log whose kind begins so."""
    return list(list_entries(AuditFilter(kind=kind), after=None, limit=200).entries)


def recorded(kind: str, subject: str) -> list[str]:
    """Return the kinds of the entries about one subject, oldest first, whose kind begins so."""
    return [each.kind for each in find_entries(kind)[::-1] if each.subject and each.subject.id == subject]


def recorded_about(kind: str, user_id: str) -> list[str]:
    """Return the kinds of the entries about one person, whom entries name by a ref."""
    return recorded(kind, person_ref(user_id))


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the audit lines logged since the last call, as (action, row)."""
    caplog.set_level(logging.INFO, "fluxden")

    def look() -> list[tuple[str, str]]:
        lines = read_lines(caplog, "audit")
        caplog.clear()
        return [(line["audit"], line["row"]) for line in lines]

    return look
