"""The adapter of ntfy."""

import pytest

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from tests.support.ingest import draft_of, read


@pytest.mark.parametrize(
    ("priority", "tags", "severity"),
    [
        ("", "", Severity.INFO),
        ("5", "", Severity.CRITICAL),
        ("urgent", "tada", Severity.CRITICAL),
        ("high", "", Severity.WARN),
        ("2", "", Severity.INFO),
        ("default", "tada,server", Severity.SUCCESS),
    ],
)
def test_ntfy_priority_and_tags_decide_the_severity(priority: str, tags: str, severity: Severity) -> None:
    draft = draft_of("ntfy", b"Backup done", x_priority=priority, tags=tags)
    assert draft.severity is severity
    assert draft.labels == ({"tags": ", ".join(tags.split(","))} if tags else {})


def test_ntfy_takes_headers_in_their_short_forms() -> None:
    draft = draft_of(
        "ntfy",
        b"Disk full\non db-1",
        t="=?UTF-8?B?UGxhdHRlIHZvbGw=?=",
        p="4",
        click="https://example.com/db-1",
        actions="view, Open panel, https://example.com/p, clear=true; http, Restart, https://example.com/r",
    )
    assert (draft.title, draft.summary, draft.severity) == ("Platte voll", "Disk full\non db-1", Severity.WARN)
    assert draft.links == (("Open panel", "https://example.com/p"),)
    assert draft.url == "https://example.com/db-1"
    assert draft.event_id == "ntfy-req_1"


def test_ntfy_takes_json() -> None:
    body = {
        "topic": "builds",
        "message": "Build 7 failed",
        "priority": 5,
        "tags": ["x"],
        "actions": [{"action": "view", "label": "Open", "url": "https://example.com/7"}],
        "sequence_id": "build-7",
    }
    draft = draft_of("ntfy", body)
    assert (draft.title, draft.severity, draft.event_id) == ("Build 7 failed", Severity.CRITICAL, "build-7")
    assert draft.links == (("Open", "https://example.com/7"),)


def test_ntfy_takes_actions_with_names_and_quotes() -> None:
    draft = draft_of("ntfy", b"x", actions="action=view, label='Open, now', url=https://example.com/1")
    assert draft.links == (("Open, now", "https://example.com/1"),)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"x"])
def test_ntfy_refuses_what_it_can_not_show(body: bytes) -> None:
    with pytest.raises(Invalid):
        read("ntfy", body, priority="9")
