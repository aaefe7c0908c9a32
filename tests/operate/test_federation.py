"""Operators block and unblock desks, remove instances, and remove connections of people."""

from typing import Any

import pytest

from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support.api import Api
from tests.support.instances import HEARTBEAT, REGISTER, add_member, new_registration, register_instance, run_admin
from tests.support.peer import CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps

pytestmark = pytest.mark.usefixtures("running_minute")

ORIGINS, PEER = f"{ADMIN}/origins", "https://other.example.org"


def test_a_desk_is_blocked_in_any_spelling_of_its_address_and_unblocked(api: Api, desk: Desk, audited: Any) -> None:
    allow_federation()
    made = api.post(CONNECTIONS, connection_request()).json["connectionId"]
    assert audited() == [("connection.accept", made)]
    blocked = api.post(f"{ORIGINS}/block", {"origin": "https://OTHER.example.org:443/"}, desk.alice_key)
    assert data(blocked) == {"origin": PEER, "blocked": True, "suspendedInstanceId": None}
    assert data(api.get(ORIGINS, desk.alice_key)) == {"blocked": [PEER], "suspended": []}
    relay = {"subject": "x"}
    assert api.post(RELAY, relay, headers={"X-Federation-Token": TOKEN}).status == 404
    again = api.post(f"{ORIGINS}/block", {"origin": PEER}, desk.alice_key)
    assert again.status == 200
    assert data(api.post(f"{ORIGINS}/unblock", {"origin": PEER}, desk.alice_key))["blocked"] is False
    assert data(api.get(ORIGINS, desk.alice_key)) == {"blocked": [], "suspended": []}
    assert api.post(RELAY, relay, headers={"X-Federation-Token": TOKEN}).status == 200
    assert audited() == [("origin.block", PEER), ("origin.block", PEER), ("origin.unblock", PEER)]


def test_blocking_a_desk_suspends_its_instance(api: Api, desk: Desk) -> None:
    made = add_member(api)
    blocked = data(api.post(f"{ORIGINS}/block", {"origin": made.base_url}, desk.alice_key))
    assert blocked["suspendedInstanceId"] == made.instance_id
    assert api.post(HEARTBEAT, None, made.token).status == 401
    assert data(api.get(ORIGINS, desk.alice_key)) == {"blocked": [made.base_url], "suspended": [made.base_url]}


@pytest.mark.parametrize(
    "origin", ["", "other.example.org", "https://a:b@x.example", "https://x.example/?q", "x" * 600]
)
def test_what_is_no_address_is_refused_and_changes_nothing(api: Api, desk: Desk, origin: str) -> None:
    for action in ("block", "unblock"):
        refused = api.post(f"{ORIGINS}/{action}", {"origin": origin}, desk.alice_key)
        assert (refused.status, "origin" in refused.json["error"]) == (400, True)
    assert data(api.get(ORIGINS, desk.alice_key)) == {"blocked": [], "suspended": []}


def test_an_instance_is_removed_unless_it_is_active(api: Api, desk: Desk, audited: Any) -> None:
    made, active = register_instance(api), add_member(api)
    answer = api.call("DELETE", f"{ADMIN}/instances/{made.instance_id}", token=desk.alice_key)
    assert data(answer)["baseUrl"] == made.base_url
    assert api.call("DELETE", f"{ADMIN}/instances/{made.instance_id}", token=desk.alice_key).status == 404
    refused = api.call("DELETE", f"{ADMIN}/instances/{active.instance_id}", token=desk.alice_key)
    assert (refused.status, refused.json["error"]) == (409, "The instance is active. Suspend it first.")
    run_admin("instances", "suspend", active.instance_id)
    assert api.call("DELETE", f"{ADMIN}/instances/{active.instance_id}", token=desk.alice_key).status == 200
    assert data(api.get(ORIGINS, desk.alice_key)) == {"blocked": [active.base_url], "suspended": []}
    assert api.post(REGISTER, new_registration(baseUrl=active.base_url)).status == 403
    removed = [row for kind, row in audited() if kind == "instance.remove"]
    assert removed == [made.instance_id, active.instance_id]


def test_a_persons_connections_are_listed_and_removed(api: Api, desk: Desk, pump: Pumps, audited: Any) -> None:
    allow_federation()
    made = api.post(CONNECTIONS, connection_request(fromUserName="Sam")).json["connectionId"]
    assert audited() == [("connection.accept", made)]
    path = f"{ADMIN}/connections?userId={desk.user_id('alice')}"
    listed = {each["id"]: each for each in data(api.get(path, desk.alice_key))}
    assert listed[made] | {"createdAt": ""} == {
        "id": made,
        "userId": desk.user_id("alice"),
        "userEmail": "alice@example.com",
        "peerInstanceUrl": PEER,
        "peerUserEmail": "sam@other.example.org",
        "peerUserName": "Sam",
        "status": "active",
        "relation": "claimed",
        "askedBy": "peer",
        "source": "federation",
        "origin": PEER,
        "verified": False,
        "createdAt": "",
    }
    assert "token" not in str(listed).lower()
    removed = api.call("DELETE", f"{ADMIN}/connections/{made}", token=desk.alice_key)
    assert data(removed) == {"id": made, "removed": True}
    assert made not in [each["id"] for each in data(api.get(path, desk.alice_key))]
    assert api.post(RELAY, {"subject": "x"}, headers={"X-Federation-Token": TOKEN}).status == 401
    repeated = api.call("DELETE", f"{ADMIN}/connections/{made}", token=desk.alice_key)
    assert repeated.status == 200
    pump.drain(PEER_NOTICES)
    assert api.call("DELETE", f"{ADMIN}/connections/{made}", token=desk.alice_key).status == 404
    assert audited() == [("connection.remove", made)] * 2 + [("connection.removed", made)]
    assert api.get(f"{ADMIN}/connections", desk.alice_key).status == 400
