"""Everything that is sent to other desks, by kind: how it is prepared, how it is sent, and how its end is read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeKind
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeKind
from chalicelib.resources import NETWORK, NOTICES, OUTBOX_WORK, PEER_NOTICES, PEERS
from tests.conftest import Desk
from tests.federation.network.network_calls import BEAT, FETCH, hub_answers, own_membership
from tests.federation.relays.relay_calls import complete_card, given_work, list_relays, send_relay, stored_relay
from tests.support.api import Api
from tests.support.instances import Member, add_member, register_instance, run_admin, sync_agents
from tests.support.peer import BASE_URL, CONNECTIONS, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

# What the end of something says that is not sent, since its desk is suspended or blocked.
UNSENT = "not sent: this desk's operator suspended or blocked that desk"


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
                return UNSENT
            rows = [each for each in scan_rows(PEERS) if each["sk"] == f"NOTICE#{kind.value}"]
            return rows[0]["attempts"][-1]["error"] if kind is not ConnectionNoticeKind.REMOVED or rows else UNSENT

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


def registration(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    register_instance(world.api, baseUrl=world.url)
    return lambda: world.pump.drain(NOTICES), lambda: last_error("registration")


def add_instance(world: World, *, drain: bool = True) -> Member:
    made = add_member(world.api, baseUrl=world.url)
    if drain:
        world.pump.drain(NOTICES)
    return made


def last_error(kind: str) -> object:
    rows = [each for each in scan_rows(NETWORK) if each["sk"] == "NOTICE" and each["kind"] == kind]
    return max(rows, key=lambda each: each["createdAt"])["attempts"][-1]["error"]


def heartbeat(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    joined = {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_x", "status": "active"}
    hub_answers(world.receiver, 201, joined)
    run_admin("hub", "join", world.url)
    return lambda: world.pump.run(BEAT), lambda: own_membership()["lastError"]


def published_keys(world: World) -> tuple[Callable[[], object], Callable[[], object]]:
    made = connect(world)

    def read() -> object:
        found = DynamoConnections().find(made)
        assert found is not None
        # Whether it publishes keys has to be known before anything comes in again.
        assert found.keys_due_at is not None
        return UNSENT

    return lambda: world.pump.run(FETCH), read


OUTGOING: dict[str, Scenario] = {
    **{str(kind): connection_notice(kind) for kind in ConnectionNoticeKind},
    "relay": relay,
    "acknowledgement": acknowledgement,
    str(InstanceNoticeKind.AGENT_APPROVAL): agent_decision,
    str(InstanceNoticeKind.INSTANCE_STATUS): status_decision,
    str(InstanceNoticeKind.REGISTRATION): registration,
    "heartbeat": heartbeat,
    "published keys": published_keys,
}
