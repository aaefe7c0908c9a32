"""The federation demo: two desks join, connect their people and share a task."""

import re
import socket
import subprocess
import sys

import pytest

from infra import desk_process, federation_demo
from tests.support.documented import missing_parts, read_blocks
from tests.support.started_desk import ROOT, SHELL

pytestmark = pytest.mark.engine("embedded")

_PORT = re.compile(r"http://127\.0\.0\.1:(\d+)$", re.MULTILINE)


def test_two_desks_connect_and_share_a_task() -> None:
    command = [sys.executable, "-m", "infra.federation_demo"]
    done = subprocess.run(command, cwd=ROOT, env=SHELL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "Approved North" in said
    assert said.count("(alice@example.com) of http://127.0.0.1:") == said.count(", verified\n") == 2
    assert "Relays of the new connection arrive:" in said
    assert "signed with the keys of both desks" in said
    assert re.search(r"card  \S+  leads\n +item  \S+  ready\n", said)
    assert re.search(r"relay  \S+  completed: Eleven depots\.\n +item   \S+  done_today\n", said)
    (shown,) = (
        command.shown
        for block in read_blocks(ROOT / "README.md")
        for command in block.commands
        if "make federation-demo" in command.text
    )
    assert list(missing_parts(shown, said)) == []
    ports = {int(each) for each in _PORT.findall(said)}
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            pass


def test_a_desk_that_does_not_start_fails_the_demo_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(desk_process, "free_ports", lambda: (70_000, 70_001))
    assert federation_demo.main() == 1
    assert "Failed: North has ended with" in capsys.readouterr().err
