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
from tests.support.sample_data import WORD, Scene
from tests.support.sample_requests import asked_of
from tests.support.sockets import Client, Sockets

if TYPE_CHECKING:
    from tests.conftest import Desk

_PEER_KEY = SigningKey.new("theirs")


@dataclass(frozen=True)
class Place:
    """The desk where the work is, and who is outside."""

    api: Api
    desk: "Desk"
    receiver: Receiver
    sockets: Sockets

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}"

    def ask(self, operation: str) -> Any:
        """Make bob's request of this operation."""
        route, ask = asked_of(operation, Scene(self.api, self.desk))
        made = ask.send(self.api, route)
        assert made.status == route.status, made.text
        return made.json

    def answer(self, status: int = 200, /, **said: Any) -> None:
        """Let the outside answer so from now on."""
        self.receiver.status, self.receiver.body = status, json.dumps(said).encode()

    @property
    def client(self) -> Client:
        (found,) = self.sockets.clients.values()
        return found

    def begin_again(self) -> None:
        """Forget what the outside has been told."""
        self.receiver.received.clear()
        for each in self.sockets.clients.values():
            each.posted.clear()
            each.gone = False


@dataclass(frozen=True)
class Work:
    """Some work, and the schedules and workers that have to do with it, in their order; `besides` are others that help.

    It is due after `later`. When it is done `seen` sees `done`, and what `told` names has been told to the outside,
    by ids that stay the same when it is told again.
    """

    chain: tuple[str, ...]
    make: Callable[[Place], object]
    seen: Callable[[Place], Any]
    done: Any
    told: Callable[[Place], list[str]]
    times: int = 1
    besides: tuple[str, ...] = ()
    later: timedelta = timedelta(0)


def rows(table: Table) -> Iterator[dict[str, Any]]:
    found = aws.dynamodb().scan(TableName=table.physical_name, ConsistentRead=True)["Items"]
    return (from_item(dict(item)) for item in found)


def _marks(table: Table, name: str, **where: Any) -> Callable[[Place], list[Any]]:
    """What stands under this name in the table's rows that have it, and match."""

    def seen(_: Place) -> list[Any]:
        return [row[name] for row in rows(table) if name in row and where.items() <= row.items()]

    return seen


def _heard(named: Callable[[Received], str]) -> Callable[[Place], list[str]]:
    return lambda place: [named(each) for each in place.receiver.received]


def _said(name: str) -> Callable[[Received], str]:
    return lambda received: f"{received.path} {json.loads(received.body)[name]}"


_ID = _heard(lambda received: received.headers["webhook-id"])


def _relay(place: Place) -> None:
    place.answer(success=True)
    place.ask("send_relay")


def _member(place: Place) -> None:
    instances.member(place.api, baseUrl=place.address)


def _accepted(place: Place) -> None:
    peer.allow(approval=True)
    asked = peer.request(toUserEmail="bob@example.com", fromInstanceUrl=place.address)
    connection = place.api.post(peer.CONNECTIONS, asked).json["connectionId"]
    path = f"{peer.CONNECTIONS}/{connection}"
    assert place.api.call("PATCH", path, {"action": "accept"}, token=place.desk.bob_key).status == 200


def _asked(place: Place) -> None:
    peer.allow(approval=True)
    place.answer(success=True, connectionId="theirs", status="active")
    _ask(place)


def _ask(place: Place) -> None:
    body = {"peerInstanceUrl": place.address, "peerUserEmail": "nora@other.example.org"}
    assert place.api.post("/api/v2/connection-requests", body, place.desk.bob_key).status == 201


def _unanswered(place: Place) -> None:
    """A request to a desk of our kind, which has it, and says nothing."""
    peer.allow(approval=True)
    place.answer(success=True, connectionId="theirs", status="pending")
    _ask(place)
    pumps = Pumps()
    pumps.drain(PEER_NOTICES)
    _publish_key(place)
    pumps.run("fetch_peer_keys")
    place.answer()


def _publish_key(place: Place) -> None:
    key = {"keyId": _PEER_KEY.key_id, "algorithm": "ed25519", "publicKey": _PEER_KEY.public_key}
    place.answer(software="fluxden", keys=[key])


def _connected(place: Place) -> None:
    peer.allow()
    told = {"keyId": _PEER_KEY.key_id, "publicKey": _PEER_KEY.public_key}
    asked = peer.request(fromInstanceUrl=place.address, fluxden=told)
    assert place.api.post(peer.CONNECTIONS, asked).status == 200
    Pumps().drain(PEER_NOTICES)
    _publish_key(place)


def _peering(place: Place) -> Any:
    """How the connection stands, what became of what was to be done for it, and what came of it here."""
    statuses = [row["status"] for row in rows(PEERS) if row.get("peerUrl") == place.address]
    # One whose worker died after its answer, and before noting that, has nothing left to say.
    notices = ["pending" if row["outcome"] == "pending" else "done" for row in rows(PEERS) if _is_notice(row)]
    contacts = [row["pk"] for row in rows(CONTACTS) if str(row.get("email")).endswith("@other.example.org")]
    messages = [row["pk"] for row in rows(CHAT) if row.get("role") == "system"]
    return statuses, notices, len(contacts), len(messages)


def _is_notice(row: dict[str, Any]) -> bool:
    return str(row["sk"]).startswith("NOTICE#")


def _silent(place: Place) -> None:
    made = instances.member(place.api)
    instances.offered(place.api, made)
    assert place.api.post(instances.HEARTBEAT, {"status": "healthy"}, made.token).status == 200


def _joined(place: Place) -> None:
    place.answer(201, instanceId="id-1", platformToken="dvd_fed_first", status="active")
    instances.operate("hub", "join", place.address)
    place.answer(success=True)


def _beaten(_: Place) -> Any:
    return [(int(row["failures"]), "lastSuccessAt" in row) for row in rows(NETWORK) if row["pk"] == "MEMBERSHIPS"]


def _two_browsers(place: Place) -> None:
    for path in ("one", "two"):
        endpoint = {"endpoint": f"{place.address}/{path}"}
        assert place.api.post("/api/v2/push/subscriptions", endpoint, place.desk.bob_key).status == 201
    assert place.api.post("/api/v1/events", inputs.event(), place.desk.bob).status == 202


def _came_back(place: Place) -> None:
    """A client that has missed three messages."""
    first = place.sockets.connect(place.desk.bob_key)
    pumps = Pumps()
    pumps.drain(SOCKET_WORK)
    for _ in range(3):
        place.ask("send_message")
    last_id = first.frames[0]["id"]
    first.close()
    place.sockets.clients.clear()
    place.sockets.connect(place.desk.bob_key, headers={"Last-Event-ID": last_id})


def _live(place: Place) -> Any:
    connections = [(row["live"], row["welcomed"]) for row in rows(SOCKETS) if row["sk"].startswith("SOCKET#")]
    # Sent again or not, they come in their order.
    types = [each["type"] for each in {each["id"] + each["type"]: each for each in place.client.frames}.values()]
    return connections, types


WORK = {
    "a bulk call": Work(
        ("fan_out",), lambda place: place.ask("publish_bulk"),
        _marks(DELIVERIES, "fireCount", title=WORD), [1, 1], lambda _: [], times=0,
    ),
    "a click": Work(
        ("announce_due_callbacks", "deliver_callback"), lambda place: place.ask("click_action"),
        _marks(DELIVERIES, "outcome"), ["delivered"], _ID,
    ),
    "a relay": Work(
        ("announce_due_outboxes", "send_waiting"), _relay,
        _marks(RELAYS, "dispatch"), ["sent"], _heard(_said("relayId")),
    ),
    "a decision on a member": Work(
        ("announce_due_notices", "deliver_notice"), _member,
        _marks(NETWORK, "outcome", sk="NOTICE"), ["delivered"], _ID,
    ),
    "a request that was accepted": Work(
        ("announce_due_peer_notices", "deliver_peer_notice"), _accepted,
        _peering, (["active"], ["done"], 1, 1), _heard(_said("connectionId")),
    ),
    "a request of ours": Work(
        ("announce_due_peer_notices", "deliver_peer_notice"), _asked,
        _peering, (["active"], ["done"] * 2, 1, 1), _heard(_said("connectionId")),
    ),
    "a request that nobody answers": Work(
        ("end_unanswered_requests", "deliver_peer_notice"), _unanswered,
        _peering, (["expired"], ["done"] * 2, 0, 1), _heard(_said("connectionId")),
        besides=("announce_due_peer_notices",), later=timedelta(days=31),
    ),
    "keys of a peer": Work(
        ("fetch_peer_keys",), _connected,
        lambda place: [len(row["publishedKeys"]) for row in rows(PEERS) if row.get("peerUrl") == place.address],
        [1], _heard(lambda received: received.path),
    ),
    "a member's silence": Work(
        ("mark_silent_instances",), _silent,
        lambda _: [("dueAt" in row, row["pk"]) for row in rows(NETWORK) if "staleSince" in row],
        [(False, "INSTANCES")], lambda _: [], times=0, later=timedelta(minutes=16),
    ),
    "a heartbeat": Work(
        ("send_hub_heartbeats",), _joined, _beaten, [(0, True)], lambda _: [], times=0,
    ),
    "a nudge": Work(
        ("nudge",), _two_browsers, lambda _: None, None, _heard(lambda received: received.path), times=2,
    ),
    "a client that came back": Work(
        ("catch_up",), _came_back, _live, ([(True, True)], ["connected", *["new_message"] * 3]),
        lambda place: [each["id"] + each["type"] for each in place.client.frames], times=4,
    ),
}  # fmt: skip
