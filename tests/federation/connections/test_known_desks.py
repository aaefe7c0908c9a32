"""Desks that publish keys, and are away: nobody can claim them meanwhile. And what else a look-up can bring."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.federation.connections.stores import claim_bounds
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ask_as, own_connections, request_connection
from tests.federation.network.network_calls import NOON
from tests.support.api import Api
from tests.support.hostile_peer import HonestPeer, HostilePeer, Kind
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")


def seen_by_its_request(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> None:
    ask_as(api, peer)
    pump.drain(PEER_NOTICES)


def seen_by_ours(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> None:
    request_connection(api, desk, peer.url)
    pump.drain(PEER_NOTICES)


def seen_by_a_lie(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> None:
    HostilePeer(api, peer.url).ask(fromUserEmail="first@other.example.org")
    pump.drain(PEER_NOTICES)


@pytest.mark.parametrize("path", ["", "/x"])
@pytest.mark.parametrize("away", [Kind.AWAY, Kind.PLAIN])
@pytest.mark.parametrize("seen", [seen_by_its_request, seen_by_ours, seen_by_a_lie])
@pytest.mark.parametrize("unverified", ["pending", "accept"])
def test_a_desk_that_signs_is_claimed_by_nobody_while_it_is_away(
    api: Api,
    desk: Desk,
    pump: Pumps,
    signing: HonestPeer,
    unverified: str,
    seen: Callable[..., None],
    away: Kind,
    path: str,
) -> None:
    allow_federation("open", approval=False, unverified="pending")
    with time_machine.travel(NOON, tick=False) as clock:
        seen(api, desk, signing, pump)
        before = own_connections(api, desk)
        signing.kind = away
        allow_federation("open", approval=False, unverified=unverified)
        hostile = HostilePeer(api, f"{signing.url}{path}")
        answer = hostile.ask(fromUserEmail="mallory@other.example.org")
        assert (answer.status, answer.json["status"]) == (200, "pending")
        for _ in range(4):
            pump.drain(PEER_NOTICES)
            assert own_connections(api, desk) == before
            assert set(hostile.say_everything(hostile.token).values()) <= {404, 429}
            clock.shift(timedelta(hours=3))
            pump.run("announce_due_peer_notices")
        signing.kind = Kind.KEYS
        for _ in range(4):
            clock.shift(timedelta(hours=25))
            pump.run("announce_due_peer_notices")
            pump.drain(PEER_NOTICES)
        assert own_connections(api, desk) == before, "the desk denies it when it is back, or it has expired"


def test_an_honest_request_is_listed_once_its_desk_is_back(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation("open", approval=True, unverified="pending")
    with time_machine.travel(NOON, tick=False) as clock:
        seen_by_a_lie(api, desk, signing, pump)
        ask_as(api, signing)
        signing.kind = Kind.AWAY
        pump.drain(PEER_NOTICES)
        assert own_connections(api, desk) == []
        signing.kind = Kind.KEYS
        clock.shift(timedelta(minutes=1))
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert found["verified"] is True


def test_a_desk_that_has_become_a_plain_client_is_one_after_30_days(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation("open", approval=True, unverified="pending")
    with time_machine.travel(NOON, tick=False) as clock:
        seen_by_a_lie(api, desk, signing, pump)
        signing.kind = Kind.PLAIN
        clock.shift(timedelta(days=31))
        HostilePeer(api, signing.url).ask()
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert found["verified"] is False


# What the address answers instead of a description, and what becomes of a request in its name.
LISTED, ASKED_AGAIN = "listed as unverified", "asked again"
ANSWERS: dict[str, tuple[int, bytes, dict[str, str], str, bool]] = {
    "not found": (404, b"{}", {}, LISTED, False),
    "forbidden": (403, b"", {}, LISTED, False),
    "gone": (410, b"", {}, LISTED, False),
    "page": (200, b"<html>", {"Content-Type": "text/html"}, LISTED, False),
    "empty": (200, b"", {}, LISTED, False),
    "other JSON": (200, b'{"software": "other"}', {}, LISTED, False),
    "sign-in": (302, b"", {"Location": "/login"}, LISTED, False),
    "redirect to a page": (301, b"", {"Location": "https://other.example/"}, LISTED, False),
    "huge": (200, b"x" * 70_000, {}, LISTED, True),
    "rate limit": (429, b"", {}, LISTED, True),
    "error": (500, b"", {}, LISTED, True),
    "unavailable": (503, b"", {}, LISTED, True),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_kind_of_answer_at_the_well_known_address(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, name: str
) -> None:
    allow_federation("open", approval=False, unverified="pending")
    status, body, headers, _, is_asked_again = ANSWERS[name]
    receiver.status, receiver.body, receiver.headers = status, body, headers
    with time_machine.travel(NOON, tick=False) as clock:
        url = receiver.url.removesuffix("/hook")
        assert api.post(CONNECTIONS, connection_request(fromInstanceUrl=url)).status == 200
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert (found["status"], found["verified"]) == ("pending", False)
        asked = len(receiver.received)
        clock.shift(timedelta(minutes=1))
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
        assert (len(receiver.received) > asked) is is_asked_again


def redirect(receiver: Receiver, to: str) -> None:
    receiver.before = lambda: None
    receiver.status, receiver.body, receiver.headers = 301, b"", {"Location": to}


def test_a_redirect_to_a_desk_that_names_itself_is_followed_once(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer, receiver: Receiver
) -> None:
    allow_federation("open", approval=True, unverified="pending")
    redirect(receiver, f"{signing.url}/.well-known/fluxden")
    request_connection(api, desk, receiver.url.removesuffix("/hook"))
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert found["peerInstanceUrl"] == signing.url


@pytest.mark.parametrize("target", ["itself", "another redirect", "a desk of another name", "a page of the desk"])
def test_other_redirects_lead_nowhere(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer, receiver: Receiver, target: str
) -> None:
    allow_federation("open", approval=True, unverified="pending")
    own = receiver.url.removesuffix("/hook")
    if target == "a desk of another name":
        signing.alias_of = "https://third.example"
    with Receiver() as second:
        redirect(second, f"{signing.url}/.well-known/fluxden")
        urls = {
            "itself": f"{own}/.well-known/fluxden",
            "another redirect": f"http://127.0.0.1:{second.port}/.well-known/fluxden",
            "a desk of another name": f"{signing.url}/.well-known/fluxden",
            "a page of the desk": f"{signing.url}/",
        }
        redirect(receiver, urls[target])
        request_connection(api, desk, own)
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert found["peerInstanceUrl"] == own
        assert len(second.received) <= 1


def test_one_stranger_has_a_share_of_what_is_taken_at_its_word(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_federation("open", approval=False, unverified="accept")
    monkeypatch.setattr(claim_bounds, "MOST_OF_ONE_DESK_FROM_ONE_ADDRESS", 3)
    monkeypatch.setattr(claim_bounds, "MOST_FROM_ONE_ADDRESS", 5)

    def ask(number: int, host: str, address: str) -> Any:
        said = connection_request(fromInstanceUrl=f"https://{host}.example", fromUserEmail=f"s{number}@x.example")
        return api.post(CONNECTIONS, said, address=address).status

    with time_machine.travel(NOON, tick=False):
        assert [ask(number, "a", "203.0.113.1") for number in range(5)] == [200] * 3 + [429] * 2
        assert [ask(number, "b", "203.0.113.1") for number in range(3)] == [200] * 2 + [429]
        assert ask(9, "a", "203.0.113.2") == 200
        assert ask(0, "a", "203.0.113.1") == 200, "a repeat is none"
