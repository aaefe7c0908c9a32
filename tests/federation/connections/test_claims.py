"""What strangers try with claims: to learn who is here, and to speak in a desk's name under another spelling."""

import pytest

from chalicelib.federation.connections.stores import claim_bounds
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ask_as, change_connection, own_connections
from tests.support import instances
from tests.support.api import Api
from tests.support.hostile_peer import END, HonestPeer, HostilePeer, Kind
from tests.support.peer import CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request, sign_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")

PATHS = ("/x", "/;", "/%2F", "/desk/", "/.well-known/fluxden", "/a/b/c")


@pytest.mark.parametrize("second", [False, True], ids=["first claim", "second claim"])
def test_repeated_claims_are_answered_and_asked_about_alike_for_all_addresses(
    api: Api, desk: Desk, pump: Pumps, honest: HonestPeer, second: bool
) -> None:
    allow_federation(approval=True, unverified="pending")
    seen = []
    for address in ("alice@example.com", "nobody@example.com"):
        replies, asked = [], connection_request(fromInstanceUrl=honest.url, toUserEmail=address)
        if second:
            api.post(CONNECTIONS, asked | {"federationToken": f"before-{address}" + "b" * 30})
            pump.drain(PEER_NOTICES)
        honest.receiver.received.clear()
        for _ in range(3):
            answer = api.post(CONNECTIONS, asked | {"federationToken": f"token-{address}" + "t" * 30})
            replies.append((answer.status, answer.json.get("status"), answer.json.get("message")))
            pump.drain(PEER_NOTICES)
        seen.append((replies, len(honest.receiver.received)))
    assert seen[0] == seen[1]
    assert {status for status, _, _ in seen[0][0]} == {200}


@pytest.mark.parametrize("unverified", ["pending", "accept"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_below_a_desk_speaks_in_its_name(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer, path: str, unverified: str
) -> None:
    allow_federation(approval=True, unverified=unverified)
    hostile = HostilePeer(api, f"{signing.url}{path}")
    hostile.ask(fluxden=None)
    pump.drain(PEER_NOTICES)
    found = own_connections(api, desk)
    assert [each["status"] for each in found] == (["declined"] if unverified == "accept" else [])
    statuses = hostile.say_everything(hostile.token)
    assert {status for path, status in statuses.items() if path != END} <= {401, 404}, "an end may be repeated"


def test_a_path_below_an_absent_desk_ends_when_the_desk_refuses_the_acceptance(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation(approval=True, unverified="pending")
    signing.kind = Kind.AWAY
    HostilePeer(api, f"{signing.url}/x").ask(fluxden=None)
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    signing.kind, signing.accepts = Kind.KEYS, 404
    change_connection(api, desk.alice_key, found["id"], action="accept")
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert found["status"] == "declined"


def test_a_plain_client_below_the_root_of_its_host_can_ask(api: Api, desk: Desk, pump: Pumps) -> None:
    allow_federation(approval=True, unverified="pending")
    with HonestPeer(Receiver(), Kind.PLAIN) as plain:
        api.post(CONNECTIONS, connection_request(fromInstanceUrl=f"{plain.url}/api"))
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
    assert (found["status"], found["origin"]) == ("pending", f"{plain.url}/api")


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        (Kind.PLAIN, 404, "active"),
        (Kind.PLAIN, 401, "declined"),
        (Kind.PLAIN, 403, "declined"),
        (Kind.PLAIN, 410, "declined"),
        (Kind.KEYS, 404, "declined"),
        (Kind.NO_KEYS, 404, "declined"),
    ],
)
def test_a_plain_client_of_the_contract_is_connected_once_the_person_accepts(
    api: Api, desk: Desk, pump: Pumps, kind: Kind, code: int, expected: str
) -> None:
    """The contract has no path for acceptances, and its desks answer 404 there."""
    allow_federation(approval=True, unverified="pending")
    with HonestPeer(Receiver(), kind, accepts=code) as peer:
        ask_as(api, peer)
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        change_connection(api, desk.alice_key, found["id"], action="accept")
        pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert found["status"] == expected
    if expected == "active":
        assert found["verified"] is False
        relay = {"relayId": "r-1", "intent": "assign_task", "subject": "Count"}
        assert api.post(RELAY, relay, headers={"X-Federation-Token": TOKEN}).json["task"] is True


def test_claims_of_all_addresses_of_one_host_are_bounded_together(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_bounds, "MOST_CLAIMS_AN_HOUR", 2)
    allow_federation(approval=True, unverified="pending")
    asked = [connection_request(fromInstanceUrl=f"https://other.example/{each}") for each in "abc"]
    assert [api.post(CONNECTIONS, each).status for each in asked] == [200, 200, 429]


@pytest.mark.parametrize("path", ["", "/", "/x", "/x/y"])
def test_a_suspended_desk_is_cut_under_every_path_below_its_address(
    api: Api, desk: Desk, signing: HonestPeer, path: str
) -> None:
    allow_federation(approval=True, unverified="pending")
    member = instances.register_instance(api, baseUrl=signing.url)
    instances.run_admin("instances", "suspend", member.instance_id)
    raw, headers = sign_request(connection_request(fromInstanceUrl=f"{signing.url}{path}"), signing.key)
    assert api.post(CONNECTIONS, raw=raw, headers=headers).status == 403
    assert DynamoConnections().find_by_token(TOKEN) == []


@pytest.mark.parametrize("path", ["/a/b/c/d", "/a/b/../c/d/e", "/%2e/a/b/c/d"])
def test_addresses_with_long_paths_are_refused(api: Api, desk: Desk, path: str) -> None:
    allow_federation(approval=True, unverified="pending")
    answer = api.post(CONNECTIONS, connection_request(fromInstanceUrl=f"https://other.example{path}"))
    assert answer.status == 400
    assert "parts in its path" in answer.json["error"]
