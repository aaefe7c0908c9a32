"""Nothing is sent to a desk that is suspended or blocked, whatever kind it is; what waits for it ends with a reason."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import chalicelib
import infra
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeKind
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation, suspend_origin_action
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeKind
from chalicelib.resources import NETWORK, NOTICES, OUTBOX_WORK, PEER_NOTICES, PEERS
from tests.conftest import Desk
from tests.federation.connections.connection_calls import REQUESTS, own_connections, peer_base_url, request_connection
from tests.federation.network.network_calls import BEAT, FETCH, hub_answers, own_membership, refused_command
from tests.federation.relays.relay_calls import complete_card, given_work, list_relays, send_relay, stored_relay
from tests.support.api import Api
from tests.support.instances import Member, add_member, run_admin, sync_agents
from tests.support.peer import BASE_URL, CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

_REASON = "not sent: this desk's operator suspended or blocked that desk"
# Calls to what is no desk: callbacks of integrators, and the push services of browsers.
_NOT_TO_DESKS = {"callbacks.py", "web_push.py"}


@dataclass(frozen=True)
class World:
    """What a scenario works with. `url` is the other desk, which the receiver plays."""

    api: Api
    desk: Desk
    pump: Pumps
    receiver: Receiver
    url: str


# A scenario prepares something to send, and returns how it is sent and how its end is read.
Scenario = Callable[[World], tuple[Callable[[], object], Callable[[], object]]]
_STATES: dict[ConnectionNoticeKind, tuple[Initiator, ConnectionStatus]] = {
    ConnectionNoticeKind.REQUESTED: (Initiator.US, ConnectionStatus.PENDING),
    ConnectionNoticeKind.ACCEPTED: (Initiator.PEER, ConnectionStatus.ACTIVE),
    ConnectionNoticeKind.CROSSED: (Initiator.PEER, ConnectionStatus.PENDING),
    ConnectionNoticeKind.ENDED: (Initiator.PEER, ConnectionStatus.DECLINED),
    ConnectionNoticeKind.CONTACT: (Initiator.PEER, ConnectionStatus.ACTIVE),
    ConnectionNoticeKind.CONFIRMATION: (Initiator.PEER, ConnectionStatus.PENDING),
    ConnectionNoticeKind.REMOVED: (Initiator.PEER, ConnectionStatus.DECLINED),
}


def connection_notice(kind: ConnectionNoticeKind) -> Scenario:
    def arrange(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
        initiator, status = _STATES[kind]
        token, now = "t" * 40, timestamp(datetime.now(UTC))
        made = Connection(
            connection_id="00000000-0000-4000-8000-0000000000c1",
            user_id=world.desk.user_id("alice"),
            user_email="alice@example.com",
            user_name="Alice",
            peer_url=world.url,
            peer_email="sam@x.example",
            asked_as="sam@x.example",
            peer_name="Sam",
            peer_instance_name=None,
            peer_connection_id=None,
            token_hash=token_hash(token),
            status=status,
            initiator=initiator,
            hmac_enabled=False,
            peer_key=None,
            created_at=now,
            updated_at=now,
            removed=kind is ConnectionNoticeKind.REMOVED,
        )
        body = {"to": BASE_URL, "signed": None}
        notice = ConnectionNotice(made.connection_id, kind.value, kind, body, now, next_attempt_at=now)
        DynamoConnections().add(made, token, after=None, message=None, notices=[notice])
        CONNECTION_NOTICE_JOBS.announce(notice.job)

        def read() -> object:
            # A contact is made here, and the removal of a connection is finished.
            if kind is ConnectionNoticeKind.CONTACT:
                return _REASON
            rows = [each for each in scan_rows(PEERS) if each["sk"] == f"NOTICE#{kind.value}"]
            return rows[0]["attempts"][-1]["error"] if kind is not ConnectionNoticeKind.REMOVED or rows else _REASON

        return lambda: world.pump.drain(PEER_NOTICES), read

    return arrange


def relay(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    made = connect(world)
    relay_id = send_relay(world.api, world.desk, made, subject="Hi").json["data"]["id"]
    return lambda: world.pump.drain(OUTBOX_WORK), lambda: stored_relay(world.desk, relay_id)["sendError"]


def acknowledgement(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    connect(world)
    card_id = given_work(world.api)
    complete_card(world.api, world.desk, card_id)

    def read() -> object:
        (found,) = list_relays(world.api, world.desk, direction="inbound")["relays"]
        return stored_relay(world.desk, found["id"])["sendError"]

    return lambda: world.pump.drain(OUTBOX_WORK), read


def connect(world: World) -> str:
    made = world.api.post(CONNECTIONS, connection_request(fromInstanceUrl=world.url))
    world.pump.drain(PEER_NOTICES)
    return str(made.json["connectionId"])


def agent_decision(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    member = add_instance(world)
    (row,) = sync_agents(world.api, member, {"id": "a", "name": "A"}).json["results"]
    run_admin("agents", "approve", row["marketplaceId"])
    return lambda: world.pump.drain(NOTICES), lambda: last_error("agent_approval")


def status_decision(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    add_instance(world, drain=False)
    return lambda: world.pump.drain(NOTICES), lambda: last_error("instance_status")


def add_instance(world: World, *, drain: bool = True) -> Member:
    made = add_member(world.api, baseUrl=world.url)
    if drain:
        world.pump.drain(NOTICES)
    return made


def last_error(kind: str) -> object:
    rows = [each for each in scan_rows(NETWORK) if each["sk"] == "NOTICE" and each["kind"] == kind]
    return max(rows, key=lambda each: each["createdAt"])["attempts"][-1]["error"]


def heartbeat(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    hub_answers(world.receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_x", "status": "active"})
    run_admin("hub", "join", world.url)
    return lambda: world.pump.run(BEAT), lambda: own_membership()["lastError"]


def published_keys(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    made = connect(world)

    def read() -> object:
        found = DynamoConnections().find(made)
        assert found is not None
        # Whether it publishes keys has to be known before anything comes in again.
        assert found.keys_due_at is not None
        return _REASON

    return lambda: world.pump.run(FETCH), read


OUTGOING: dict[str, Scenario] = {
    **{str(kind): connection_notice(kind) for kind in ConnectionNoticeKind},
    "relay": relay,
    "acknowledgement": acknowledgement,
    str(InstanceNoticeKind.AGENT_APPROVAL): agent_decision,
    str(InstanceNoticeKind.INSTANCE_STATUS): status_decision,
    "heartbeat": heartbeat,
    "published keys": published_keys,
}


def suspend(url: str) -> None:
    commit([suspend_origin_action(url, suspended=True)])


def block(url: str) -> None:
    DynamoFederation().block(url, blocked=True)


@pytest.mark.parametrize("cut", [suspend, block])
@pytest.mark.parametrize("kind", OUTGOING)
def test_nothing_is_sent_to_a_desk_that_is_cut_off(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, kind: str, cut: Callable[[str], None]
) -> None:
    allow_federation()
    world = World(api, desk, pump, receiver, peer_base_url(receiver))
    send, read_error = OUTGOING[kind](world)
    receiver.received.clear()
    cut(world.url)
    send()
    if kind == InstanceNoticeKind.INSTANCE_STATUS and cut is suspend:
        # An instance is told that it is suspended.
        assert [each.method for each in receiver.received] == ["POST"]
        return
    assert receiver.received == []
    assert read_error() == _REASON


@pytest.mark.parametrize("cut", [suspend, block])
def test_a_request_to_a_desk_that_is_cut_off_is_refused(
    api: Api, desk: Desk, receiver: Receiver, cut: Callable[[str], None]
) -> None:
    allow_federation()
    cut(peer_base_url(receiver))
    refused = request_connection(api, desk, peer_base_url(receiver))
    assert (refused.status, receiver.received) == (409, [])
    assert "suspended or blocked" in refused.json["error"]


def test_a_request_that_was_on_its_way_ends_with_the_reason(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    allow_federation()
    request_connection(api, desk, peer_base_url(receiver))
    block(peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    (ended,) = own_connections(api, desk)
    assert (ended["status"], ended["reason"]) == ("expired", _REASON)
    assert receiver.received == []
    DynamoFederation().block(peer_base_url(receiver), blocked=False)
    assert (
        api.post(
            REQUESTS, {"peerInstanceUrl": peer_base_url(receiver), "peerUserEmail": "sam@x.example"}, desk.alice_key
        ).status
        == 201
    )


def test_a_blocked_hub_is_not_joined_and_a_blocked_instance_not_asked_for_a_proof(
    api: Api, desk: Desk, receiver: Receiver
) -> None:
    made = add_member(api, baseUrl=peer_base_url(receiver))
    run_admin("instances", "suspend", made.instance_id)
    block(made.base_url)
    assert "blocked that desk" in refused_command("hub", "join", made.base_url)
    assert "blocked that desk" in refused_command("instances", "approve", made.instance_id)
    assert receiver.received == []


def test_every_call_to_another_desk_passes_the_rule() -> None:
    unruled = []
    folders = [Path(str(package.__file__)).parent for package in (chalicelib, infra)]
    for path in sorted(each for folder in folders for each in folder.rglob("*.py")):
        text = path.read_text()
        if "gateways import http\n" not in text or path.name in _NOT_TO_DESKS:
            continue
        tree = ast.parse(text)
        ruled = {
            id(argument)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "DeskCalls"
            for argument in call.args
        }
        used = [each for each in ast.walk(tree) if isinstance(each, ast.Attribute) and _is_http(each)]
        assert used, f"{path.name} imports the gateway for nothing"
        unruled += [f"{path.name}:{each.lineno}" for each in used if id(each) not in ruled]
    assert unruled == []


def _is_http(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "http"
