"""The rows of held requests: nobody's, bounded, and gone when their desk denies them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.federation.connections.stores import claim_bounds, connections
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ask_as, change_connection, own_connections, run_command
from tests.support.api import Api
from tests.support.hostile_peer import HonestPeer, HostilePeer, Kind
from tests.support.peer import CONNECTIONS, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")


def test_a_held_request_is_nobodys_and_lets_nothing_in(api: Api, desk: Desk, signing: HonestPeer, pump: Pumps) -> None:
    allow_federation(approval=False, unverified="pending")
    made = ask_as(api, signing).json["connectionId"]
    hostile = HostilePeer(api, signing.url)
    assert set(hostile.say_everything(TOKEN).values()) == {404}
    for action in ("accept", "decline", "block"):
        assert change_connection(api, desk.alice_key, made, action=action).status == 404
    assert run_command("connections", "accept", made).exit_code == 1
    found = DynamoConnections().find(made)
    assert found is not None
    asked = f"/.well-known/fluxden?connection={found.token_hash}&to={signing.url}"
    assert api.get(asked).status == 404, "this desk does not vouch for what it only heard"


def test_claims_of_one_desk_are_bounded_and_repeats_count_too(
    api: Api, desk: Desk, signing: HonestPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_bounds, "MOST_CLAIMS_AN_HOUR", 2)
    allow_federation(approval=True, unverified="pending")
    with time_machine.travel(datetime(2026, 5, 21, 12, 50, tzinfo=UTC), tick=False):
        assert ask_as(api, signing, toUserEmail="nobody@example.com").status == 200
        assert ask_as(api, signing).status == 200
        refused = ask_as(api, signing, toUserEmail="bob@example.com")
        assert (refused.status, refused.headers["retry-after"]) == (429, "600")
        assert ask_as(api, signing).status == 200, "a repeat stores nothing"
        assert api.post(CONNECTIONS, connection_request(federationToken="o" * 40)).status == 200, "others may ask"
    assert count_messages(PEER_NOTICES) == 3


def test_a_confirmed_request_is_listed_while_strangers_have_used_up_the_hour(
    api: Api, desk: Desk, signing: HonestPeer, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_REQUESTS_AN_HOUR", 2)
    begun = (datetime.now(UTC) + timedelta(days=1)).replace(minute=10)
    allow_federation(approval=True, unverified="pending")
    with time_machine.travel(begun, tick=False), HonestPeer(Receiver(), Kind.PLAIN) as plain:
        for number in range(4):
            token, email = f"{number}" * 40, f"{number}@x.example"
            ask_as(api, plain, fromUserEmail=email, federationToken=token)
        ask_as(api, signing)
        pump.drain(PEER_NOTICES)
        listed = own_connections(api, desk)
    assert sorted(each["verified"] for each in listed) == [False, False, True]


def test_a_claim_is_not_verified_by_the_keys_of_its_desk(
    api: Api, desk: Desk, signing: HonestPeer, pump: Pumps
) -> None:
    allow_federation(approval=True, unverified="accept")
    HostilePeer(api, signing.url).ask(fluxden=None)
    pump.run("fetch_peer_keys")
    (found,) = own_connections(api, desk)
    assert (found["signedByPeer"], found["verified"]) == (True, False)


def test_one_stranger_cannot_use_up_what_all_may_ask_in_the_name_of_a_desk(api: Api, desk: Desk) -> None:
    allow_federation(approval=True, unverified="pending")

    def ask(number: int, address: str, origin: str) -> int:
        body = connection_request(
            fromInstanceUrl=origin, federationToken=f"{number:040}", fromUserEmail=f"{number}@x.example"
        )
        return api.post(CONNECTIONS, body, address=address).status

    with time_machine.travel(datetime(2026, 5, 21, 12, 50, tzinfo=UTC), tick=False):
        claimed = [ask(number, "203.0.113.9", "https://claimed.example") for number in range(30)]
        assert claimed == [200] * 20 + [429] * 10
        assert ask(31, "198.51.100.7", "https://claimed.example") == 200
        others = [ask(100 + number, "203.0.113.9", f"https://desk-{number}.example") for number in range(50)]
        assert others == [200] * 40 + [429] * 10
        assert ask(200, "198.51.100.7", "https://desk-49.example") == 200


@pytest.mark.parametrize(("hours", "listed"), [(71, 1), (72, 0)])
def test_a_request_that_nobody_settled_within_72_hours_is_dropped(
    api: Api, desk: Desk, pump: Pumps, hours: int, listed: int
) -> None:
    allow_federation(approval=True, unverified="pending")
    begun = datetime.now(UTC)
    with time_machine.travel(begun, tick=False) as clock, HonestPeer(Receiver(), Kind.PLAIN) as plain:
        ask_as(api, plain)
        clock.shift(timedelta(hours=hours))
        pump.drain(PEER_NOTICES)
        assert len(own_connections(api, desk)) == listed
