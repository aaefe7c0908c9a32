"""The examples of docs/agents.md, each with its own SDK in a process, against a desk and a fake model."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent_kits.fake_model import served_model
from tests.support.started_desk import HOST, ROOT, SHELL, StartedDesk, start_desk

pytestmark = pytest.mark.engine("embedded")
PYTHON = Path(os.environ.get("AGENTS_PYTHON", ROOT / ".venv" / "agents" / "bin" / "python"))
EXAMPLES = sorted((ROOT / "docs" / "examples" / "agents").glob("*.py"))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(tmp_path_factory.mktemp("desk"), FLUXDEN_KEY_BUDGET="10000") as desk:
        yield desk


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with served_model() as address:
        yield address


@contextmanager
def running(example: Path, started: StartedDesk, model: str) -> Iterator[subprocess.Popen[str]]:
    environment = SHELL | {
        "FLUXDEN_URL": f"http://{HOST}:{started.port}",
        "FLUXDEN_KEY": started.alice_key,
        "OPENAI_BASE_URL": f"{model}/v1",
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": model,
        "ANTHROPIC_API_KEY": "none",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [PYTHON, example], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def proposal_of(process: subprocess.Popen[str], started: StartedDesk) -> str:
    """Wait until the agent has proposed a task, and return its id."""
    while process.poll() is None:
        reply = started.call("GET", "/api/v2/queue?status=pending_confirmation", token=started.alice_key)
        if reply.status == 200:  # else the agent and this test have used up the minute's calls
            items = reply.json["data"]["items"]
            if found := [each["id"] for each in items if each["title"] == "Send the invoice"]:
                return str(found[0])
        time.sleep(1)
    pytest.fail(f"The agent ended: {process.communicate()}")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (
            {"action": "approve", "arguments": {"amount": 99}},
            'approved: {"amount": 99, "to": "nadia@north.example"}',
        ),
        ({"action": "reject", "reason": "Not yet."}, "rejected: Not yet."),
    ],
    ids=["approved", "rejected"],
)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.stem)
def test_an_agent_proposes_waits_and_hears_the_decision(
    started: StartedDesk, model: str, example: Path, decision: dict[str, Any], said: str
) -> None:
    with running(example, started, model) as process:
        task_id = proposal_of(process, started)
        reply = started.call("POST", f"/api/v2/queue/{task_id}/confirm", decision, started.alice_key)
        assert reply.status == 200, reply.body
        out, err = process.communicate(timeout=120)
    assert out.strip() == said, err
