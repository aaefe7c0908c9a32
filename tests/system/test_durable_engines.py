"""`make run ENGINE=dynamodb-local`: data and tokens survive a restart."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local import engines
from tests.support import inputs
from tests.support.documented import Shell, read_blocks
from tests.support.started_desk import ROOT, SHELL, StartedDesk, start_desk

pytestmark = pytest.mark.engine("real")

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"


@contextmanager
def durable_system(folder: Path, data_folder: str = "durable_system") -> Iterator[StartedDesk]:
    """Start a system on the folder's data."""
    data = {"ENGINE": "dynamodb-local", "DATA_DIR": str(folder / data_folder)}
    with start_desk(folder, **data) as system:
        yield system


def test_data_survives_a_stop_and_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with durable_system(tmp_path) as first:
        assert publish(first, "Before the stop") == 202
        dead_letter(first, "to be looked at")
        secret = operate(first, "webhook-secret", "show", "fd1")
        assert f"your data stays in {tmp_path / 'durable_system'}" in first.stdout
        monkeypatch.setattr("infra.local.engines._FREE_WITHIN_SECONDS", sys.maxsize)
        with (
            pytest.raises(engines.EnginesUnavailable, match="Another process is using"),
            engines.start_engines(tmp_path / "logs", tmp_path / "durable_system" / "data"),
        ):
            pass
        os.killpg(first.process.pid, signal.SIGTERM)
        assert first.process.wait(30) == 0
        assert first.stderr == ""
        told = first.demo

    with durable_system(tmp_path) as second:
        assert without_addresses(second.demo) == without_addresses(told)
        assert second.demo["base_url"] == f"http://127.0.0.1:{second.port}" != told["base_url"]
        assert publish(second, "Before the crash") == 202
        assert operate(second, "webhook-secret", "show", "fd1") == secret
        # Another system has replaced the demo file. The tokens must stay the same all the same.
        other = second.demo | {"admin_env": second.demo["admin_env"] | {"FLUXDEN_SECRET_KEY": "another"}}
        second.demo_file.write_text(json.dumps(other | {"personal_tokens": {}}), encoding="utf-8")
        os.killpg(second.process.pid, signal.SIGKILL)

    with durable_system(tmp_path) as third:
        assert without_addresses(third.demo) == without_addresses(told)
        items = third.call("GET", INBOX, token=third.alice_key).json["items"]
        assert [each["title"] for each in items][:2] == ["Before the crash", "Before the stop"]
        letters = json.loads(operate(third, "dead-letters", "list", "--queue", "fan-out", "--json"))
        assert len(letters) == 1
        assert third.stderr == ""


def test_a_backup_is_made_and_restored_as_documented(tmp_path: Path) -> None:
    back_up, restore = (
        block for block in read_blocks(ROOT / "docs" / "operations.md") if ".chalice/local/data" in block.text
    )
    with Shell(tmp_path, SHELL, {}, {}) as shell:
        with durable_system(tmp_path, ".chalice/local/data") as first:
            assert publish(first, "In the backup") == 202
            stop(first)
        for command in back_up.commands:
            shell.run(command)
        with durable_system(tmp_path, ".chalice/local/data") as second:
            assert publish(second, "Later") == 202
            stop(second)
        for command in restore.commands:
            shell.run(command)
    with durable_system(tmp_path, ".chalice/local/data") as third:
        assert without_addresses(third.demo) == without_addresses(first.demo)
        titles = [each["title"] for each in third.call("GET", INBOX, token=third.alice_key).json["items"]]
        assert titles[0] == "In the backup"
        assert "Later" not in titles


def stop(system: StartedDesk) -> None:
    os.killpg(system.process.pid, signal.SIGTERM)
    assert system.process.wait(30) == 0


def publish(system: StartedDesk, title: str) -> int:
    return system.call("POST", EVENTS, inputs.new_event(title=title), system.alice).status


def operate(system: StartedDesk, *command: str) -> str:
    ran = system.run("infra.admin", *command)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def dead_letter(system: StartedDesk, body: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in system.demo["admin_env"].items():
            patch.setenv(name, value)
        client: Any = boto3.Session().client("sqs")
    with closing(client):
        url = client.get_queue_url(QueueName="fluxden-fan-out-dead-letters")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=body)


def without_addresses(demo: dict[str, Any]) -> dict[str, Any]:
    """Return a demo file's contents without the system's addresses."""
    addresses = {"base_url", "ws_url", "mcp_url", "console_url", "admin_env"}
    return {name: value for name, value in demo.items() if name not in addresses}
