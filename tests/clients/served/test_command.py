"""The command `fluxden` as shells and continuous integration run it: installed, in a process, against a desk."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fluxden.exit_codes import MEANINGS, ExitCode
from tests.support.started_desk import ROOT, StartedDesk, free_ports

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.engine("embedded")


@pytest.fixture
def alice(started: StartedDesk) -> str:
    return started.alice_key


@pytest.fixture
def task(fluxden: Run, alice: str) -> str:
    asked = fluxden("ask", "--title", "Deploy 812?", "--why", "Tests pass.", "--tool", "deploy", token=alice)
    assert asked.returncode == ExitCode.DONE, asked.stderr
    return asked.stdout.strip()


def decide(started: StartedDesk, task: str, **decision: Any) -> None:
    reply = started.call("POST", f"/api/v2/queue/{task}/confirm", decision, started.alice_key)
    assert reply.status == 200, reply.body


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_publish_with_a_personal_token_reaches_its_owner(fluxden: Run, started: StartedDesk, alice: str) -> None:
    options = ["--type", "fd1.build.failed", "--severity", "warn", "--label", "repo=widgets", "--body", "-"]
    published = fluxden("publish", "--title", "Build 812 failed", *options, token=started.alice, given="`make` failed.")
    assert published.returncode == ExitCode.DONE, published.stderr
    found = started.call("GET", f"/api/v1/inbox/{published.stdout.strip()}", token=alice).json
    assert (found["title"], found["severity"], found["markdownBody"]) == ("Build 812 failed", "warn", "`make` failed.")
    assert found["labels"] == {"repo": "widgets"}


def test_publish_repeats_an_event_whose_id_is_given(fluxden: Run, started: StartedDesk) -> None:
    options = ["publish", "--title", "Again", "--id", "again-1", "--json"]
    replies = [
        json.loads(fluxden(*options, token=started.alice, FLUXDEN_EVENT_TYPE="fd1.build.failed").stdout)
        for _ in range(2)
    ]
    assert [each["fireCount"] for each in replies] == [1, 2]


def test_publish_to_many_says_whom_it_did_not_reach(fluxden: Run, started: StartedDesk) -> None:
    recipients = ["--to", "alice@example.com", "--to", "erin@example.com"]
    token = started.demo["tools_tokens"]["fd1"]
    options = ["--title", "Checkout is down", "--type", "fd1.outage.started", "--severity", "critical"]
    published = fluxden("publish", *options, *recipients, token=token)
    assert published.returncode == ExitCode.PARTLY, published.stderr
    reached, not_reached = published.stdout.splitlines()
    assert re.fullmatch(r"alice@example\.com\t[0-9a-f-]{36}", reached)
    assert not_reached == "erin@example.com\tno_approved_request"
    assert fluxden("publish", *options, *recipients[:2], token=token).returncode == ExitCode.DONE


def test_wait_ends_with_the_decision_that_is_made_meanwhile(
    task: str, started: StartedDesk, alice: str, environment: dict[str, str]
) -> None:
    command = ["fluxden", "wait", task, "--for", "approved", "--json"]
    with running(command, environment | {"FLUXDEN_TOKEN": alice}) as waits:
        assert waits.poll() is None
        decide(started, task, action="approve", reason="Go.")
        out, _ = waits.communicate(timeout=90)
    assert waits.returncode == ExitCode.DONE
    assert (json.loads(out)["state"], json.loads(out)["decision"]["reason"]) == ("approved", "Go.")


def test_wait_says_that_another_decision_was_made(fluxden: Run, task: str, started: StartedDesk, alice: str) -> None:
    decide(started, task, action="reject", reason="Not on Friday.")
    ended = fluxden("wait", task, "--for", "approved", token=alice)
    assert (ended.returncode, ended.stdout) == (ExitCode.OTHER_DECISION, "rejected: Not on Friday.\n")
    assert fluxden("wait", task, "--for", "rejected", token=alice).returncode == ExitCode.DONE
    assert fluxden("wait", task, token=alice).returncode == ExitCode.DONE


def test_wait_gives_up_in_time_and_reports_on_stderr_only(fluxden: Run, task: str, alice: str) -> None:
    ended = fluxden("wait", task, "--for", "approved", "--timeout", "3s", token=alice)
    assert (ended.returncode, ended.stdout) == (ExitCode.TIMED_OUT, "waiting\n")
    quiet = fluxden("wait", task, "--timeout", "0", "--quiet", token=alice)
    assert (quiet.returncode, quiet.stderr) == (ExitCode.TIMED_OUT, "")


def test_tail_prints_what_happens_and_goes_on_where_it_ended(
    fluxden: Run, started: StartedDesk, alice: str, environment: dict[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "last"
    command = ["fluxden", "tail", "--type", "delivery", "--count", "1", "--state", str(state)]
    with running([*command, "--json"], environment | {"FLUXDEN_TOKEN": alice}) as follows:
        assert follows.stderr
        assert follows.stderr.readline() == "Connected.\n"
        published = fluxden("publish", "--title", "First", "--type", "fd1.build.failed", token=started.alice)
        out, _ = follows.communicate(timeout=90)
    assert follows.returncode == ExitCode.DONE
    event = json.loads(out)
    assert (event["deliveryId"], event["title"]) == (published.stdout.strip(), "First")
    assert state.read_text(encoding="utf-8") == event["id"]
    second = fluxden("publish", "--title", "Nobody listened", "--type", "fd1.build.failed", token=started.alice)
    assert second.returncode == ExitCode.DONE, second.stderr
    later = fluxden(*command[1:], token=alice)
    assert later.returncode == ExitCode.DONE
    assert later.stdout.endswith("\tdelivery\tNobody listened\n")


def test_each_kind_of_failure_has_its_exit_code(fluxden: Run, started: StartedDesk, alice: str, task: str) -> None:
    event = ["publish", "--title", "One", "--type", "fd1.build.failed"]
    unknown = "00000000-0000-4000-8000-000000000000"
    cases: dict[ExitCode, list[subprocess.CompletedProcess[str]]] = {
        ExitCode.USAGE: [
            fluxden(*event),
            fluxden(*event, token=alice, FLUXDEN_URL="desk"),
            fluxden("publish", token=alice),
            fluxden(*event, "--to", "nobody", token=alice),
            fluxden("wait", task, "--timeout", "soon", token=alice),
        ],
        ExitCode.REFUSED: [
            fluxden("publish", "--title", "One", "--type", "other.build.failed", token=started.alice),
            fluxden("wait", unknown, token=alice),
        ],
        ExitCode.NOT_PERMITTED: [
            fluxden(*event, token="flux-in-pers-unknown"),
            fluxden("tail", token=started.alice),
        ],
        ExitCode.UNREACHABLE: [
            fluxden(*event, token=alice, FLUXDEN_URL=f"http://127.0.0.1:{free_ports()[0]}"),
        ],
    }
    for code, ended in cases.items():
        assert [each.returncode for each in ended] == [code] * len(ended), [each.stderr for each in ended]
        assert all(each.stderr and not each.stdout and "Traceback" not in each.stderr for each in ended)


def test_a_token_is_read_from_a_file(fluxden: Run, alice: str, task: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{alice}\n", encoding="utf-8")
    ended = fluxden("wait", task, "--timeout", "0", FLUXDEN_TOKEN_FILE=str(file))
    assert ended.returncode == ExitCode.TIMED_OUT, ended.stderr
    missing = fluxden("wait", task, FLUXDEN_TOKEN_FILE=str(tmp_path / "none"))
    assert (missing.returncode, "FLUXDEN_TOKEN_FILE" in missing.stderr) == (ExitCode.USAGE, True)


def test_the_page_has_the_exit_codes() -> None:
    page = (ROOT / "clients" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE) == [
        (str(int(code)), meaning) for code, meaning in MEANINGS.items()
    ]
    assert set(MEANINGS) == set(ExitCode)
