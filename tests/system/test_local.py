"""The whole system as `make run` starts it, used over HTTP and WebSockets."""

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as websocket

from app import app
from infra.local import cloud
from tests.support import inputs
from tests.support.concurrency import run_concurrently
from tests.support.started_desk import (
    HEALTH_PATH,
    HOST,
    SHELL,
    Answer,
    StartedDesk,
    free_ports,
    kill_desk,
    launch_desk,
    send_request,
    start_desk,
)

pytestmark = pytest.mark.engine("embedded")

EVENTS, BULK = "/api/v1/events", "/api/v1/events/bulk"
INBOX = "/api/v1/inbox"
UPDATES = "/api/v2/updates"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(tmp_path_factory.mktemp("first")) as made:
        yield made


@pytest.fixture(scope="module")
def second(system: StartedDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    """Start another system, in an environment with unreachable AWS settings."""
    with start_desk(tmp_path_factory.mktemp("second"), AWS_ENDPOINT_URL="http://127.0.0.1:9") as made:
        yield made


def test_the_printed_commands_publish_an_event_and_show_it_in_the_inbox(system: StartedDesk) -> None:
    publish, read = re.findall(r"^curl .*?(?=\n\n|\n?\Z)", system.stdout, re.DOTALL | re.MULTILINE)

    published = bash(publish)
    assert published.startswith("HTTP/1.1 202 ")
    accepted = json.loads(published.partition("\n\n")[2])
    items = json.loads(bash(read))["items"]

    assert accepted["deliveryId"] in [item["deliveryId"] for item in items]


def test_the_welcome_names_the_addresses_and_the_demo_file(system: StartedDesk) -> None:
    base = f"http://127.0.0.1:{system.port}"
    assert f"Fluxden is running at {base}\n" in system.stdout
    assert system.demo["console_url"] in system.stdout
    assert str(system.demo_file) in system.stdout
    (docs,) = re.findall(rf"{base}(/api/v1/docs)\n", system.stdout)
    assert system.call("GET", docs).status == 200
    assert system.stderr == ""


def test_each_call_writes_one_line_with_its_fields(system: StartedDesk) -> None:
    answer = system.call("POST", EVENTS, inputs.new_event(), system.alice)

    lines = [json.loads(each) for each in system.stdout.splitlines() if each.startswith('{"level"')]
    (line,) = (each for each in lines if each.get("requestId") == answer.headers["X-Request-Id"])
    assert (line["message"], line["operation"], line["status"]) == ("request", "publish_event", 202)
    assert "request\n" not in system.stdout.splitlines(keepends=True)
    assert not any(each.startswith('{"_aws"') for each in system.stdout.splitlines())


def test_the_welcome_has_the_configuration_of_an_mcp_client(system: StartedDesk) -> None:
    (line,) = re.findall(r'^{"mcpServers.*$', system.stdout, re.MULTILINE)
    told = json.loads(line)["mcpServers"]["fluxden"]
    assert told["url"] == system.demo["mcp_url"]
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    sent = {"Content-Type": "application/json", **told["headers"]}
    for more, status in (({}, 200), ({"Host": "evil.example"}, 403), ({"Origin": "http://evil.example"}, 403)):
        with system.connection() as connection:
            connection.request("POST", "/mcp", json.dumps(listing), sent | more)
            response = connection.getresponse()
            assert (response.status, b"task_list" in response.read()) == (status, status == 200)
    assert system.call("DELETE", "/mcp").headers["Allow"] == "POST"


def test_the_demo_file_is_complete_and_private(system: StartedDesk) -> None:
    demo = system.demo
    assert set(demo) == {
        "base_url",
        "ws_url",
        "mcp_url",
        "console_url",
        "federation",
        "tools_tokens",
        "personal_tokens",
        "api_keys",
        "users",
        "catalog_slug",
        "project_slug",
        "project_id",
        "team_id",
        "foreign_project_id",
        "admin_env",
    }
    assert {"connection_id", "federation_token"} <= set(demo["federation"])
    assert demo["base_url"] == f"http://127.0.0.1:{system.port}"
    assert demo["ws_url"] == f"ws://127.0.0.1:{system.ws_port}"
    assert demo["console_url"].startswith(f"{demo['base_url']}/#sign-in=fxc_")
    assert (demo["catalog_slug"], demo["project_slug"]) == ("fd1", "apollo")
    assert set(demo["tools_tokens"]) == {"fd1", "hr"}
    assert set(demo["personal_tokens"]) == {"alice", "bob", "moderated"}
    assert set(demo["api_keys"]) == {"alice", "bob"}
    assert list(demo["users"]) == ["alice", "bob", "carol", "dave", "erin"]
    for name, user in demo["users"].items():
        assert user == {"email": f"{name}@example.com", "user_id": str(UUID(user["user_id"]))}
    assert len({UUID(demo[name]) for name in ("project_id", "team_id", "foreign_project_id")}) == 3
    assert set(demo["admin_env"]) == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "FLUXDEN_BASE_URL",
        "FLUXDEN_SOCKETS_URL",
        "FLUXDEN_SECRET_KEY",
    }
    assert stat.S_IMODE(system.demo_file.stat().st_mode) == 0o600


def test_every_personal_token_and_key_of_the_demo_file_works(system: StartedDesk) -> None:
    for name, token in system.demo["personal_tokens"].items():
        sent = inputs.new_event(event_type="hr.offer.sent" if name == "moderated" else "fd1.repo.access_granted")
        assert system.call("POST", EVENTS, sent, token).status == 202
    for key in system.demo["api_keys"].values():
        assert system.call("GET", INBOX, token=key).status == 200


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/health", f"{HEALTH_PATH}/more?at=all"])
def test_an_unknown_path_is_not_found(system: StartedDesk, path: str) -> None:
    check_problem(system.call("GET", path), 404, "not_found", path.partition("?")[0])


@pytest.mark.parametrize("path", ["/api/v2", "/api/v2/nothing", "/api/chat/nothing", "/api/marketplace?a=b"])
def test_an_unknown_v2_path_has_the_v2_error_shape(system: StartedDesk, path: str) -> None:
    answer = system.call("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.json == {"success": False, "error": "There is nothing at this path."}


@pytest.mark.parametrize("path", ["/api/chat/mentions", "/api/v2/prompt-groups"])
def test_a_path_is_served_under_the_contracts_prefix_too(system: StartedDesk, path: str) -> None:
    assert system.call("GET", path).status == 401
    there = system.call("GET", path, token=system.alice_key)
    assert there.status == 200
    assert system.call("GET", f"/api/v2{path}", token=system.alice_key).json == there.json


def test_other_origins_can_read_and_cache_updates(system: StartedDesk) -> None:
    asked = system.call("OPTIONS", UPDATES)
    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert set(asked.headers["Access-Control-Allow-Methods"].split(",")) == {"GET", "OPTIONS"}
    assert "If-None-Match" in asked.headers["Access-Control-Allow-Headers"]
    with system.connection() as connection:
        first = send_request(connection, "GET", UPDATES)
        connection.request("GET", UPDATES, headers={"If-None-Match": first.headers["ETag"]})
        held = connection.getresponse()
        assert (held.status, held.read(), held.headers["Content-Length"]) == (304, b"", None)
        assert send_request(connection, "GET", UPDATES).json == first.json


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", BULK, "POST"),
        ("POST", HEALTH_PATH, "GET, HEAD"),
        ("PATCH", INBOX, "GET, HEAD"),
        ("OPTIONS", BULK, "POST"),
        ("TRACE", BULK, "POST"),
        ("BREW", HEALTH_PATH, "GET, HEAD"),
    ],
)
def test_an_unsupported_method_lists_the_allowed_ones(
    system: StartedDesk, method: str, path: str, allowed: str
) -> None:
    refused = system.call(method, path, {} if method in ("DELETE", "POST", "PATCH") else None)
    check_problem(refused, 405, "method_not_allowed", path)
    assert refused.headers["Allow"] == allowed


@pytest.mark.parametrize(("path", "status"), [(HEALTH_PATH, 200), (BULK, 405), ("/api/v1/nothing", 404)])
def test_a_response_to_head_has_no_body(system: StartedDesk, path: str, status: int) -> None:
    head = f"HEAD {path} HTTP/1.1\r\nHost: desk\r\n\r\n"
    said = system.send_bytes(f"{head}GET {HEALTH_PATH} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n".encode())

    first, second, body = said.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert second.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["ok"] is True


@pytest.mark.parametrize("length", ["ten", "-1", "1.5", "+5", "0x10", "５"])
def test_a_content_length_that_is_not_a_number_is_invalid(system: StartedDesk, length: str) -> None:
    said = system.send_bytes(f"POST {EVENTS} HTTP/1.1\r\nHost: desk\r\nContent-Length: {length}\r\n\r\n".encode())
    check_problem(parse_response(said), 400, "validation_failed", EVENTS)


@pytest.mark.parametrize("length", [f"{10 * 1024 * 1024 + 1}", "9" * 5000, f"{'0' * 12}{10 * 1024 * 1024 + 1}"])
def test_a_body_over_10_mb_is_refused_before_it_is_sent(system: StartedDesk, length: str) -> None:
    said = system.send_bytes(f"POST {EVENTS} HTTP/1.1\r\nHost: desk\r\nContent-Length: {length}\r\n\r\n".encode())
    check_problem(parse_response(said), 413, "payload_too_large", EVENTS)


def test_chunks_over_10_mb_are_refused_before_they_are_sent(system: StartedDesk) -> None:
    start = f"POST {EVENTS} HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = system.send_bytes(f"{start}5\r\n12345\r\na00000\r\n".encode())
    check_problem(parse_response(said), 413, "payload_too_large", EVENTS)


@pytest.mark.parametrize("chunk", ["\r\n12345", "ten\r\n12345", "-5\r\n12345", "0x5\r\n12345", "5\r\n1234567"])
def test_a_malformed_chunk_is_invalid(system: StartedDesk, chunk: str) -> None:
    start = f"POST {EVENTS} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = system.send_bytes(f"{start}{chunk}\r\n0\r\n\r\n".encode())
    check_problem(parse_response(said), 400, "validation_failed", EVENTS)


def test_a_body_may_come_in_chunks(system: StartedDesk) -> None:
    sent = inputs.new_event(title="In pieces: 你好")
    text = json.dumps(sent, ensure_ascii=False).encode()
    headers = {"Authorization": f"Bearer {system.alice}", "Content-Type": "application/json"}
    with system.connection() as connection:
        pieces = (text[at : at + 7] for at in range(0, len(text), 7))
        connection.request("POST", EVENTS, pieces, headers, encode_chunked=True)
        response = connection.getresponse()
        accepted = json.loads(response.read())
        assert send_request(connection, "GET", HEALTH_PATH).status == 200

    assert (response.status, accepted["title"]) == (202, "In pieces: 你好")


def test_a_connection_serves_one_request_after_another(system: StartedDesk) -> None:
    with system.connection() as connection:
        assert send_request(connection, "GET", HEALTH_PATH).status == 200
        first = connection.sock
        assert send_request(connection, "DELETE", EVENTS, {"a": "body"}).status == 405
        assert send_request(connection, "POST", EVENTS, inputs.new_event(), system.alice).status == 202
        assert connection.sock is first


@pytest.mark.parametrize("path", [INBOX, "/api/v1/nothing"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_token_with_non_ascii_letters_is_unauthorized(system: StartedDesk, path: str, encoding: str) -> None:
    line = "Authorization: Bearer flux-in-pers-übermäßig".encode(encoding)
    said = system.send_bytes(
        b"GET %s HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n%s\r\n\r\n" % (path.encode(), line)
    )
    if path == INBOX:
        check_problem(parse_response(said), 401, "unauthorized", path)
    else:
        check_problem(parse_response(said), 404, "not_found", path)


def test_a_body_that_is_not_text_is_invalid(system: StartedDesk) -> None:
    headers = {"Authorization": f"Bearer {system.alice}", "Content-Type": "application/json"}
    with system.connection() as connection:
        connection.request("POST", EVENTS, b'{"title": "\xff\xfe"}', headers)
        response = connection.getresponse()
        check_problem(Answer(response.status, response.headers, response.read()), 400, "validation_failed", EVENTS)


def test_16_concurrent_publishes_make_one_delivery_and_all_count(system: StartedDesk) -> None:
    sent = inputs.new_event(title="All at once")

    answers = run_concurrently(16, lambda _: system.call("POST", EVENTS, sent, system.alice))

    assert Counter(answer.status for answer in answers) == {202: 1, 200: 15}
    (delivery_id,) = {answer.json["deliveryId"] for answer in answers}
    assert system.call("GET", f"{EVENTS}/{delivery_id}", token=system.alice).json["fireCount"] == 16
    items = system.call("GET", INBOX, token=system.alice_key).json["items"]
    assert [item["fireCount"] for item in items if item["title"] == "All at once"] == [16]
    with aws_client(system) as client:
        rows = client.scan(TableName="fluxden-deliveries", ConsistentRead=True)["Items"]
    assert [row["pk"]["S"] for row in rows if row.get("title") == {"S": "All at once"}] == [delivery_id]


def test_a_busy_port_is_reported_in_one_line(system: StartedDesk) -> None:
    before = (system.demo_file.read_bytes(), system.demo_file.stat().st_mtime_ns)

    late = launch_desk(system.folder / "late", system.port, system.ws_port, DEMO_FILE=str(system.demo_file))
    try:
        assert late.process.wait(60) != 0
    finally:
        kill_desk(late)

    (line,) = late.stderr.splitlines()
    assert str(system.port) in line and "already in use" in line
    assert late.stdout == ""
    assert (system.demo_file.read_bytes(), system.demo_file.stat().st_mtime_ns) == before
    assert system.is_healthy()


def test_a_busy_websocket_port_is_reported_in_one_line(system: StartedDesk) -> None:
    late = launch_desk(system.folder / "late", free_ports()[0], system.ws_port, DEMO_FILE=str(system.demo_file))
    try:
        assert late.process.wait(60) != 0
    finally:
        kill_desk(late)

    (line,) = late.stderr.splitlines()
    assert f"Port {system.ws_port} is already in use" in line and "make run WS_PORT=8011" in line
    assert late.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"), [("WS_PORT", "70000"), ("WS_IDLE_SECONDS", "0"), ("WS_LIFETIME_SECONDS", "two hours")]
)
def test_an_invalid_number_is_reported_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    port, ws_port = free_ports()
    wrong = launch_desk(tmp_path, port, ws_port, **{name: value})
    try:
        assert wrong.process.wait(60) != 0
    finally:
        kill_desk(wrong)
    (line,) = wrong.stderr.splitlines()
    assert name in line and value in line


def test_an_unknown_engine_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE", "paper")
    with pytest.raises(SystemExit):
        cloud.start(app)
    assert capsys.readouterr().err == "ENGINE is 'paper'. Set it to embedded or dynamodb-local.\n"


def test_a_websocket_without_a_key_is_refused(system: StartedDesk) -> None:
    with pytest.raises(InvalidStatus) as refused, websocket(f"{system.demo['ws_url']}/any/path", proxy=None):
        pass
    assert refused.value.response.status_code in {401, 403}
    with closing(socket.create_connection((HOST, system.ws_port), timeout=60)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 426"
    assert system.stderr == ""


def test_the_admin_environment_reaches_open_sockets(system: StartedDesk) -> None:
    client: Any = boto3.Session().client(
        "apigatewaymanagementapi",
        endpoint_url=system.demo["admin_env"]["FLUXDEN_SOCKETS_URL"],
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    with closing(client), pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId="L0SM9cOFvHcCIhw=", Data=b"{}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_system_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with start_desk(tmp_path) as system, system.connection() as idle:
        assert send_request(idle, "GET", HEALTH_PATH).status == 200

        os.killpg(system.process.pid, number)

        assert system.process.wait(60) == 0
        assert "Traceback" not in system.stdout + system.stderr
        assert system.stderr == ""
        assert not system.is_healthy()


def test_two_systems_run_side_by_side(system: StartedDesk, second: StartedDesk) -> None:
    accepted = second.call("POST", EVENTS, inputs.new_event(title="Only here"), second.alice)

    assert accepted.status == 202
    assert "Only here" in second.call("GET", INBOX, token=second.alice_key).body.decode()
    assert system.call("GET", INBOX, token=second.alice_key).status == 401
    assert system.call("POST", EVENTS, inputs.new_event(), second.alice).status == 401
    assert "Only here" not in system.call("GET", INBOX, token=system.alice_key).body.decode()


def test_the_aws_settings_of_the_demo_file_reach_the_tables(system: StartedDesk) -> None:
    with aws_client(system) as client:
        names = client.list_tables()["TableNames"]
    assert {"fluxden-deliveries", "fluxden-tokens", "fluxden-idempotency", "fluxden-directory"} <= set(names)


def test_demo_creates_a_second_organisation_under_another_prefix(system: StartedDesk, tmp_path: Path) -> None:
    made_file = tmp_path / "new" / "other.json"

    ran = system.run("infra.admin", "demo", FLUXDEN_PREFIX="other", DEMO_FILE=str(made_file))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert str(made_file) in ran.stdout
    made = json.loads(made_file.read_text(encoding="utf-8"))
    assert set(made) == set(system.demo)
    assert made["admin_env"] == system.demo["admin_env"] | {"FLUXDEN_PREFIX": "other"}
    assert made["base_url"] == system.demo["base_url"]
    assert stat.S_IMODE(made_file.stat().st_mode) == 0o600
    with aws_client(system) as client:
        tables = client.list_tables()["TableNames"]
        counts = {
            name: [
                client.scan(TableName=f"{prefix}-{name}", Select="COUNT")["Count"] for prefix in ("fluxden", "other")
            ]
            for name in ("tokens", "directory")
        }
    assert {name.removeprefix("other-") for name in tables if name.startswith("other-")} == {
        name.removeprefix("fluxden-") for name in tables if name.startswith("fluxden-")
    }
    # The first desk is in use, so it may have more of them.
    assert counts["tokens"][0] >= counts["tokens"][1] > 0
    # That one sends mail to its own mailbox.
    assert counts["directory"][0] == counts["directory"][1] + 1 > 1
    # Tokens of the first organisation don't work in the second.
    assert system.call("POST", EVENTS, inputs.new_event(), system.alice).status == 202
    assert system.call("POST", EVENTS, inputs.new_event(), made["personal_tokens"]["alice"]).status == 401


@dataclass(frozen=True)
class SecondRun:
    """The data before `demo` was run again, and the demo file that it wrote."""

    delivery_id: str
    directory: list[dict[str, Any]]
    demo: dict[str, Any]


@pytest.fixture(scope="module")
def again(second: StartedDesk, tmp_path_factory: pytest.TempPathFactory) -> SecondRun:
    delivery_id = second.call("POST", EVENTS, inputs.new_event(), second.alice).json["deliveryId"]
    directory = scan_table(second, "fluxden-directory")
    made_file = tmp_path_factory.mktemp("again") / "demo.json"
    ran = second.run("infra.admin", "demo", DEMO_FILE=str(made_file))
    assert (ran.returncode, ran.stderr) == (0, "")
    return SecondRun(delivery_id, directory, json.loads(made_file.read_text(encoding="utf-8")))


def test_demo_run_again_creates_new_tokens(second: StartedDesk, again: SecondRun) -> None:
    for name, token in again.demo["personal_tokens"].items():
        sent = inputs.new_event(event_type="hr.offer.sent" if name == "moderated" else "fd1.repo.access_granted")
        assert second.call("POST", EVENTS, sent, token).status == 202
    for key in again.demo["api_keys"].values():
        assert second.call("GET", INBOX, token=key).status == 200


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [("POST", EVENTS, "personal_tokens"), ("POST", EVENTS, "tools_tokens")],
)
def test_demo_run_again_revokes_the_old_tokens(
    second: StartedDesk, again: SecondRun, method: str, path: str, kind: str
) -> None:
    old = second.demo[kind]
    body = inputs.new_event() if method == "POST" else None
    answers = {name: second.call(method, path, body, token).status for name, token in old.items()}
    assert answers == dict.fromkeys(old, 401)


def test_demo_run_again_keeps_everything_else(second: StartedDesk, again: SecondRun) -> None:
    token, key = again.demo["personal_tokens"]["alice"], again.demo["api_keys"]["alice"]
    assert second.call("GET", f"{EVENTS}/{again.delivery_id}", token=token).status == 200
    items = second.call("GET", INBOX, token=key).json["items"]
    assert again.delivery_id in [item["deliveryId"] for item in items]
    assert scan_table(second, "fluxden-directory") == again.directory
    secret = {"tools_tokens", "personal_tokens", "api_keys", "console_url", "federation"}
    assert {name: value for name, value in again.demo.items() if name not in secret} == {
        name: value for name, value in second.demo.items() if name not in secret
    }


def test_demo_has_help(system: StartedDesk) -> None:
    ran = system.run("infra.admin", "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "demo" in ran.stdout and "AWS_ENDPOINT_URL" in ran.stdout


def check_problem(answer: Answer, status: int, code: str, path: str) -> None:
    """Check that the response is the problem `code`, in the same shape as from an operation."""
    assert answer.status == status
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    problem = answer.json
    assert set(problem) - {"fieldErrors"} == {"type", "title", "status", "detail", "instance", "requestId", "code"}
    assert (problem["status"], problem["code"], problem["instance"]) == (status, code, path)
    assert problem["type"].endswith(f"/{code.replace('_', '-')}")
    assert problem["requestId"] == answer.headers["X-Request-Id"]
    assert problem["title"] and problem["detail"]


def parse_response(said: bytes) -> Answer:
    """Parse the only HTTP response in these bytes."""
    head, _, body = said.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = http.client.HTTPMessage()
    for name, _, value in (line.partition(": ") for line in lines):
        headers[name] = value
    assert len(body) == int(headers["Content-Length"])
    return Answer(int(status.split()[1]), headers, body)


def bash(command: str) -> str:
    """Run a command in a shell, and return its output."""
    ran = subprocess.run(["bash", "-c", command], env=SHELL, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


@contextmanager
def aws_client(system: StartedDesk) -> Iterator[Any]:
    """Return a DynamoDB client with the demo file's settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in system.demo["admin_env"].items():
            patch.setenv(name, value)
        client = boto3.Session().client("dynamodb")
    with closing(client):
        yield client


def scan_table(system: StartedDesk, table: str) -> list[dict[str, Any]]:
    with aws_client(system) as client:
        rows = client.scan(TableName=table, ConsistentRead=True)["Items"]
    return sorted(rows, key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


def test_a_connected_desk_sends_over_the_demo_connection(system: StartedDesk) -> None:
    sent = json.dumps({"relayId": "r-1", "intent": "assign_task", "subject": "Count the depots"})
    headers = {"X-Federation-Token": system.demo["federation"]["federation_token"], "Content-Type": "application/json"}
    for path in ("/api/v2/relay", "/api/federation/relay"):
        with system.connection() as connection:
            connection.request("POST", path, sent, headers)
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["task"]) == (200, True)
    assert system.call("POST", "/api/v2/connections", {}).status == 403
