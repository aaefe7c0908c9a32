"""The commands in the README and the pages for operators: they run, and print what the pages show."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.session
import click
import pytest
from botocore import xform_name

from chalicelib import aws
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.resources import CALLBACKS
from chalicelib.settings import settings
from infra import admin
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, instances
from tests.support.api import Api
from tests.support.documented import NOT_RUN, Block, Command, Shell, missing_parts, new_folder, read_blocks
from tests.support.identity_provider import CLIENT_SECRET, run_identity_provider
from tests.support.started_desk import HEALTH_PATH, HOST, ROOT, SHELL, free_ports, send_request, start_desk

README, DOCS = ROOT / "README.md", ROOT / "docs"
OPERATIONS, DEPLOYMENT, SELF_HOSTING = DOCS / "operations.md", DOCS / "deployment.md", DOCS / "self-hosting.md"
TRIED_PAGES = (README, DOCS / "agents.md", DOCS / "callbacks.md", DOCS / "publishing.md")
PAGES = (*TRIED_PAGES, OPERATIONS, DEPLOYMENT, SELF_HOSTING)
EVERY_PAGE = sorted({README, *DOCS.glob("*.md")})
RESTART = "# Restart the desk with it."
FEDERATION_DEMO = "make federation-demo"


def run_page(shell: Shell, *blocks: Block) -> None:
    for block in blocks:
        if block.language in NOT_RUN:
            continue
        for command in block.commands:
            try:
                shell.run(command)
            except AssertionError as error:
                raise AssertionError(f"{block.page.name}, line {block.line}: {error}") from None


class Host:
    """A host without any data, started as the page for hosts says."""

    def __init__(self, folder: Path, secret_key: str) -> None:
        self.folder = folder
        (self.port, self.ws_port), (self.management_port, _) = free_ports(), free_ports()
        engines = engine.environment()
        values = {
            "AWS_ENDPOINT_URL_DYNAMODB": engines.get("AWS_ENDPOINT_URL") or engines["AWS_ENDPOINT_URL_DYNAMODB"],
            "AWS_ENDPOINT_URL_SQS": engines.get("AWS_ENDPOINT_URL") or engines["AWS_ENDPOINT_URL_SQS"],
            "FLUXDEN_SECRET_KEY": secret_key,
            "FLUXDEN_BASE_URL": f"http://{HOST}:{self.port}",
            "FLUXDEN_SOCKET_URL": f"ws://{HOST}:{self.ws_port}",
        }
        (block,) = (each for each in read_blocks(SELF_HOSTING) if each.text.endswith("make container-run\n"))
        # A host needs the settings that the page names, and no others. The doctor's callback is to this machine.
        names = re.findall(r"(?<=\s)([A-Z_]+)=", block.text)
        self.environment = SHELL | {name: values.get(name) or engines[name] for name in names} | {"ALLOW_LOOPBACK": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {"--port": self.port, "--ws-port": self.ws_port, "--management-port": self.management_port}
        with (self.folder / "host.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.container", *(str(part) for pair in options.items() for part in pair)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_for_health(self.port, self._process, self.folder / "host.log")

    def stop(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self._process.kill()
        self._process.wait(10)

    def restart(self, shell: Shell) -> None:
        self.environment["FLUXDEN_SECRET_KEY"] = shell.value("FLUXDEN_SECRET_KEY")
        self.stop()
        self.start()


def wait_for_health(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        with suppress(OSError), closing(HTTPConnection(HOST, port, timeout=10)) as connection:
            if send_request(connection, "GET", HEALTH_PATH).status == 200:
                return
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


@pytest.fixture
def host(tables: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host(tmp_path, os.environ["FLUXDEN_SECRET_KEY"])
    monkeypatch.setenv("FLUXDEN_BASE_URL", made.environment["FLUXDEN_BASE_URL"])
    settings.cache_clear()
    made.start()
    yield made
    made.stop()
    engine_state.engine().refresh()


def test_operations_are_carried_out_as_documented_on_a_new_host(host: Host, api: Api, tmp_path: Path) -> None:
    def dead_letter() -> str:
        job = CallbackJob(delivery_id=str(uuid4()), index=0, click=str(uuid4()))
        url = aws.queue_url(CALLBACKS.dead_letters.physical_name)
        return str(aws.sqs().send_message(QueueUrl=url, MessageBody=job.model_dump_json())["MessageId"])

    def member() -> str:
        instances.run_admin("federation", "set", "--inbound", "on")
        return instances.add_member(api).instance_id

    letter, instance = cache(dead_letter), cache(member)
    replaced: dict[str, Callable[[], str]] = {
        "list --queue callbacks": lambda: letter() and "list --queue callbacks",
        "<message id>": letter,
    }
    clone = new_folder(tmp_path)
    # To be backed up. That a desk finds its data in it again is tested with engines that keep data.
    (clone / ".chalice" / "local" / "data").mkdir()
    more = {"FLUXDEN_SOCKETS_URL": f"http://{HOST}:{host.management_port}", "SSO_CLIENT_SECRET": CLIENT_SECRET}
    with (
        run_identity_provider() as provider,
        Shell(
            clone,
            host.environment | more,
            replaced | {"<id>": instance, "https://login.example.com": lambda: provider.issuer},
            {RESTART: host.restart},
        ) as shell,
    ):
        (add_yourself,) = (each for each in read_blocks(SELF_HOSTING) if "employees create" in each.text)
        run_page(shell, add_yourself, *read_blocks(OPERATIONS))
        assert shell.value("FLUXDEN_SECRET_KEY") == host.environment["FLUXDEN_SECRET_KEY"]


# DynamoDB Local does not restore, so these blocks are marked as those that need an account.
@pytest.mark.engine("embedded")
def test_tables_are_restored_as_documented(desk: Desk, api: Api, tmp_path: Path) -> None:
    made = api.post("/api/v2/kanban", {"title": "Kept"}, desk.alice_key)
    assert made.status == 201
    blocks = [each for each in read_blocks(OPERATIONS) if "admin tables " in each.text]
    short_name = next(each for each in read_blocks(OPERATIONS) if each.text.startswith("admin() {"))
    environment = SHELL | engine.environment() | {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"]}
    with Shell(new_folder(tmp_path), environment, {}, {}) as shell:
        shell.run(short_name.commands[0])
        steps = [command for block in blocks for command in block.commands]
        names = [re.findall(r"admin tables (\S+)", command.text)[0] for command in steps]
        assert names == ["restore", "compare", "put-back", "put-back", "drop"]
        for name, command in zip(names, steps, strict=True):
            if name == "compare":
                card = f"/api/v2/kanban/{made.json['data']['id']}"
                assert api.call("DELETE", card, token=desk.alice_key).status == 200
            shell.run(command)
        cards = api.get("/api/v2/kanban", desk.alice_key).json["data"]["cards"]
        assert "Kept" in [each["title"] for each in cards]


@pytest.mark.engine("embedded")
@pytest.mark.parametrize("page", TRIED_PAGES, ids=lambda page: page.stem)
def test_a_page_is_true_of_a_desk_that_was_just_started(page: Path, tmp_path: Path) -> None:
    with start_desk(tmp_path / "desk", ALLOW_LOOPBACK="1") as desk:
        (receiver, _) = free_ports()
        replaced = {
            "http://127.0.0.1:8000": f"http://{HOST}:{desk.port}",
            "flux-in-pers-Kz_D7NZd…": desk.alice,
            "receive_callbacks.py $secret": f"receive_callbacks.py $secret {receiver}",
            "http://127.0.0.1:9009": f"http://{HOST}:{receiver}",
        }
        # The desk runs already, and this test is part of `make test`.
        done: dict[str, Callable[[Shell], None]] = {"make run": lambda _: None, "make test": lambda _: None}
        environment = SHELL | desk.demo["admin_env"]
        with Shell(
            new_folder(tmp_path, desk.demo_file),
            environment,
            {old: lambda new=new: new for old, new in replaced.items()},  # type: ignore[misc]
            done,
        ) as shell:
            # The demo of two desks has its own test.
            run_page(shell, *(each for each in read_blocks(page) if FEDERATION_DEMO not in each.text))


@pytest.mark.engine("embedded")
def test_the_settings_of_a_started_desk_are_found_as_documented(tmp_path: Path) -> None:
    with start_desk(tmp_path / "desk") as desk, Shell(new_folder(tmp_path, desk.demo_file), SHELL, {}, {}) as shell:
        (settings_of_the_demo, *_) = read_blocks(SELF_HOSTING)
        run_page(shell, settings_of_the_demo)
        assert shell.value("AWS_ENDPOINT_URL") == desk.demo["admin_env"]["AWS_ENDPOINT_URL"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_block_that_is_not_run_says_why(page: Path) -> None:
    for block in read_blocks(page):
        assert block.language in {"", *NOT_RUN}, f"{page.name}, line {block.line}"
        needs_account = re.search(r"^(?:\$ )?(?:aws |make (?:deploy|diff|rollback)|.*infra\.deploy)", block.text, re.M)
        assert block.language == "aws" or not needs_account, f"{page.name}, line {block.line}"


def admin_commands(page: Path) -> Iterator[list[str]]:
    """Return the arguments of every admin command that a page names in its text or in its blocks."""
    text = page.read_text(encoding="utf-8")
    code = [*(each.text.replace("\\\n", " ") for each in read_blocks(page)), *re.findall(r"`([^`\n]+)`", text)]
    for found in re.findall(r"(?:^|(?<=[$(]|\s))(?:infra\.)?admin ([a-z][^\n#|)…]*)", "\n".join(code), re.MULTILINE):
        with suppress(ValueError):
            yield shlex.split(re.sub(r"[<\[].*?[>\]]", "X", found.strip()))


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.stem)
def test_admin_commands_that_a_page_names_exist_with_their_options(page: Path) -> None:
    for arguments in admin_commands(page):
        assert not (wrong := list(_wrong_parts(arguments))), f"{page.name}: {' '.join(arguments)}: {wrong}"


def _wrong_parts(arguments: list[str]) -> Iterator[str]:
    command: click.Command = admin.main
    while isinstance(command, click.Group) and arguments:
        name, *arguments = arguments
        if name not in command.commands:
            yield name
            return
        command = command.commands[name]
    known = {text for each in command.params for text in (*each.opts, *each.secondary_opts)} | {"--help"}
    yield from (each for each in arguments if each.startswith("--") and each.partition("=")[0] not in known)


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.stem)
def test_aws_commands_that_a_page_names_exist_with_their_options(page: Path) -> None:
    session: Any = botocore.session.Session()
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for command in re.findall(r"(?:^|`|\$ )(aws [a-z][^`\n]*)", text, re.MULTILINE):
        _, service, operation, *options = shlex.split(command.partition(" #")[0])
        model = session.get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in operations, f"{page.name}: {command}"
        shape = model.operation_model(operations[operation]).input_shape
        known = {f"--{xform_name(name, '-')}" for name in shape.members} | {"--query", "--output", "--region"}
        switches = [name for name, member in shape.members.items() if member.type_name == "boolean"]
        known |= {f"--no-{xform_name(name, '-')}" for name in switches}
        assert {each for each in options if each.startswith("--")} <= known, f"{page.name}: {command}"


def test_a_page_that_shows_another_output_is_found() -> None:
    printed = '{"id":"0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2","title":"One","fireCount":2}\nqueue_changed\n'
    shown = 'queue_changed\n{"id":"596dfe0d-…", … "fireCount":2}\n'
    assert list(missing_parts(shown, printed)) == []
    assert list(missing_parts(shown.replace("2}", "3}"), printed)) == ['"fireCount":3}']


def test_a_command_ends_where_its_quotes_do() -> None:
    text = "$ curl -d '{\n  1}' \\\n  $base\n{\"a\": 1}\n$ for i in 1 2; do\n  echo; done\n"
    (one, other) = Block(README, 1, "", text).commands
    assert one == Command("curl -d '{\n  1}' \\\n  $base\n", '{"a": 1}\n')
    assert other == Command("for i in 1 2; do\n  echo; done\n")
