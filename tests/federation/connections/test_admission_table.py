"""Every door for other desks, tried with every proof, in every state and mode, against what the rules say.

The doors are read from the declarations, so a new one fails here until its rule is stated. The expected answers are
written down independently of `admission.py`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.api.v2 import peer_admission
from chalicelib.api.v2.inbound import require_inbound, require_inbound_settings
from chalicelib.core.domain.callers import InstanceKey, PlatformToken
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.writes import commit
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.connection_notices import confirmation_notice
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, PeerKey
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.connections.stores import claim_bounds
from chalicelib.federation.connections.stores import connections as stored
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation, suspend_origin_action
from chalicelib.federation.connections.stores.held_requests import DynamoHeldRequests
from chalicelib.resources import BOARD, CHAT, NETWORK, PEER_NOTICES, PEERS, QUEUE_ITEMS, RELAYS
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.relays.relay_calls import sign_relay
from tests.support import instances
from tests.support.api import ROUTES, Api
from tests.support.hostile_peer import ACCEPT, END, HEARTBEAT, WEBHOOK, HonestPeer, Kind
from tests.support.peer import ACK, CONNECTIONS, RELAY, allow_federation, connection_request, sign_body, sign_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sample_data import SampleData
from tests.support.sample_requests import sample_request
from tests.support.worker_scenarios import scan_rows

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")

# The doors over a connection, with the side that must have asked and the states that let in.
_OPEN, _PENDING, _ENDED = ("active",), ("pending",), ("declined", "expired")
DOORS = {
    RELAY: ("peer", _OPEN),
    "/api/federation/relay": ("peer", _OPEN),
    ACK: ("peer", _OPEN),
    ACCEPT: ("us", (*_OPEN, *_PENDING)),
    END: ("us", (*_OPEN, *_PENDING, *_ENDED)),
}
STATES = ("pending", "active", "blocked", "declined", "expired", "held", "suspended", "blocked origin")
PROOFS = ("nothing", "unknown", "token", "digest", "signature", "both", "forged")
PEERS_OF = ("plain", "hmac", "key", "published")
# What the operations themselves say after a request was let in.
_LET_IN = ("No such relay was sent over this connection.",)
_ADDRESSES = itertools.count()
_KEY, _FORGER = SigningKey.new("key"), SigningKey.new("key")


@dataclass(frozen=True)
class Case:
    """One way to come in."""

    door: str
    peer: str
    state: str
    proof: str
    inbound: bool

    @property
    def expected(self) -> int:
        """The status that refuses the request; 0 if it is let in."""
        if self.proof == "nothing":
            return 401
        if not self.inbound:
            return 403
        if self.proof == "unknown":
            return 401
        if self.state not in DOORS[self.door][1]:
            return 404
        needs_digest = self.peer in ("hmac", "key")
        needs_signature = self.peer in ("key", "published")
        if needs_digest and self.proof not in ("digest", "both", "forged"):
            return 401
        if needs_signature and self.proof not in ("signature", "both"):
            return 401
        return 0


# Every operation with which another desk can change something here, with whether `closed` refuses it. With
# `inbound off`, and on a desk without an address, all of them are refused alike.
INGRESS = {
    "request_connection": True,
    "receive_relay": False,
    "acknowledge_relay": False,
    "confirm_connection": False,
    "end_connection": False,
    "receive_marketplace_event": False,
    "register_instance": False,
    "send_heartbeat": False,
    "link_marketplace": False,
    "validate_payment": False,
    "sync_agents": False,
    "put_synced_agent": False,
    "delete_synced_agent": False,
}
_CLOSED = "This desk does not accept connection requests."
_INBOUND_OFF = "This desk accepts nothing from other desks."
# These take in what people, their agents and their systems send, and authenticate it themselves.
_OF_PEOPLE = {
    "call_mcp",
    "sign_in",
    "ask_to_sign_in",
    "sign_in_with_passkey",
    "ingest_by_address",
    "ingest_by_put",
    "unsubscribe_from_email",
}


def is_ingress(route: Route) -> bool:
    """Whether somebody who is no person of this desk can call the operation to change something."""
    if route.method == "GET" or route.__name__ in _OF_PEOPLE:
        return False
    return not route.callers or bool({PlatformToken, InstanceKey} & set(route.callers))


def test_the_tables_have_every_ingress_and_every_door_of_connections() -> None:
    ingress = {route.__name__ for route in ROUTES.values() if is_ingress(route)}
    assert ingress == set(INGRESS)
    conditions = (require_inbound, require_inbound_settings)
    judged = {r.__name__ for r in ROUTES.values() if is_peer_gate(r.gate) or r.precondition in conditions}
    assert judged == ingress
    doors = {path for route in ROUTES.values() if is_peer_gate(route.gate) for path in route.paths}
    assert doors == {*DOORS, CONNECTIONS, "/api/federation/connect"}


def is_peer_gate(gate: Any) -> bool:
    return gate is not None and gate.__module__ == peer_admission.__name__


@pytest.mark.parametrize("state", ["inbound off", "no address", "closed", "open"])
@pytest.mark.parametrize("name", INGRESS)
def test_every_ingress_is_refused_alike_with_inbound_off_and_requests_only_when_closed(
    api: Api, desk: Desk, name: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    route, request = sample_request(name, SampleData(api, desk))
    allow_federation("closed" if state == "closed" else "open", inbound=state != "inbound off")
    if state == "no address":
        monkeypatch.setenv("FLUXDEN_BASE_URL", "")
        settings.cache_clear()
    before = stored_content()
    for path in route.paths:
        headers = request.headers_with(request.credential)
        answer = api.call(route.method, path.format(**request.path), request.body, headers=headers)
        is_refused = state in ("inbound off", "no address") or (state == "closed" and INGRESS[name])
        if not is_refused:
            assert answer.status in (200, 201), answer.text
            continue
        assert (answer.status, answer.json["error"]) == (403, _CLOSED if state == "closed" else _INBOUND_OFF)
        assert stored_content() == before, "a refusal changes nothing"
        # What is wrong with the body is not said while nothing is let in.
        assert api.call(route.method, path.format(**request.path), raw="[", headers=headers).status == 403


def stored_content() -> list[Any]:
    """Return the rows that other desks can add or change, without the budgets that every call is charged to."""
    rows = [row for table in (PEERS, NETWORK, RELAYS, BOARD, QUEUE_ITEMS, CHAT) for row in scan_rows(table)]
    return sorted((row for row in rows if row.get("sk") != "BUDGET"), key=lambda row: (row["pk"], row.get("sk", "")))


@pytest.mark.parametrize("door", DOORS)
def test_every_door_lets_in_exactly_what_is_proved(api: Api, desk: Desk, door: str) -> None:
    add_connections(desk, door)
    refused = admitted = 0
    wrong = []
    for inbound in (True, False):
        allow_federation("closed", inbound=inbound)
        for peer, state, proof in itertools.product(PEERS_OF, STATES, PROOFS):
            case = Case(door, peer, state, proof, inbound)
            answer = send(api, case)
            was_let_in = answer.status == 200 or answer.json.get("error") in _LET_IN
            if (0 if was_let_in else answer.status) != case.expected:
                wrong.append((case, answer.status, answer.text))
            refused, admitted = refused + (not was_let_in), admitted + was_let_in
    assert wrong == []
    assert refused + admitted == 2 * len(PEERS_OF) * len(STATES) * len(PROOFS)
    assert admitted == sum(
        Case(door, peer, state, proof, inbound=True).expected == 0
        for peer, state, proof in itertools.product(PEERS_OF, STATES, PROOFS)
    )


def send(api: Api, case: Case) -> Any:
    token = token_of(case.peer, case.state)
    body = {"relayId": f"{case.proof}", "status": "completed", "subject": "x"}
    raw, digest = sign_body(body, token)
    key = _FORGER if case.proof == "forged" else _KEY
    _, signed = sign_relay(body, key, token, case.door)
    only_token = {"X-Federation-Token": token}
    headers = {
        "nothing": {},
        "unknown": {"X-Federation-Token": f"{token}-"},
        "token": only_token,
        "digest": digest,
        "signature": {name: value for name, value in signed.items() if name != "X-Federation-HMAC"},
        "both": signed,
        "forged": signed,
    }[case.proof]
    # Wrong tokens make an address wait.
    return api.post(case.door, raw=raw, headers=headers, address=f"10.0.0.{next(_ADDRESSES) % 250}")


def token_of(peer: str, state: str) -> str:
    return f"token-of-{peer}-{state}".ljust(40, "x")


def add_connections(desk: Desk, door: str) -> None:
    """Add a connection of each kind of peer in each state."""
    public = PeerKey(_KEY.key_id, _KEY.public_key)
    for peer, state in itertools.product(PEERS_OF, STATES):
        url, token = f"https://{peer}-{state}.example".replace(" ", "-"), token_of(peer, state)
        real = {"held": "pending", "suspended": "active", "blocked origin": "active"}.get(state, state)
        now = datetime.now(UTC)
        made = Connection(
            connection_id=f"{peer}-{state}",
            user_id=desk.user_id("alice"),
            user_email="alice@example.com",
            user_name="Alice",
            peer_url=url,
            peer_email="sam@x.example",
            asked_as="sam@x.example",
            peer_name="Sam",
            peer_instance_name=None,
            peer_connection_id=None,
            token_hash=token_hash(token),
            status=ConnectionStatus(real),
            initiator=Initiator(DOORS[door][0]),
            hmac_enabled=peer in ("hmac", "key"),
            peer_key=public if peer == "key" else None,
            created_at=timestamp(now),
            updated_at=timestamp(now),
            held=state == "held",
        )
        if state == "held":
            notice = confirmation_notice(made, own_url="http://desk.test", signed=None, now=now)
            DynamoHeldRequests().hold(made, token, notice=notice)
        else:
            DynamoConnections().add(made, token, after=None, message=None)
        if peer == "published":
            published = replace(made, version=made.version + 1, published=(public,))
            assert DynamoHeldRequests().confirm(published, over=made, keys=[public])
        if state == "suspended":
            commit([suspend_origin_action(url, suspended=True)])
        if state == "blocked origin":
            instances.run_admin("federation", "block", url)


# Connection requests: who is claimed, what is proved, and the settings.
CLAIMED = (*Kind, "suspended", "blocked")
REQUEST_PROOFS = ("nothing", "own", "forged", "credential", "others credential")


@dataclass(frozen=True)
class Request:
    """One connection request."""

    claimed: str
    proof: str
    mode: str
    unverified: str
    approval: bool

    @property
    def is_confirmed(self) -> bool:
        if self.proof == "credential":
            return True
        return self.proof == "own" and self.claimed in (Kind.KEYS, Kind.NO_KEYS)

    @property
    def status(self) -> int:
        is_refused = self.mode == "closed" or self.claimed in ("suspended", "blocked")
        return 403 if is_refused else 200

    @property
    def outcome(self) -> tuple[str, bool] | None:
        """The state of the connection and whether it is verified; None if nobody sees it."""
        if self.status != 200:
            return None
        if self.is_confirmed:
            return "pending" if self.approval else "active", True
        if self.claimed in (Kind.KEYS, Kind.NO_KEYS) or self.mode == "allowlist":
            return None
        match self.unverified:
            case "refuse":
                return None
            case "pending":
                return "pending", False
        return "pending" if self.approval else "active", False


@pytest.fixture
def peers(api: Api) -> Iterator[dict[str, tuple[HonestPeer, instances.Member]]]:
    """An approved instance of each kind, and one that is suspended."""
    made = {}
    started = []
    for claimed in CLAIMED:
        honest = HonestPeer(Receiver(), Kind.KEYS if claimed in ("suspended", "blocked") else Kind(claimed)).__enter__()
        started.append(honest)
        member = instances.register_instance(api, baseUrl=honest.url)
        instances.run_admin("instances", "approve", member.instance_id, "--without-challenge")
        if claimed == "suspended":
            instances.run_admin("instances", "suspend", member.instance_id)
        if claimed == "blocked":
            instances.run_admin("federation", "block", honest.url)
        made[str(claimed)] = honest, member
    yield made
    for each in started:
        each.__exit__()


@pytest.mark.parametrize("mode", ["closed", "allowlist", "open"])
@pytest.mark.parametrize("unverified", ["refuse", "pending", "accept"])
def test_every_request_is_listed_or_active_exactly_as_it_is_proved(
    api: Api,
    desk: Desk,
    pump: Pumps,
    peers: dict[str, tuple[HonestPeer, instances.Member]],
    mode: str,
    unverified: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for bound in ("MOST_CLAIMS_AN_HOUR", "MOST_FROM_ONE_ADDRESS", "MOST_OF_ONE_DESK_FROM_ONE_ADDRESS"):
        monkeypatch.setattr(claim_bounds, bound, 1000)
    monkeypatch.setattr(stored, "MOST_REQUESTS_AN_HOUR", 1000)
    expected, statuses = {}, {}
    for approval in (True, False):
        allow_federation(mode, approval=approval, unverified=unverified)
        for number, (claimed, proof) in enumerate(itertools.product(map(str, CLAIMED), REQUEST_PROOFS)):
            case = Request(claimed, proof, mode, unverified, approval)
            email = f"case-{number}-{approval}@x.example".lower()
            statuses[case] = ask(api, peers, case, email)
            expected[email] = case.outcome
        pump.drain(PEER_NOTICES)
    assert {case: status for case, status in statuses.items() if status != case.status} == {}
    listed = api.get(f"{CONNECTIONS}?status=all", desk.alice_key).json["connections"]
    # A trusted claim that its desk denied afterwards is shown with the reason.
    seen = {
        each["peerUserEmail"]: (each["status"], each["verified"])
        for each in listed
        if each["peerUserEmail"] in expected and each["status"] != "declined"
    }
    assert seen == {email: outcome for email, outcome in expected.items() if outcome}


def ask(api: Api, peers: dict[str, tuple[HonestPeer, instances.Member]], case: Request, email: str) -> int:
    honest, member = peers[case.claimed]
    token = email.ljust(40, "t")
    asked = connection_request(fromInstanceUrl=honest.url, fromUserEmail=email, federationToken=token)
    raw, signed = sign_request(asked, honest.key)
    _, forged = sign_request(asked, SigningKey.new(honest.key.key_id))
    if case.proof == "own":
        honest.sends(token)
    # Its own credential; or that of another approved instance.
    other = next(each for name, (_, each) in peers.items() if name != case.claimed)
    headers = {
        "nothing": {},
        "own": signed if honest.kind is Kind.KEYS else {},
        "forged": forged,
        "credential": {"Authorization": f"Bearer {member.token}"},
        "others credential": {"Authorization": f"Bearer {other.token}"},
    }[case.proof]
    return api.post(CONNECTIONS, raw=raw, headers=headers).status


@pytest.mark.parametrize("inbound", [True, False])
@pytest.mark.parametrize("state", ["pending", "approved", "suspended", "blocked"])
@pytest.mark.parametrize("mode", ["closed", "allowlist", "open"])
@pytest.mark.parametrize("door", [WEBHOOK, HEARTBEAT])
def test_every_door_of_the_network_lets_in_its_role_only(
    api: Api, desk: Desk, door: str, mode: str, state: str, inbound: bool
) -> None:
    allow_federation(mode)
    member = instances.register_instance(api)
    for command in {
        "pending": (),
        "approved": ("approve",),
        "suspended": ("approve", "suspend"),
        "blocked": ("approve",),
    }[state]:
        options = ("--without-challenge",) if command == "approve" else ()
        instances.run_admin("instances", command, member.instance_id, *options)
    hub = str(desk.demo["federation"]["instance_api_key"])
    if state == "blocked":
        instances.run_admin("federation", "block", member.base_url)
    rules = DynamoFederation().find_settings()
    DynamoFederation().save_settings(replace(rules, inbound=inbound))
    event = {"event": "instance_status", "status": "active"}
    if door == WEBHOOK:
        as_hub, as_member = (
            api.post(door, event, headers={"X-Federation-Token": each}).status for each in (hub, member.key)
        )
        expected = 200 if inbound else 403, 403 if state == "approved" else 401
    else:
        as_hub, as_member = (api.post(door, {"status": "healthy"}, each).status for each in (hub, member.token))
        expected = 401, (200 if inbound else 403) if state == "approved" else 401
    assert (as_hub, as_member) == expected
