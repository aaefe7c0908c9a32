"""The image of a desk: its files are linted, and what they do is carried out step by step without Docker."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local import engine
from tests.conftest import Desk
from tests.image.dockerfile import Stage, build, read_steps
from tests.support import inputs
from tests.support.started_desk import HEALTH_PATH, HOST, ROOT, Answer, free_ports, send_request

DEPLOY = ROOT / "deploy"
DOCKERFILE, COMPOSE = DEPLOY / "Dockerfile", DEPLOY / "compose.yaml"
_SECONDS = 90


def read_service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"][name]
    return found


@pytest.fixture(scope="module")
def image() -> Iterator[Stage]:
    """The last stage of the Dockerfile, below a folder that an unprivileged user can read and not write."""
    folder = Path(tempfile.mkdtemp(prefix="fluxden-image-"))
    try:
        folder.chmod(0o755)
        stage = build(DOCKERFILE, ROOT, folder, find_python())
        subprocess.run(["chmod", "-R", "a-w,a+rX", str(stage.root)], check=True)
        yield stage
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)


def test_the_dockerfile_is_linted() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint has no package for this machine")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_fits_its_published_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_has_two_stages_and_ends_as_a_user_without_rights() -> None:
    steps = read_steps(DOCKERFILE)
    assert [name for name, _ in steps].count("FROM") == 2
    last = max(at for at, (name, _) in enumerate(steps) if name == "FROM")
    assert not [rest for name, rest in steps[last:] if name == "RUN"], "nothing is installed in the last stage"
    (user,) = [rest for name, rest in steps if name == "USER"]
    assert all(int(each) > 1000 for each in user.split(":"))


def test_the_desk_of_compose_writes_nothing_and_only_it_reaches_the_engines() -> None:
    desk = read_service("desk")
    assert desk["read_only"] is True
    assert desk["cap_drop"] == ["ALL"]
    assert all(each.startswith("127.0.0.1:") for each in desk["ports"])
    assert not any(each.endswith(":8002") for each in desk["ports"]), "the management port is for other hosts"
    file: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert file["networks"]["engines"]["internal"] is True
    for name in ("dynamodb", "sqs"):
        engine_service = read_service(name)
        assert engine_service["networks"] == ["engines"]
        assert "ports" not in engine_service
        assert [each for each in engine_service["volumes"] if each.partition(":")[0] in file["volumes"]]
    assert int(desk["stop_grace_period"].removesuffix("s")) > 25


def test_the_versions_of_the_engines_are_those_that_are_tested() -> None:
    for name, folder in (("dynamodb", "dynamodb-local"), ("sqs", "elasticmq")):
        version = read_service(name)["image"].partition(":")[2]
        pom = (ROOT / "infra" / "local" / "java" / folder / "pom.xml").read_text(encoding="utf-8")
        assert f"<version>{version}</version>" in pom


def test_the_image_serves_a_desk_as_a_user_without_rights_on_a_read_only_folder(
    image: Stage, desk: Desk, tmp_path: Path
) -> None:
    port, ws_port = free_ports()
    management, _ = free_ports()
    written = (tmp_path / "log").open("wb")
    command = [*image.commands["ENTRYPOINT"], *image.commands["CMD"]]
    # Both listen on every address in a container, and here on this machine only.
    command = [HOST if each == "0.0.0.0" else each for each in command]
    command += ["--port", str(port), "--ws-port", str(ws_port), "--management-port", str(management)]
    with written:
        process = subprocess.Popen(command, stdout=written, stderr=written, **options(image))
    try:
        wait_until_well(process, management, tmp_path / "log")
        assert call(port, "GET", HEALTH_PATH).status == 200
        published = call(port, "POST", "/api/v1/events", inputs.new_event(), desk.alice)
        assert published.status == 202
        assert call(port, "GET", "/api/v1/inbox", token=desk.alice_key).json["items"]
        assert call(port, "GET", "/").status == 200
        well = subprocess.run([*image.commands["HEALTHCHECK"], str(management)], check=False, **options(image))
        assert well.returncode == 0
        listed = subprocess.run(
            [*image.commands["ENTRYPOINT"], "infra.admin", "employees", "list"],
            check=True,
            capture_output=True,
            text=True,
            **options(image),
        )
        assert "alice@example.com" in listed.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(_SECONDS) == 0
        ill = subprocess.run(
            [*image.commands["HEALTHCHECK"], str(management)], check=False, capture_output=True, **options(image)
        )
        assert ill.returncode == 1
    finally:
        process.kill()
        process.wait(10)
    assert not [each for each in image.path(".").rglob("*") if each.stat().st_mtime > time.time() - 1]


def test_whoever_runs_the_image_can_write_none_of_its_files(image: Stage) -> None:
    attempt = "import pathlib; pathlib.Path('app.py').open('a')"
    done = subprocess.run(["python", "-c", attempt], check=False, capture_output=True, text=True, **options(image))
    assert "PermissionError" in done.stderr


def find_python() -> str:
    """Return an interpreter that other users of this machine can start too."""
    for name in (os.path.realpath(sys.executable), "/usr/local/bin/python3", "/usr/bin/python3"):
        path = Path(name).resolve()
        if path.exists() and all(each.stat().st_mode & 0o001 for each in (path, *path.parents)):
            return str(path)
    return sys.executable


def options(image: Stage) -> dict[str, Any]:
    """Return how the image's commands are started: in its folder, with its settings and compose's, as its user."""
    settings = {name: str(value) for name, value in read_service("desk")["environment"].items()}
    served = engine.environment()
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"):
        settings[name] = served.get(name) or served["AWS_ENDPOINT_URL"]
    settings |= {name: value for name, value in served.items() if name != "FLUXDEN_SOCKETS_URL"} | {
        "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
        "FLUXDEN_BASE_URL": "https://desk.example.com",
        "FLUXDEN_SOCKET_URL": "wss://live.desk.example.com",
        "FLUXDEN_TRUSTED_PROXIES": "0",
    }
    found: dict[str, Any] = {"cwd": image.path("."), "env": image.environment | settings}
    found["executable"] = image.path("/opt/venv/bin/python")
    if os.geteuid() == 0:
        user, group = map(int, image.user.split(":"))
        found |= {"user": user, "group": group, "extra_groups": []}
    return found


def wait_until_well(process: subprocess.Popen[bytes], management: int, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        try:
            if call(management, "GET", "/healthz").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)


def call(port: int, method: str, path: str, body: Any = None, token: str = "") -> Answer:
    with closing(HTTPConnection(HOST, port, timeout=20)) as connection:
        return send_request(connection, method, path, body, token)
