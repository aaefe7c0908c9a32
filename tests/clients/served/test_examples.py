"""What the page of the clients shows: its commands are run in a shell, and its programs against a desk."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra import clients
from tests.support.documented import Shell, new_folder, read_blocks
from tests.support.started_desk import StartedDesk

pytestmark = pytest.mark.engine("embedded")
PAGE = clients.FOLDER / "README.md"
PYTHON_EXAMPLE = clients.FOLDER / "python" / "examples" / "ask.py"
TYPESCRIPT_EXAMPLE = clients.TYPESCRIPT / "examples" / "ask.ts"


def test_the_commands_print_what_the_page_shows(
    environment: dict[str, str], started: StartedDesk, tmp_path: Path
) -> None:
    blocks = [each for each in read_blocks(PAGE) if not each.language]
    assert blocks
    with Shell(new_folder(tmp_path, started.demo_file), environment, {}, {}) as shell:
        for block in blocks:
            for command in block.commands:
                shell.run(command)


@pytest.mark.parametrize(("language", "example"), [("python", PYTHON_EXAMPLE), ("ts", TYPESCRIPT_EXAMPLE)])
def test_the_page_shows_the_programs_that_are_run(language: str, example: Path) -> None:
    (block,) = (each for each in read_blocks(PAGE) if each.language == language)
    assert block.text in example.read_text(encoding="utf-8")


def find_proposal(started: StartedDesk) -> dict[str, Any] | None:
    reply = started.call("GET", "/api/v2/queue?status=pending_confirmation&limit=100", token=started.alice_key)
    found: list[dict[str, Any]] = reply.json["data"]["items"]
    return next((each for each in found if each["title"] == "Deploy 812?" and "812" in (each["metadata"] or "")), None)


@pytest.mark.parametrize("language", ["python", "ts"])
def test_a_program_acts_on_what_was_approved(
    language: str,
    started: StartedDesk,
    environment: dict[str, str],
    compiled: Path,
) -> None:
    for left in iter(lambda: find_proposal(started), None):
        started.call("POST", f"/api/v2/queue/{left['id']}/confirm", {"action": "reject"}, started.alice_key)
    script = str(compiled / "examples" / "ask.js")
    command = [sys.executable, str(PYTHON_EXAMPLE)] if language == "python" else ["node", script]
    process = subprocess.Popen(
        command, env=environment | {"FLUXDEN_TOKEN": started.alice_key}, stdout=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 90
        while (task := find_proposal(started)) is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        decision = {"action": "approve", "arguments": {"version": "813"}}
        reply = started.call("POST", f"/api/v2/queue/{task['id']}/confirm", decision, started.alice_key)
        assert reply.status == 200, reply.body
        printed, _ = process.communicate(timeout=90)
    finally:
        process.kill()
    assert re.fullmatch(r"deploying \{ ?'?version'?: '813' ?\}\n", printed)
