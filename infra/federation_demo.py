"""Two desks on this machine that connect and share a task: `python -m infra.federation_demo`.

Starts both as `make run` does, each with its own data, prints each step of their people and operators, and stops them.
Exits with 1 and the reason if a step fails.
"""

import json
import signal
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from infra.desk_process import DeskProcess, StepFailed, check_alive, start_desk, wait_until

_START_SECONDS = 40.0
_WIDTH = 92


def main() -> int:
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            print("Starting two desks, each with its own people and data …", flush=True)
            north, south = _start_desks(Path(folder), running)
            _print_step(f"North, where Alice works: {north.url}\nSouth, where Bob works:   {south.url}")
            join_network(north, south)
            connect(north, south)
            share_work(north, south)
            lose_data(north, south, Path(folder), running)
    except StepFailed as failure:
        print(f"\nFailed: {failure}", file=sys.stderr)
        return 1
    print(f"\nStopped both desks after {time.monotonic() - started:.0f} seconds.")
    return 0


def join_network(north: DeskProcess, south: DeskProcess) -> None:
    """Register North at South, and approve it there."""
    _print_headline("North joins South's network")
    _run_admin("North's operator registers it at South:", north, "hub", "join", south.url, "--name", "North")
    listed = json.loads(south.run_admin("instances", "list", "--json"))
    (waiting,) = (each["id"] for each in listed if each["baseUrl"] == north.url)
    _run_admin(
        "South's operator approves North. First North proves its identity at its own URL:",
        south,
        *("instances", "approve", waiting),
    )
    _run_admin(
        "South's operator allows connection requests from people of approved desks:",
        south,
        *("federation", "set", "--mode", "allowlist", "--inbound", "on"),
    )


def connect(north: DeskProcess, south: DeskProcess) -> None:
    """Let Alice request a connection, and Bob accept it."""
    _print_headline("Alice and Bob connect")
    wanted = {"peerInstanceUrl": south.url, "peerUserEmail": _email(south, "bob"), "nickname": "Bob of South"}
    asked = north.request("POST", "/api/v2/connection-requests", wanted, who="alice")["data"]
    _print_step(
        "Alice requests a connection. The request is stored, then sent:",
        f"POST {north.url}/api/v2/connection-requests\n{_wrap_json(wanted)}\n→ {asked['status']}",
    )
    met = wait_until("Bob sees Alice's request", lambda: _find_connection(south, "bob", "pending", north))
    if not met["verified"]:
        raise StepFailed("South did not verify that the request is North's.")
    _print_step(
        "South asks North at its own address whether the request is its own, and only then lists it to Bob:",
        f"{met['peerUserName']} ({met['peerUserEmail']}) of {met['origin']}, verified",
    )
    path = f"/api/v2/connections/{met['id']}"
    accepted = south.request("PATCH", path, {"action": "accept"}, who="bob")["data"]
    _print_step("Bob accepts:", f'PATCH {south.url}{path}\n{{"action": "accept"}}\n→ {accepted["status"]}')
    own = wait_until("Alice's connection is active", lambda: _find_connection(north, "alice", "active", south))
    message = wait_until(
        "Alice's chat shows the connection", lambda: _find_message(north, "alice", "is connected with you")
    )
    _print_step("Alice reads in her chat:", message)
    wait_until("Bob is a contact of Alice's", lambda: _find_contact(north, "alice", "bob"))
    wait_until("Alice is a contact of Bob's", lambda: _find_contact(south, "bob", "alice"))
    signed = "signed with the keys of both desks" if own["signedByPeer"] else "not signed"
    _print_step(f"Alice and Bob are now contacts of each other. Their messages are {signed}.")


def share_work(north: DeskProcess, south: DeskProcess) -> None:
    """Let Alice relay a task to Bob, and Bob complete it."""
    _print_headline("Alice relays a task to Bob")
    for desk, who in ((north, "alice"), (south, "bob")):
        desk.request("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, who=who)
    own = north.request("POST", "/api/v2/queue", {"title": "Count the depots"}, who="alice")["data"]
    connection = _find_connection(north, "alice", "active", south)
    relay = {
        "connectionId": connection["id"],
        "intent": "assign_task",
        "subject": "Count the depots",
        "payload": {"description": "The ones in the south, please."},
        "queueItemId": own["id"],
    }
    sent = north.request("POST", "/api/v2/relays", relay, who="alice")["data"]
    _print_step("Alice relays an item of her queue:", f"POST {north.url}/api/v2/relays\n{_wrap_json(relay)}")
    card = wait_until("the task is on Bob's board", lambda: _find_card(south, "bob", "Count the depots"))
    item = wait_until("the task is in Bob's queue", lambda: _find_item(south, "bob", "Count the depots"))
    _print_step(
        "Bob gets a card on his board and an item in his queue:",
        f"card  {card['id']}  {card['status']}\nitem  {item['id']}  {item['status']}",
    )
    path = f"/api/v2/queue/{item['id']}/result"
    south.request("POST", path, {"result": "Eleven depots."}, who="bob")
    _print_step("Bob's agent completes it:", f'POST {south.url}{path}\n{{"result": "Eleven depots."}}')
    done = wait_until("Alice's relay is completed", lambda: _find_relay(north, "alice", sent["id"], "completed"))
    said = json.loads(done["responsePayload"])["message"]
    ended = north.request("GET", f"/api/v2/queue/{own['id']}", who="alice")["data"]
    if ended["status"] != "done_today":
        raise StepFailed(f"Alice's own item is {ended['status']}, not done_today.")
    _print_step(
        "South acknowledges it to North, and Alice sees:",
        f"relay  {done['id']}  {done['status']}: {said}\nitem   {ended['id']}  {ended['status']}",
    )


def lose_data(north: DeskProcess, south: DeskProcess, folder: Path, running: ExitStack) -> None:
    """Restart North without its data, and let Alice ask anew."""
    _print_headline("North loses its data")
    north.stop()
    anew = running.enter_context(start_desk("North", folder / "North-again", port=north.port))
    wait_until("North is up again", lambda: check_alive(anew).is_up(), seconds=_START_SECONDS)
    _print_step("North is started again at its address, with new keys and without its connections. Alice asks anew:")
    connect(anew, south)
    connection = _find_connection(anew, "alice", "active", south)
    relay = {"connectionId": connection["id"], "intent": "assign_task", "subject": "Count the ships"}
    anew.request("POST", "/api/v2/relays", relay, who="alice")
    card = wait_until("the new task is on Bob's board", lambda: _find_card(south, "bob", "Count the ships"))
    _print_step("Relays of the new connection arrive:", f"card  {card['id']}  {card['status']}")


def _print_headline(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}", flush=True)


def _print_step(text: str, *details: str) -> None:
    """Print a sentence, and the details indented below it."""
    print(text)
    for each in details:
        print(textwrap.indent(each, "    "))
    sys.stdout.flush()


def _start_desks(folder: Path, running: ExitStack) -> tuple[DeskProcess, DeskProcess]:
    """Start both desks at the same time."""
    north, south = (running.enter_context(start_desk(name, folder / name)) for name in ("North", "South"))
    wait_until("North is up", lambda: check_alive(north).is_up(), seconds=_START_SECONDS)
    wait_until("South is up", lambda: check_alive(south).is_up(), seconds=_START_SECONDS)
    return north, south


def _run_admin(text: str, desk: DeskProcess, *command: str) -> None:
    said = desk.run_admin(*command)
    _print_step(text, f"$ python -m infra.admin {' '.join(command)}\n{said}")


def _wrap_json(body: Any) -> str:
    return textwrap.fill(json.dumps(body), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _find_connection(desk: DeskProcess, who: str, status: str, peer: DeskProcess) -> Any:
    found = desk.request("GET", f"/api/v2/connections?status={status}", who=who)["connections"]
    return next((each for each in found if each["peerInstanceUrl"] == peer.url), None)


def _find_message(desk: DeskProcess, who: str, text: str) -> Any:
    found = desk.request("GET", "/api/v2/shared-chat/messages?role=assistant", who=who)["data"]["messages"]
    return next((each["content"] for each in reversed(found) if text in each["content"]), None)


def _find_contact(desk: DeskProcess, who: str, search: str) -> Any:
    found = desk.request("GET", f"/api/v2/contacts?search={search}", who=who)["data"]["contacts"]
    return next((each for each in found if each["source"] == "federation"), None)


def _find_card(desk: DeskProcess, who: str, title: str) -> Any:
    found = desk.request("GET", "/api/v2/kanban?limit=100", who=who)["data"]["cards"]
    return next((each for each in found if each["title"] == title and each["sourceRelayId"]), None)


def _find_item(desk: DeskProcess, who: str, title: str) -> Any:
    found = desk.request("GET", "/api/v2/queue", who=who)["data"]["items"]
    return next((each for each in found if each["title"] == title and each["source"] == "federation"), None)


def _find_relay(desk: DeskProcess, who: str, relay_id: str, status: str) -> Any:
    found = desk.request("GET", f"/api/v2/relays?status={status}", who=who)["data"]["relays"]
    return next((each for each in found if each["id"] == relay_id), None)


def _email(desk: DeskProcess, who: str) -> str:
    return str(desk.demo["users"][who]["email"])


def _stop(*_: object) -> NoReturn:
    sys.exit("Stopped.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
