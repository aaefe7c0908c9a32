"""Work that is done later: what makes some for every worker and schedule, and by what is seen that it was done."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib import aws
from chalicelib.core.stores.items import from_item
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.resources import (
    CHAT,
    CONTACTS,
    DELIVERIES,
    NETWORK,
    PEER_NOTICES,
    PEERS,
    RELAYS,
    SOCKET_WORK,
    SOCKETS,
    Table,
)
from tests.support import inputs, instances, peer
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Received, Receiver
from tests.support.sample_data import CANARY, SampleData
from tests.support.sample_requests import sample_request
from tests.support.sockets import Client, Sockets

if TYPE_CHECKING:
    from tests.conftest import Desk

_PEER_KEY = SigningKey.new("theirs")


@dataclass(frozen=True)
class ScenarioContext:
    """The desk where the work is, and who is outside."""

    api: Api
    desk: "Desk"
    receiver: Receiver
    sockets: Sockets

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}"

    def request(self, operation: str) -> Any:
        """Make bob's request of this operation."""
        route, ask = sample_request(operation, SampleData(self.api, self.desk))
        made = ask.send(self.api, route)
        assert made.status == route.status, made.text
        return made.json

    def set_answer(self, status: int = 200, /, **said: Any) -> None:
        """Let the outside answer so from now on."""
        self.receiver.status, self.receiver.body = status, json.dumps(said).encode()

    @property
    def client(self) -> Client:
        (found,) = self.sockets.clients.values()
        return found

    def forget_sent(self) -> None:
        """Forget what the outside has been told."""
        self.receiver.received.clear()
        for each in self.sockets.clients.values():
            each.posted.clear()
            each.gone = False


@dataclass(frozen=True)
class WorkerScenario:
    """Some work, and the schedules and workers that have to do with it, in their order; `besides` are others that help.

    It is due after `later`. When it is done `seen` sees `done`, and what `told` names has been told to the outside,
    by ids that stay the same when it is told again.
    """

    functions: tuple[str, ...]
    arrange: Callable[[ScenarioContext], object]
    read_result: Callable[[ScenarioContext], Any]
    expected: Any
    list_sent: Callable[[ScenarioContext], list[str]]
    sent_count: int = 1
    helpers: tuple[str, ...] = ()
    due_after: timedelta = timedelta(0)


def scan_rows(table: Table) -> Iterator[dict[str, Any]]:
    found = aws.dynamodb().scan(TableName=table.physical_name, ConsistentRead=True)["Items"]
    return (from_item(dict(item)) for item in found)


def _values_of(table: Table, name: str, **where: Any) -> Callable[[ScenarioContext], list[Any]]:
    """What stands under this name in the table's rows that have it, and match."""

    def seen(_: ScenarioContext) -> list[Any]:
        return [row[name] for row in scan_rows(table) if name in row and where.items() <= row.items()]

    return seen


def _read_received(named: Callable[[Received], str]) -> Callable[[ScenarioContext], list[str]]:
    return lambda place: [named(each) for each in place.receiver.received]


def _body_field(name: str) -> Callable[[Received], str]:
    return lambda received: f"{received.path} {json.loads(received.body)[name]}"


_WEBHOOK_IDS = _read_received(lambda received: received.headers["webhook-id"])


def _send_relay(place: ScenarioContext) -> None:
    place.set_answer(success=True)
    place.request("send_relay")


def _approve_member(place: ScenarioContext) -> None:
    instances.add_member(place.api, baseUrl=place.address)


def _accept_connection(place: ScenarioContext) -> None:
    peer.allow_federation(approval=True)
    asked = peer.connection_request(toUserEmail="bob@example.com", fromInstanceUrl=place.address)
    connection = place.api.post(peer.CONNECTIONS, asked).json["connectionId"]
    path = f"{peer.CONNECTIONS}/{connection}"
    assert place.api.call("PATCH", path, {"action": "accept"}, token=place.desk.bob_key).status == 200


def _request_accepted_connection(place: ScenarioContext) -> None:
    peer.allow_federation(approval=True)
    place.set_answer(success=True, connectionId="theirs", status="active")
    _request_connection(place)


def _request_connection(place: ScenarioContext) -> None:
    body = {"peerInstanceUrl": place.address, "peerUserEmail": "nora@other.example.org"}
    assert place.api.post("/api/v2/connection-requests", body, place.desk.bob_key).status == 201


def _request_unanswered_connection(place: ScenarioContext) -> None:
    """A request to a desk of our kind, which has it, and says nothing."""
    peer.allow_federation(approval=True)
    place.set_answer(success=True, connectionId="theirs", status="pending")
    _request_connection(place)
    pumps = Pumps()
    pumps.drain(PEER_NOTICES)
    _publish_key(place)
    pumps.run("fetch_peer_keys")
    place.set_answer()


def _publish_key(place: ScenarioContext) -> None:
    key = {"keyId": _PEER_KEY.key_id, "algorithm": "ed25519", "publicKey": _PEER_KEY.public_key}
    place.set_answer(software="fluxden", keys=[key])


def _connect_peer_with_key(place: ScenarioContext) -> None:
    peer.allow_federation()
    told = {"keyId": _PEER_KEY.key_id, "publicKey": _PEER_KEY.public_key}
    asked = peer.connection_request(fromInstanceUrl=place.address, fluxden=told)
    assert place.api.post(peer.CONNECTIONS, asked).status == 200
    Pumps().drain(PEER_NOTICES)
    _publish_key(place)


def _read_connection(place: ScenarioContext) -> Any:
    """How the connection stands, what became of what was to be done for it, and what came of it here."""
    statuses = [row["status"] for row in scan_rows(PEERS) if row.get("peerUrl") == place.address]
    # One whose worker died after its answer, and before noting that, has nothing left to say.
    notices = ["pending" if row["outcome"] == "pending" else "done" for row in scan_rows(PEERS) if _is_notice(row)]
    contacts = [row["pk"] for row in scan_rows(CONTACTS) if str(row.get("email")).endswith("@other.example.org")]
    messages = [row["pk"] for row in scan_rows(CHAT) if row.get("role") == "system"]
    return statuses, notices, len(contacts), len(messages)


def _is_notice(row: dict[str, Any]) -> bool:
    return str(row["sk"]).startswith("NOTICE#")


def _add_silent_member(place: ScenarioContext) -> None:
    made = instances.add_member(place.api)
    instances.offer_agent(place.api, made)
    assert place.api.post(instances.HEARTBEAT, {"status": "healthy"}, made.token).status == 200


def _join_hub(place: ScenarioContext) -> None:
    place.set_answer(201, instanceId="id-1", platformToken="dvd_fed_first", status="active")
    instances.run_admin("hub", "join", place.address)
    place.set_answer(success=True)


def _read_heartbeats(_: ScenarioContext) -> Any:
    return [(int(row["failures"]), "lastSuccessAt" in row) for row in scan_rows(NETWORK) if row["pk"] == "MEMBERSHIPS"]


def _publish_to_two_browsers(place: ScenarioContext) -> None:
    for path in ("one", "two"):
        endpoint = {"endpoint": f"{place.address}/{path}"}
        assert place.api.post("/api/v2/push/subscriptions", endpoint, place.desk.bob_key).status == 201
    assert place.api.post("/api/v1/events", inputs.new_event(), place.desk.bob).status == 202


def _reconnect_client(place: ScenarioContext) -> None:
    """A client that has missed three messages."""
    first = place.sockets.connect(place.desk.bob_key)
    pumps = Pumps()
    pumps.drain(SOCKET_WORK)
    for _ in range(3):
        place.request("send_message")
    last_id = first.frames[0]["id"]
    first.close()
    place.sockets.clients.clear()
    place.sockets.connect(place.desk.bob_key, headers={"Last-Event-ID": last_id})


def _read_socket(place: ScenarioContext) -> Any:
    connections = [(row["live"], row["welcomed"]) for row in scan_rows(SOCKETS) if row["sk"].startswith("SOCKET#")]
    # Sent again or not, they come in their order.
    types = [each["type"] for each in {each["id"] + each["type"]: each for each in place.client.frames}.values()]
    return connections, types


WORKER_SCENARIOS = {
    "a bulk call": WorkerScenario(
        ("fan_out",),
        lambda place: place.request("publish_bulk"),
        _values_of(DELIVERIES, "fireCount", title=CANARY),
        [1, 1],
        lambda _: [],
        sent_count=0,
    ),
    "a click": WorkerScenario(
        ("announce_due_callbacks", "deliver_callback"),
        lambda place: place.request("click_action"),
        _values_of(DELIVERIES, "outcome"),
        ["delivered"],
        _WEBHOOK_IDS,
    ),
    "a relay": WorkerScenario(
        ("announce_due_outboxes", "send_waiting"),
        _send_relay,
        _values_of(RELAYS, "dispatch"),
        ["sent"],
        _read_received(_body_field("relayId")),
    ),
    "a decision on a member": WorkerScenario(
        ("announce_due_notices", "deliver_notice"),
        _approve_member,
        _values_of(NETWORK, "outcome", sk="NOTICE"),
        ["delivered"],
        _WEBHOOK_IDS,
    ),
    "a request that was accepted": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _accept_connection,
        _read_connection,
        (["active"], ["done"], 1, 1),
        _read_received(_body_field("connectionId")),
    ),
    "a request of ours": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _request_accepted_connection,
        _read_connection,
        (["active"], ["done"] * 2, 1, 1),
        _read_received(_body_field("connectionId")),
    ),
    "a request that nobody answers": WorkerScenario(
        ("end_unanswered_requests", "deliver_peer_notice"),
        _request_unanswered_connection,
        _read_connection,
        (["expired"], ["done"] * 2, 0, 1),
        _read_received(_body_field("connectionId")),
        helpers=("announce_due_peer_notices",),
        due_after=timedelta(days=31),
    ),
    "keys of a peer": WorkerScenario(
        ("fetch_peer_keys",),
        _connect_peer_with_key,
        lambda place: [len(row["publishedKeys"]) for row in scan_rows(PEERS) if row.get("peerUrl") == place.address],
        [1],
        _read_received(lambda received: received.path),
    ),
    "a member's silence": WorkerScenario(
        ("mark_silent_instances",),
        _add_silent_member,
        lambda _: [("dueAt" in row, row["pk"]) for row in scan_rows(NETWORK) if "staleSince" in row],
        [(False, "INSTANCES")],
        lambda _: [],
        sent_count=0,
        due_after=timedelta(minutes=16),
    ),
    "a heartbeat": WorkerScenario(
        ("send_hub_heartbeats",),
        _join_hub,
        _read_heartbeats,
        [(0, True)],
        lambda _: [],
        sent_count=0,
    ),
    "a nudge": WorkerScenario(
        ("nudge",),
        _publish_to_two_browsers,
        lambda _: None,
        None,
        _read_received(lambda received: received.path),
        sent_count=2,
    ),
    "a client that came back": WorkerScenario(
        ("catch_up",),
        _reconnect_client,
        _read_socket,
        ([(True, True)], ["connected", *["new_message"] * 3]),
        lambda place: [each["id"] + each["type"] for each in place.client.frames],
        sent_count=4,
    ),
}
