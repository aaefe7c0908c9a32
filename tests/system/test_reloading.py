"""`chalice local` with the options that Chalice gives it by default: it reloads when the source changes."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import reloading
from tests.support import inputs
from tests.support.started_desk import HOST, ROOT, StartedDesk, free_ports, kill_desk, launch_desk, start_desk

pytestmark = pytest.mark.engine("embedded")

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
CHANGED = "chalicelib/parallel.py"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source that a test may change."""
    root = tmp_path_factory.mktemp("source")
    shutil.copy(ROOT / "app.py", root)
    (root / ".chalice").mkdir()
    shutil.copy(ROOT / ".chalice" / "config.json", root / ".chalice")
    for name in ("chalicelib", "infra"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    return root


@pytest.fixture
def desk(source: Path, tmp_path: Path) -> Iterator[StartedDesk]:
    with start_desk(tmp_path, source, ()) as started:
        yield started


def test_plain_chalice_local_reloads_and_keeps_its_ports_and_tokens(desk: StartedDesk, source: Path) -> None:
    told, before = desk.demo, desk.demo_file.read_bytes()
    assert f"Fluxden is running at http://{HOST}:{desk.port}\n" in desk.stdout
    assert "Reload              when a source file changes" in desk.stdout
    assert desk.call("POST", EVENTS, inputs.new_event(title="Before"), desk.alice).status == 202

    (source / CHANGED).write_text((source / CHANGED).read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    wait_until(lambda: f"{CHANGED} changed" in desk.stdout)
    while "is running again" not in desk.stdout:
        # The port stays open in between: requests wait for the new source.
        with socket.create_connection((HOST, desk.port), timeout=60):
            time.sleep(0.05)
    (line,) = (each for each in desk.stdout.splitlines() if "is running again" in each)
    assert line.endswith("ports and demo tokens stay, the data in memory is lost.")

    assert desk.demo_file.read_bytes() == before
    titles = [each["title"] for each in desk.call("GET", INBOX, token=desk.alice_key).json["items"]]
    assert "Before" not in titles
    for token in told["personal_tokens"].values():
        assert desk.call("GET", f"{EVENTS}/{inputs.new_event()['event_id']}", token=token).status == 404
    with socket.create_connection((HOST, desk.ws_port), timeout=60):
        pass
    assert desk.run("infra.admin", "employees", "list").returncode == 0
    assert desk.stderr == ""


def test_source_that_does_not_load_leaves_the_desk_as_it_is(desk: StartedDesk, source: Path) -> None:
    whole = (source / CHANGED).read_text(encoding="utf-8")
    try:
        (source / CHANGED).write_text(f"{whole}\nraise RuntimeError('not yet')\n", encoding="utf-8")
        wait_until(lambda: "goes on with what it had" in desk.stderr)
        assert "RuntimeError: not yet" in desk.stderr
        assert desk.call("GET", INBOX, token=desk.alice_key).status == 200
    finally:
        (source / CHANGED).write_text(whole, encoding="utf-8")
    wait_until(lambda: "is running again" in desk.stdout)
    assert desk.call("GET", INBOX, token=desk.alice_key).status == 200


def test_ctrl_c_stops_both_processes_cleanly(desk: StartedDesk) -> None:
    os.killpg(desk.process.pid, signal.SIGINT)

    assert desk.process.wait(60) == 0
    wait_until(lambda: not desk.is_healthy())
    assert desk.stdout.count("Stopped.") == 1
    assert desk.stderr == ""


def test_the_desk_ends_when_chalices_reloader_ends(desk: StartedDesk) -> None:
    desk.process.kill()
    desk.process.wait(60)
    wait_until(lambda: is_free(desk.port) and is_free(desk.ws_port))
    assert desk.stdout.count("Stopped.") == 1


def test_a_busy_port_ends_chalices_reloader_too(source: Path, tmp_path: Path) -> None:
    port, ws_port = free_ports()
    with socket.create_server((HOST, port)):
        late = launch_desk(tmp_path, port, ws_port, source, ())
        try:
            assert late.process.wait(60) != 0
        finally:
            kill_desk(late)
    (line,) = late.stderr.splitlines()
    assert f"Port {port} is already in use" in line


@pytest.mark.parametrize("options", [(), ("--no-autoreload",)])
def test_a_stage_in_an_account_says_which_settings_are_missing(tmp_path: Path, options: tuple[str, ...]) -> None:
    port, ws_port = free_ports()
    own = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    refused = launch_desk(tmp_path, port, ws_port, ROOT, ("--stage", "prod", *options), **own)
    try:
        assert refused.process.wait(60) != 0
    finally:
        kill_desk(refused)
    first, *missing, last = refused.stderr.splitlines()
    assert first.startswith("The stage prod uses the tables and queues of an AWS account")
    for line, setting in zip(missing, ("AWS_DEFAULT_REGION", "AWS_PROFILE", "FLUXDEN_SECRET_KEY"), strict=True):
        assert setting in line
    assert last == "To start a desk without an account, run: chalice local"


def test_only_changed_source_files_are_found(tmp_path: Path) -> None:
    package = tmp_path / "chalicelib"
    (package / "__pycache__").mkdir(parents=True)
    for name in ("changed.py", "same.py", "removed.py"):
        (package / name).write_text("1", encoding="utf-8")
    before = reloading.scan(tmp_path)
    for path in ("changed.py", "same.py", "added.md", ".draft.swp", "draft.py~", "__pycache__/same.pyc"):
        (package / path).write_text("1" if path == "same.py" else "2", encoding="utf-8")
    os.utime(package / "same.py", (1, 1))
    (package / "removed.py").unlink()
    (tmp_path / ".chalice" / "local").mkdir(parents=True)
    (tmp_path / ".chalice" / "local" / "demo.json").write_text("{}", encoding="utf-8")

    changed = reloading.find_changes(before, reloading.scan(tmp_path))

    assert changed == [f"chalicelib/{name}" for name in ("added.md", "changed.py", "removed.py")]


def is_free(port: int) -> bool:
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False


def wait_until(look: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < ends
        time.sleep(0.05)
