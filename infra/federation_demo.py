"""Two desks on this machine that find each other and share work: `python -m infra.federation_demo`.

Starts both as `make run` does, each with data of its own, walks through what their people and operators do, prints it,
and stops them. Ends with exit code 0 when everything came about, else with 1 and the reason.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
_START_SECONDS, _STOP_SECONDS, _STEP_SECONDS = 40.0, 5.0, 20.0
_WIDTH = 92


class Failed(Exception):
    """A step did not come about; the message says which, and why."""


@dataclass(frozen=True)
class Desk:
    """A running desk, and where it keeps what it prints."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @cached_property
    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text(encoding="utf-8"))
        return found

    def ask(self, method: str, path: str, body: Any = None, *, who: str | None = None) -> Any:
        """What the desk answers, as JSON, to a request with the API key of `who`.

        Raises:
            Failed: it refuses.
        """
        headers = {"Content-Type": "application/json"}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.demo['api_keys'][who]}"
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=_STEP_SECONDS)) as connection:
            try:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                response = connection.getresponse()
                status, text = response.status, response.read().decode()
            except OSError as error:
                raise Failed(f"{self.name} does not answer {method} {path}: {error}") from error
        if not 200 <= status <= 299:  # noqa: PLR2004 - HTTP's
            raise Failed(f"{self.name} answers {method} {path} with {status}: {text}")
        return json.loads(text)

    def operate(self, *command: str) -> str:
        """Run an operator's command on the desk, and give what it says.

        Raises:
            Failed: it ends with a mistake.
        """
        done = subprocess.run(
            [sys.executable, "-m", "infra.admin", *command],
            cwd=ROOT,
            env=_shell() | self.demo["admin_env"] | {"ALLOW_LOOPBACK": "1"},
            capture_output=True,
            text=True,
            timeout=_STEP_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{self.name}: infra.admin {' '.join(command)} fails: {done.stderr.strip()}")
        return done.stdout.strip()

    def is_up(self) -> bool:
        try:
            self.ask("GET", "/api/v1/health")
        except Failed:
            return False
        return (self.folder / "demo.json").exists()


def main() -> int:
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            print("Two desks start, each with its own people and its own data …", flush=True)
            north, south = _both(Path(folder), running)
            tell(f"North, where Alice works: {north.url}\nSouth, where Bob works:   {south.url}")
            join_network(north, south)
            connect(north, south)
            share_work(north, south)
    except Failed as failure:
        print(f"\nFailed: {failure}", file=sys.stderr)
        return 1
    print(f"\nBoth desks are stopped; all of it took {time.monotonic() - started:.0f} seconds.")
    return 0


def join_network(north: Desk, south: Desk) -> None:
    """North registers at South, and South's operator lets it in."""
    headline("North joins South's network")
    _operated("North's operator registers it at South:", north, "hub", "join", south.url, "--name", "North")
    listed = json.loads(south.operate("instances", "list", "--json"))
    (waiting,) = (each["id"] for each in listed if each["baseUrl"] == north.url)
    _operated(
        "South's operator approves it, after North has proved at its own address that it is the one:",
        south,
        *("instances", "approve", waiting),
    )
    _operated(
        "South's operator lets people of approved desks ask for connections; whoever is asked may accept:",
        south,
        *("federation", "set", "--mode", "allowlist", "--inbound", "on"),
    )


def connect(north: Desk, south: Desk) -> None:
    """Alice asks Bob, who accepts."""
    headline("Alice and Bob are connected")
    wanted = {"peerInstanceUrl": south.url, "peerUserEmail": _email(south, "bob"), "nickname": "Bob of South"}
    asked = north.ask("POST", "/api/v2/connection-requests", wanted, who="alice")["data"]
    tell(
        "Alice asks. The request is stored, and sent from now on:",
        f"POST {north.url}/api/v2/connection-requests\n{_json(wanted)}\n→ {asked['status']}",
    )
    met = _until("Bob sees Alice's request", lambda: _connection(south, "bob", "pending", north))
    message = _until("Bob is told of it", lambda: _said(south, "bob", "asks to be connected"))
    tell("Bob reads in his chat:", message)
    path = f"/api/v2/connections/{met['id']}"
    accepted = south.ask("PATCH", path, {"action": "accept"}, who="bob")["data"]
    tell("He accepts:", f'PATCH {south.url}{path}\n{{"action": "accept"}}\n→ {accepted["status"]}')
    own = _until("Alice's connection is active", lambda: _connection(north, "alice", "active", south))
    message = _until("Alice is told of it", lambda: _said(north, "alice", "is connected with you"))
    tell("Alice reads in her chat:", message)
    _until("Bob is a contact of Alice's", lambda: _contact(north, "alice", "bob"))
    _until("Alice is a contact of Bob's", lambda: _contact(south, "bob", "alice"))
    signed = "signed by keys of both desks" if own["signedByPeer"] else "not signed"
    tell(f"Each is a contact of the other's now. What goes over the connection is {signed}.")


def share_work(north: Desk, south: Desk) -> None:
    """Alice hands a task on to Bob; he does it; she sees that."""
    headline("Alice hands a task on to Bob")
    for desk, who in ((north, "alice"), (south, "bob")):
        desk.ask("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, who=who)
    own = north.ask("POST", "/api/v2/queue", {"title": "Count the depots"}, who="alice")["data"]
    connection = _connection(north, "alice", "active", south)
    relay = {
        "connectionId": connection["id"],
        "intent": "assign_task",
        "subject": "Count the depots",
        "payload": {"description": "The ones in the south, please."},
        "queueItemId": own["id"],
    }
    sent = north.ask("POST", "/api/v2/relays", relay, who="alice")["data"]
    tell("In her queue is an item; she relays it:", f"POST {north.url}/api/v2/relays\n{_json(relay)}")
    card = _until("the task is on Bob's board", lambda: _card(south, "bob", "Count the depots"))
    item = _until("the task is in Bob's queue", lambda: _item(south, "bob", "Count the depots"))
    tell(
        "It is a card of Bob's board and an item of his queue:",
        f"card  {card['id']}  {card['status']}\nitem  {item['id']}  {item['status']}",
    )
    path = f"/api/v2/queue/{item['id']}/result"
    south.ask("POST", path, {"result": "Eleven depots."}, who="bob")
    tell("Bob's agent does it:", f'POST {south.url}{path}\n{{"result": "Eleven depots."}}')
    done = _until("Alice's relay is completed", lambda: _relay(north, "alice", sent["id"], "completed"))
    said = json.loads(done["responsePayload"])["message"]
    ended = north.ask("GET", f"/api/v2/queue/{own['id']}", who="alice")["data"]
    if ended["status"] != "done_today":
        raise Failed(f"Alice's own item is {ended['status']}, not done_today.")
    tell(
        "North is told, and Alice sees:",
        f"relay  {done['id']}  {done['status']}: {said}\nitem   {ended['id']}  {ended['status']}",
    )


def headline(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}", flush=True)


def tell(text: str, *details: str) -> None:
    """Print a sentence, and what belongs to it indented below."""
    print(text)
    for each in details:
        print(textwrap.indent(each, "    "))
    sys.stdout.flush()


def _both(folder: Path, running: ExitStack) -> tuple[Desk, Desk]:
    """Both desks, started at the same time."""
    north, south = (running.enter_context(_running(name, folder / name)) for name in ("North", "South"))
    _until("North is up", lambda: _alive(north).is_up(), seconds=_START_SECONDS)
    _until("South is up", lambda: _alive(south).is_up(), seconds=_START_SECONDS)
    return north, south


def _operated(text: str, desk: Desk, *command: str) -> None:
    said = desk.operate(*command)
    tell(text, f"$ python -m infra.admin {' '.join(command)}\n{said}")


def _json(body: Any) -> str:
    return textwrap.fill(json.dumps(body), _WIDTH, break_long_words=False, break_on_hyphens=False)


@contextmanager
def _running(name: str, folder: Path) -> Iterator[Desk]:
    folder.mkdir()
    port, ws_port = _free_ports()
    own = {"PORT": str(port), "WS_PORT": str(ws_port), "DEMO_FILE": str(folder / "demo.json"), "ALLOW_LOOPBACK": "1"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("chalice"),
                *("local", "--stage", "local", "--no-autoreload", "--port", str(port)),
            ],
            cwd=ROOT,
            env=_shell() | own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Desk(name, process, port, folder)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sent)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _alive(desk: Desk) -> Desk:
    if (code := desk.process.poll()) is not None:
        output = (desk.folder / "output").read_text(encoding="utf-8").strip()
        raise Failed(f"{desk.name} has ended with {code}: {output[-2000:]}")
    return desk


def _until(what: str, look: Callable[[], Any], seconds: float = _STEP_SECONDS) -> Any:
    """What is found, once there is something.

    Raises:
        Failed: there was nothing within so many seconds.
    """
    ends = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > ends:
            raise Failed(f"after {seconds:.0f} seconds this has not come about: {what}.")
        time.sleep(0.1)
    return found


def _connection(desk: Desk, who: str, status: str, peer: Desk) -> Any:
    found = desk.ask("GET", f"/api/v2/connections?status={status}", who=who)["connections"]
    return next((each for each in found if each["peerInstanceUrl"] == peer.url), None)


def _said(desk: Desk, who: str, text: str) -> Any:
    found = desk.ask("GET", "/api/v2/shared-chat/messages?role=system", who=who)["data"]["messages"]
    return next((each["content"] for each in reversed(found) if text in each["content"]), None)


def _contact(desk: Desk, who: str, search: str) -> Any:
    found = desk.ask("GET", f"/api/v2/contacts?search={search}", who=who)["data"]["contacts"]
    return next((each for each in found if each["source"] == "federation"), None)


def _card(desk: Desk, who: str, title: str) -> Any:
    found = desk.ask("GET", "/api/v2/kanban?limit=100", who=who)["data"]["cards"]
    return next((each for each in found if each["title"] == title and each["sourceRelayId"]), None)


def _item(desk: Desk, who: str, title: str) -> Any:
    found = desk.ask("GET", "/api/v2/queue", who=who)["data"]["items"]
    return next((each for each in found if each["title"] == title and each["source"] == "federation"), None)


def _relay(desk: Desk, who: str, relay_id: str, status: str) -> Any:
    found = desk.ask("GET", f"/api/v2/relays?status={status}", who=who)["data"]["relays"]
    return next((each for each in found if each["id"] == relay_id), None)


def _email(desk: Desk, who: str) -> str:
    return str(desk.demo["users"][who]["email"])


def _shell() -> dict[str, str]:
    """The environment without settings for AWS, for us, for the engine or for proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "FLUXDEN_", "ENGINE", "DATA_DIR")) and not name.lower().endswith("_proxy")
    }


def _free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        one, two = (held.enter_context(closing(socket.create_server((HOST, 0)))) for _ in range(2))
        return one.getsockname()[1], two.getsockname()[1]


def _stop(*_: object) -> NoReturn:
    sys.exit("Stopped.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
