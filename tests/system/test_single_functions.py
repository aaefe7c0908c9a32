"""Containers for one function each, behind a router made from the objects of `make knative`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from app import app
from chalicelib.resources import FAN_OUT, SOCKET_WORK
from infra.knative.manifest import Target, render
from infra.knative.sockets import MANAGEMENT_PORT, PORT
from infra.local import engine
from tests.conftest import Desk
from tests.support import inputs
from tests.support.knative import deliver, deliver_messages, parse, start_router
from tests.support.pump import count_messages
from tests.support.started_container import StartedContainer, wait_until_ready
from tests.support.started_desk import HOST, ROOT, SHELL, Answer, free_ports, send_request

TARGET = Target("fluxden:latest", "desk.example.com", "fluxden", "fluxden")
OBJECTS = parse(render(app, TARGET))
STARTED_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Started:
    """A container for one function."""

    process: subprocess.Popen[str]
    port: int

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        with closing(HTTPConnection(HOST, self.port, timeout=30)) as connection:
            return send_request(connection, method, path, body, token)


@contextmanager
def start(names: list[str], **environment: str) -> Iterator[dict[str, Started]]:
    """Start a process for each service with the arguments of its object, and wait until all are ready."""
    settings = SHELL | engine.environment() | {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"]} | environment
    services = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == "Service"}
    with ExitStack() as ending:
        started = {}
        for name in names:
            port, _ = free_ports()
            (container,) = services[name]["spec"]["template"]["spec"]["containers"]
            # The object's arguments, at a loopback port of this machine.
            arguments = [{"0.0.0.0": HOST, "8080": str(port)}.get(each, each) for each in container["args"]]
            process = subprocess.Popen(
                [sys.executable, *container["command"][1:], *arguments],
                cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            ending.callback(_end, process)
            started[name] = Started(process, port)
        for name, each in started.items():
            _wait_until_ready(name, each)
        yield started


def _wait_until_ready(name: str, started: Started) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        assert started.process.poll() is None, f"{name} has ended"
        assert time.monotonic() < deadline, f"{name} is not ready"
        try:
            if started.call("GET", "/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def test_five_services_publish_fan_out_and_read(desk: Desk) -> None:
    names = ["publish-event", "publish-bulk", "fan-out", "list-inbox", "announce-due-callbacks"]
    with start(names) as started, start_router(OBJECTS, _by_host(started)) as port:
        router = Started(started[names[0]].process, port)
        published = router.call("POST", "/api/v1/events", inputs.new_event(title="One"), desk.alice)
        assert published.status == 202, published.body
        recipients = [{"type": "email", "email": f"{name}@example.com"} for name in ("alice", "bob")]
        body = {"event": inputs.new_event(title="All"), "recipients": recipients}
        assert router.call("POST", "/api/v1/events/bulk", body, desk.fd1).status == 202
        listed = router.call("GET", "/api/v1/inbox", None, desk.alice_key).json["items"]
        assert [each["title"] for each in listed] == ["One"]

        sources = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"].endswith("Source")}
        assert set(deliver_messages(sources["fan-out"], FAN_OUT, lambda name: started[name].port)) == {204}
        assert count_messages(FAN_OUT) == 0
        listed = router.call("GET", "/api/v1/inbox", None, desk.alice_key).json["items"]
        assert {each["title"] for each in listed} == {"One", "All"}
        assert [each["title"] for each in router.call("GET", "/api/v1/inbox", None, desk.bob_key).json["items"]] == [
            "All"
        ]

        ping = sources["announce-due-callbacks"]
        assert deliver(ping, "p1", ping["spec"]["data"], lambda name: started[name].port) == 204
        assert router.call("GET", "/api/v1/nothing").status == 404


def test_a_publish_reaches_a_socket_that_a_host_of_the_deployment_holds(desk: Desk, tmp_path: Path) -> None:
    secret = {"FLUXDEN_HOST_SECRET": "s" * 40}
    with (
        start_sockets_host(tmp_path, **secret) as host,
        start(["publish-event", "serve-sockets"], **secret) as started,
    ):
        protocols = [Subprotocol("bearer"), Subprotocol(desk.alice_key)]
        with connect(f"ws://{HOST}:{host.ws_port}", subprotocols=protocols, proxy=None) as client:
            sources = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == "IntegrationSource"}
            source = sources["serve-sockets"]
            # The greeting is the work of a service. Its message is sent when the socket is open.
            deadline = time.monotonic() + STARTED_WITHIN_SECONDS
            while not deliver_messages(source, SOCKET_WORK, lambda name: started[name].port):
                assert time.monotonic() < deadline, "the host has queued no greeting"
                time.sleep(0.05)
            assert json.loads(client.recv(STARTED_WITHIN_SECONDS))["type"] == "connected"
            published = started["publish-event"].call("POST", "/api/v1/events", inputs.new_event(), desk.alice)
            assert published.status == 202, published.body
            while (frame := json.loads(client.recv(STARTED_WITHIN_SECONDS)))["type"] == "heartbeat":
                pass
            assert frame["deliveryId"] == published.json["deliveryId"]
        assert host.stop() == 0


@contextmanager
def start_sockets_host(folder: Path, **environment: str) -> Iterator[StartedContainer]:
    """Start a Pod's process with the arguments of the Deployment, at loopback ports of this machine."""
    (deployment,) = (each for each in OBJECTS if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "infra.container"]
    port, (ws_port, management_port) = 0, free_ports()
    ports = {str(PORT): str(ws_port), str(MANAGEMENT_PORT): str(management_port), "0.0.0.0": HOST}
    url = f"http://$(POD_IP):{MANAGEMENT_PORT}"
    arguments = [ports.get(each, each.replace(url, f"http://{HOST}:{management_port}")) for each in container["args"]]
    settings = SHELL | engine.environment() | {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"]} | environment
    del settings["FLUXDEN_SOCKETS_URL"]
    log = folder / "sockets.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, *container["command"][1:], *arguments],
            cwd=ROOT,
            env=settings,
            stdout=written,
            stderr=written,
        )
    host = StartedContainer(process, port, ws_port, management_port, log)
    try:
        wait_until_ready(host)
        yield host
    finally:
        process.kill()
        process.wait(10)


def _by_host(started: dict[str, Started]) -> dict[str, int]:
    return {f"{name}.{TARGET.namespace}.svc.cluster.local": each.port for name, each in started.items()}


def test_a_function_answers_as_the_desk_does_at_its_paths_only(desk: Desk) -> None:
    with start(["list-inbox", "get-health"]) as started:
        inbox, health = started["list-inbox"], started["get-health"]
        assert inbox.call("GET", "/api/v1/inbox?limit=1", None, desk.alice_key).status == 200
        assert inbox.call("GET", "/api/v1/inbox").status == 401
        missing = inbox.call("GET", "/api/v1/events")
        assert (missing.status, missing.json["code"]) == (404, "not_found")
        wrong = inbox.call("POST", "/api/v1/inbox", {}, desk.alice_key)
        assert (wrong.status, wrong.headers["Allow"]) == (405, "GET")
        head = health.call("HEAD", "/api/v1/health")
        assert (head.status, head.body) == (200, b"")
        assert health.call("GET", "/api/v1/health").headers["X-Request-Id"]


def test_a_worker_refuses_what_is_no_cloud_event_and_fails_a_message_that_it_cannot_process(desk: Desk) -> None:
    with start(["fan-out"]) as started:
        worker = started["fan-out"]
        assert worker.call("POST", "/", {"a": 1}).status == 400
        assert worker.call("GET", "/").status == 405
        source = next(
            each for each in OBJECTS if each["kind"] == "IntegrationSource" and each["metadata"]["name"] == "fan-out"
        )
        assert deliver(source, "m1", '{"no": "job"}', lambda _: worker.port) == 500
        with closing(HTTPConnection(HOST, worker.port, timeout=30)) as connection:
            event = {"specversion": "1.0", "id": "m2", "type": "x", "source": "y", "data": {"no": "job"}}
            connection.request("POST", "/", json.dumps(event), {"Content-Type": "application/cloudevents+json"})
            assert connection.getresponse().status == 500


def test_sigterm_answers_what_has_begun(desk: Desk) -> None:
    body = json.dumps(inputs.new_event()).encode()
    with start(["publish-event"]) as started:
        publish = started["publish-event"]
        head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.alice}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        with closing(socket.create_connection((HOST, publish.port), timeout=30)) as connection:
            connection.sendall(head.encode())
            # The server has seen the request when it asks for its body.
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
            publish.process.send_signal(signal.SIGTERM)
            assert publish.process.stdout
            while "and ends" not in publish.process.stdout.readline():
                assert publish.process.poll() is None
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, publish.port), timeout=30)
            connection.sendall(body)
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 202 ")
        assert b"Connection: close" in reply
        assert publish.process.wait(60) == 0


@pytest.mark.parametrize("framing", ["length", "chunks", "bad chunks", "bad length", "cut"])
def test_bodies_come_by_length_or_in_chunks(desk: Desk, framing: str) -> None:
    body = json.dumps(inputs.new_event()).encode()
    head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.alice}\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\n"
    sent = {
        "length": f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body,
        "chunks": f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x};a\r\n".encode()
        + body
        + b"\r\n0\r\nT: 1\r\n\r\n",
        "bad chunks": f"{head}Transfer-Encoding: chunked\r\n\r\nno\r\n".encode(),
        "bad length": f"{head}Content-Length: no\r\n\r\n".encode(),
        "cut": f"{head}Content-Length: 999999999999\r\n\r\n".encode(),
    }[framing]
    expected = {"length": 202, "chunks": 202, "cut": 413}.get(framing, 400)
    with (
        start(["publish-event"]) as started,
        closing(socket.create_connection((HOST, started["publish-event"].port), timeout=30)) as connection,
    ):
        connection.sendall(sent)
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert reply.startswith(f"HTTP/1.1 {expected} ".encode()), reply
