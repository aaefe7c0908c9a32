"""What the options of the command `fluxden` mean, without a desk."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from fluxden import publishing, waiting
from fluxden.exit_codes import ExitCode
from fluxden.tailing import describe

pytestmark = pytest.mark.engine("embedded")
NO_OPTIONS: dict[str, Any] = dict.fromkeys(("event_id", "body", "summary", "external_url"))


def event(**given: Any) -> Any:
    return publishing.new_event(
        NO_OPTIONS | {"title": "One", "event_type": "ci.build.failed", "severity": "info", "labels": ()} | given
    )


def test_an_event_has_only_what_was_given_and_an_id_of_its_own() -> None:
    assert set(event()) == {"spec_version", "event_id", "event_type", "severity", "title", "occurred_at"}
    assert event()["event_id"] != event()["event_id"]
    assert event(event_id="mine", labels=("a=b=c",)) | {"occurred_at": ""} == {
        "spec_version": "2",
        "event_id": "mine",
        "event_type": "ci.build.failed",
        "severity": "info",
        "title": "One",
        "occurred_at": "",
        "labels": {"a": "b=c"},
    }


def test_a_body_can_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.md").write_text("# 说明", encoding="utf-8")
    assert event(body=f"@{tmp_path / 'body.md'}")["markdown_body"] == "# 说明"
    with pytest.raises(click.BadParameter, match="Can't read"):
        event(body=f"@{tmp_path / 'none.md'}")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ann@example.com", {"type": "email", "email": "ann@example.com"}),
        ("user:8a1", {"type": "user_id", "user_id": "8a1"}),
        ("project:apollo", {"type": "group", "slug": "apollo"}),
    ],
)
def test_a_recipient_is_an_address_a_user_or_a_project(text: str, named: dict[str, str]) -> None:
    assert publishing.recipient(text) == named


@pytest.mark.parametrize("text", ["ann", "team:x", ""])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        publishing.recipient(text)


@pytest.mark.parametrize("text", ["name", "=value", ""])
def test_a_pair_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        publishing.pairs([text], "--label")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400)])
def test_a_duration_has_a_unit_or_is_seconds(text: str, seconds: float) -> None:
    assert waiting.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5h", "1w", "9999999"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        waiting.duration(text)


@pytest.mark.parametrize(
    ("state", "wanted", "code"),
    [
        ("approved", "approved", ExitCode.DONE),
        ("approved", "decision", ExitCode.DONE),
        ("approved", "rejected", ExitCode.OTHER_DECISION),
        ("rejected", "approved", ExitCode.OTHER_DECISION),
        ("rejected", "rejected", ExitCode.DONE),
        ("expired", "approved", ExitCode.EXPIRED),
        ("expired", "decision", ExitCode.EXPIRED),
        ("waiting", "decision", ExitCode.TIMED_OUT),
    ],
)
def test_a_decision_has_an_exit_code(state: str, wanted: str, code: ExitCode) -> None:
    assert waiting.exit_code_of(state, wanted) is code


def test_a_proposal_has_what_was_given() -> None:
    given = {"title": "Deploy?", "priority": "high", "tool": "deploy", "why": "Green.", "otherwise": None}
    task = waiting.new_task({**given, "arguments": ("version=812",), "expires_in": None, "irreversible": True})
    assert json.loads(json.dumps(task)) == {
        "title": "Deploy?",
        "priority": "high",
        "metadata": {
            "proposal": {"tool": "deploy", "why": "Green.", "arguments": {"version": "812"}, "reversible": False}
        },
    }
    timed = waiting.new_task({**given, "arguments": (), "expires_in": 60.0, "irreversible": False})
    assert json.loads(json.dumps(timed))["metadata"]["proposal"]["expiresAt"].endswith("Z")


def test_a_line_of_an_event_has_no_control_characters() -> None:
    line = describe({"type": "delivery", "timestamp": "now", "title": "red\x1b[31m\nand\tmore"})
    assert line == "now\tdelivery\tred [31m and more"
    message = {"type": "new_message", "timestamp": "now", "message": {"content": "你好"}}
    assert describe(message) == "now\tnew_message\t你好"
