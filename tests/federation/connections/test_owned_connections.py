"""Connections as their owners list and change them."""

from typing import Any

import pytest

from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import change_connection, connections_of, receive_request
from tests.support import concurrency
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, TOKEN, allow_federation
from tests.support.pump import count_messages


def test_an_instance_has_no_connections_of_its_own(api: Api, desk: Desk) -> None:
    reply = api.get(CONNECTIONS, desk.demo["federation"]["platform_token"])
    assert (reply.status, reply.json["connections"]) == (200, [])


def test_connections_are_listed_for_their_owner_only(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    receive_request(api)
    assert api.get(CONNECTIONS).status == 401
    assert len(api.get(CONNECTIONS, desk.alice_key).json["connections"]) == 1, "pending ones are not listed unasked"
    assert api.get(CONNECTIONS, desk.bob_key).json == {"connections": []}
    assert connections_of(api, desk.alice_key, "nonsense") == []
    assert len(connections_of(api, desk.alice_key, "pending")) == 1


def test_only_the_owner_changes_a_connection(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = receive_request(api).json["connectionId"]
    assert change_connection(api, desk.bob_key, made, action="accept").status == 404
    assert change_connection(api, desk.alice_key, "nonsense", action="accept").status == 404
    assert change_connection(api, desk.alice_key, made).status == 400
    assert change_connection(api, desk.alice_key, made, action="marry").status == 400
    assert change_connection(api, desk.alice_key, made, hmacEnabled=None).status == 400
    accepted = change_connection(api, desk.alice_key, made, action="accept", hmacEnabled=True)
    assert (accepted.json["data"]["status"], accepted.json["data"]["hmacEnabled"]) == ("active", True)
    assert change_connection(api, desk.alice_key, made, action="accept").json["data"]["status"] == "active"


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        (["decline"], "declined"),
        (["block"], "blocked"),
        (["accept", "decline"], "declined"),
        (["block", "accept"], "active"),
        (["decline", "block"], "blocked"),
        (["decline", "accept"], 409),
        (["block", "decline"], 409),
    ],
)
def test_actions_lead_to_their_states(api: Api, desk: Desk, steps: list[str], status: Any) -> None:
    allow_federation(approval=True)
    made = receive_request(api).json["connectionId"]
    answers = [change_connection(api, desk.alice_key, made, action=each) for each in steps]
    assert answers[-1].status == (status if isinstance(status, int) else 200)
    if isinstance(status, str):
        assert answers[-1].json["data"]["status"] == status


def test_a_change_with_an_idempotency_key_happens_once(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = receive_request(api).json["connectionId"]
    before = count_messages(PEER_NOTICES)
    first, again = (
        api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.alice_key, key="k")
        for _ in range(2)
    )
    assert first.json == again.json
    assert again.headers["idempotent-replayed"] == "true"
    assert count_messages(PEER_NOTICES) == before + 1


def test_simultaneous_opposite_changes_are_made_in_some_order_or_refused(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = receive_request(api).json["connectionId"]
    actions = ["accept", "block", "accept", "block"]
    answers = concurrency.run_concurrently(4, lambda n: change_connection(api, desk.alice_key, made, action=actions[n]))
    assert {each.status for each in answers} == {200}
    (stored,) = DynamoConnections().find_by_token(TOKEN)
    assert [each["status"] for each in connections_of(api, desk.alice_key)][-1] == stored.status
    assert DynamoConnections().is_connected(desk.user_id("alice"), stored.peer_url) == (stored.status == "active")
