"""A desk on loopback, which the clients and the command call as they would any other."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra import clients
from tests.support.started_desk import HOST, ROOT, SHELL, StartedDesk, start_desk

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture(scope="session")
def url(started: StartedDesk) -> str:
    return f"http://{HOST}:{started.port}"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python client, installed from its folder as a user does, without what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*command, str(ROOT / "clients" / "python")], check=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def environment(installed: Path, url: str) -> dict[str, str]:
    return SHELL | {
        "PATH": f"{installed / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{SHELL['PATH']}",
        "PYTHONPATH": str(installed),
        "PYTHONUNBUFFERED": "1",
        "FLUXDEN_URL": url,
    }


@pytest.fixture
def fluxden(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the command in a shell's environment with a token."""

    def run(*arguments: str, token: str = "", given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            ["fluxden", *arguments],
            env=environment | {"FLUXDEN_TOKEN": token} | settings,
            cwd=tmp_path,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not token or token not in ended.stdout + ended.stderr
        return ended

    return run


def run_node(*command: str, **environment: str) -> str:
    ended = subprocess.run(
        command,
        cwd=clients.TYPESCRIPT,
        env=SHELL | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def compiled() -> Path:
    """The client, its tests and its example, checked and compiled."""
    if not (clients.TYPESCRIPT / "node_modules").exists():
        run_node("npm", "ci", "--ignore-scripts", "--silent")
    run_node("npx", "--no-install", "tsc", "--project", "tsconfig.test.json")
    return clients.TYPESCRIPT / "build"
