"""Connection requests that prove nothing: held until the desk in whose name they came was asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import AUDIT, PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ask_as,
    change_connection,
    own_connections,
    peers_rows,
    run_command,
)
from tests.federation.relays.relay_calls import new_relay, sign_relay
from tests.support import instances
from tests.support.api import Api
from tests.support.hostile_peer import ACCEPT, END, HonestPeer, HostilePeer, Kind
from tests.support.peer import CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")


def acceptances() -> list[tuple[str, str, str]]:
    """Connection, desk and proof of each entry about a connection that nobody here accepted."""
    rows = [row for row in scan_rows(AUDIT) if row["kind"] == AuditKind.CONNECTION_ACCEPT]
    assert all(row["details"]["automatic"] == "yes" and row["credentialId"] == row["subjectId"] for row in rows)
    return [(row["subjectId"], row["actorId"], row["details"]["proof"]) for row in rows]


@pytest.mark.parametrize("approval", [True, False])
def test_a_request_is_listed_or_active_once_its_desk_was_asked(
    api: Api, desk: Desk, pump: Pumps, honest: HonestPeer, approval: bool
) -> None:
    allow_federation(approval=approval, unverified="pending")
    answer = ask_as(api, honest)
    assert (answer.status, answer.json["status"], "localUserName" in answer.json) == (200, "pending", False)
    assert own_connections(api, desk) == [], "nobody sees it before"
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    is_confirmed = honest.kind in (Kind.KEYS, Kind.NO_KEYS)
    status = "active" if is_confirmed and not approval else "pending"
    assert (found["id"], found["status"], found["verified"]) == (answer.json["connectionId"], status, is_confirmed)
    assert (found["source"], found["origin"]) == ("federation", honest.url)
    again = ask_as(api, honest)
    assert (again.json["connectionId"], again.json["status"]) == (found["id"], status)
    accepted = [each for each in honest.receiver.posted if each.path == ACCEPT]
    assert len(accepted) == (status == "active"), "a desk that was told pending hears of it"
    assert [each[:2] for each in acceptances()] == [(found["id"], honest.url)] * (status == "active")
    assert "none" not in [proof for *_, proof in acceptances()]


@pytest.mark.parametrize("approval", [True, False])
@pytest.mark.parametrize("signs", [True, False])
def test_a_lie_in_the_name_of_a_desk_that_can_deny_it_is_never_seen(
    api: Api, desk: Desk, pump: Pumps, honest: HonestPeer, approval: bool, signs: bool
) -> None:
    allow_federation(approval=approval, unverified="pending")
    hostile = HostilePeer(api, honest.url)
    answer = hostile.ask_signed() if signs else hostile.ask()
    assert (answer.status, answer.json["status"]) == (200, "pending")
    pump.drain(PEER_NOTICES)
    statuses = set(hostile.say_everything(hostile.token).values())
    if honest.kind in (Kind.KEYS, Kind.NO_KEYS):
        assert own_connections(api, desk) == []
        assert peers_rows(hostile.token) == [], "and leaves nothing behind"
        assert statuses == {401}
    else:
        (found,) = own_connections(api, desk)
        assert (found["status"], found["verified"]) == ("pending", False)
        assert statuses <= {401, 404}, "until the person accepts"
    assert api.get("/api/v2/shared-chat/messages", desk.alice_key).json["data"]["messages"] == []


@pytest.mark.parametrize(
    "other", [{"keyId": "pq", "publicKey": "not ed25519", "kind": "ml-dsa"}, {"kty": "RSA"}, "text", 7, None]
)
def test_a_key_that_cannot_be_read_makes_no_desk_one_that_cannot_deny(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer, other: Any
) -> None:
    allow_federation(unverified="pending")
    signing.other_keys = (other,)
    HostilePeer(api, signing.url).ask()
    pump.drain(PEER_NOTICES)
    assert own_connections(api, desk) == []
    signed = ask_as(api, signing)
    pump.drain(PEER_NOTICES)
    found = [(each["id"], each["verified"]) for each in own_connections(api, desk)]
    assert found == [(signed.json["connectionId"], True)], "its readable key counts"


def test_a_desk_of_which_no_key_can_be_read_is_refused_rather_than_taken_for_plain(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    allow_federation(unverified="pending")
    with HonestPeer(Receiver(), Kind.NO_KEYS, other_keys=({"keyId": "pq", "publicKey": "not ed25519"},)) as unreadable:
        HostilePeer(api, unreadable.url).ask()
        pump.drain(PEER_NOTICES)
    assert own_connections(api, desk) == []


def test_a_claim_of_an_absent_desk_ends_when_the_desk_denies_it(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation(approval=True, unverified="pending")
    signing.kind = Kind.AWAY
    hostile = HostilePeer(api, signing.url)
    hostile.ask_signed()
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    change_connection(api, desk.alice_key, found["id"], action="accept")
    signing.kind = Kind.KEYS
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert found["status"] == "declined"
    assert found["reason"]
    assert set(hostile.say_everything(hostile.token).values()) <= {401, 404}


def test_an_acceptance_of_a_false_claim_is_refused_by_the_real_desk_and_ends_it(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    allow_federation(approval=True, unverified="pending")
    with HonestPeer(Receiver(), Kind.PLAIN) as plain:
        hostile = HostilePeer(api, plain.url)
        hostile.ask(fluxden=None)
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        change_connection(api, desk.alice_key, found["id"], action="accept")
        pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert (found["status"], "answered 401" in found["reason"]) == ("declined", True)


@pytest.mark.parametrize("unverified", ["refuse", "pending", "accept"])
@pytest.mark.parametrize("mode", ["open", "allowlist"])
def test_a_plain_peer_is_taken_as_the_settings_say(
    api: Api, desk: Desk, pump: Pumps, unverified: str, mode: str
) -> None:
    allow_federation(mode, unverified=unverified)
    with HonestPeer(Receiver(), Kind.PLAIN) as plain:
        member = instances.register_instance(api, baseUrl=plain.url)
        instances.run_admin("instances", "approve", member.instance_id, "--without-challenge")
        answer = ask_as(api, plain)
        pump.drain(PEER_NOTICES)
        found = own_connections(api, desk)
    expected = {"refuse": [], "pending": ["pending"], "accept": ["active"]}[unverified] if mode == "open" else []
    assert [each["status"] for each in found] == expected
    assert not any(each["verified"] for each in found)
    at_once = mode == "open" and unverified == "accept"
    assert (answer.status, answer.json["status"]) == (200, "active" if at_once else "pending")
    assert acceptances() == [(answer.json["connectionId"], plain.url, "none")] * at_once


@pytest.mark.parametrize("address", ["alice@example.com", "nobody@example.com", "dave@example.com"])
def test_an_unconfirmed_asker_learns_nothing_about_addresses(
    api: Api, desk: Desk, pump: Pumps, honest: HonestPeer, address: str
) -> None:
    allow_federation(approval=True, unverified="pending")
    answer = ask_as(api, honest, toUserEmail=address)
    shape = {name: value for name, value in answer.json.items() if name != "connectionId"}
    assert (answer.status, shape) == (
        200,
        {"success": True, "status": "pending", "message": "Your desk is asked to confirm the request."},
    )
    assert answer.calls == ["GetItem", "TransactWriteItems", "SendMessage"], "nobody was looked up"
    pump.drain(PEER_NOTICES)
    ended = [each for each in honest.receiver.posted if each.path == END]
    is_told = honest.kind in (Kind.KEYS, Kind.NO_KEYS) and address != "alice@example.com"
    assert len(ended) == is_told, "after the callback the truth"


@pytest.mark.parametrize("unverified", ["refuse", "pending", "accept"])
@pytest.mark.parametrize("mode", ["open", "allowlist"])
def test_a_text_that_is_no_address_is_refused_alike_in_every_mode(
    api: Api, desk: Desk, honest: HonestPeer, mode: str, unverified: str
) -> None:
    allow_federation(mode, unverified=unverified)
    answer = ask_as(api, honest, toUserEmail="nonsense")
    assert (answer.status, answer.json["error"]) == (400, "toUserEmail: Must be an email address")
    assert answer.calls == ["GetItem"], "the settings only: nobody was looked up"
    assert own_connections(api, desk) == []


@pytest.mark.parametrize("address", ["alice@example.com", "nobody@example.com"])
@pytest.mark.parametrize("credential", ["token", "key"])
def test_an_approved_instance_proves_its_address_with_its_credential(
    api: Api, desk: Desk, honest: HonestPeer, credential: str, address: str
) -> None:
    allow_federation("allowlist", unverified="pending")
    member = instances.register_instance(api, baseUrl=honest.url)
    asked = connection_request(fromInstanceUrl=honest.url, toUserEmail=address)
    assert api.post(CONNECTIONS, asked, getattr(member, credential)).status == 403, "it is not approved"
    instances.run_admin("instances", "approve", member.instance_id, "--without-challenge")
    other = instances.add_member(api)
    held = api.post(CONNECTIONS, asked, getattr(other, credential))
    assert (held.status, held.json["status"]) == (200, "pending"), "another member proves nothing"
    answer = api.post(CONNECTIONS, asked | {"federationToken": "c" * 40}, getattr(member, credential))
    if address == "nobody@example.com":
        assert answer.status == 404
    else:
        (found,) = own_connections(api, desk)
        assert (answer.json["status"], found["verified"]) == ("active", True)


def test_the_one_who_confirms_displaces_who_only_claimed(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation(approval=True, unverified="pending")
    signing.kind = Kind.AWAY
    hostile = HostilePeer(api, signing.url)
    hostile.ask()
    pump.drain(PEER_NOTICES)
    (squatter,) = own_connections(api, desk)
    signing.kind = Kind.KEYS
    mine = ask_as(api, signing).json["connectionId"]
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert (found["id"], found["verified"]) == (mine, True)
    (old,) = DynamoConnections().find_by_token(hostile.token)
    assert (old.connection_id, old.status) == (squatter["id"], "declined")
    hostile.ask(federationToken="another-" + "h" * 40)
    pump.drain(PEER_NOTICES)
    assert [each["id"] for each in own_connections(api, desk)] == [mine]


@pytest.mark.parametrize("approval", [True, False])
def test_a_desk_that_lost_its_data_asks_anew_and_the_old_connection_ends(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer, approval: bool
) -> None:
    allow_federation(approval=False, unverified="pending")
    ask_as(api, signing)
    pump.drain(PEER_NOTICES)
    allow_federation(approval=approval, unverified="pending")
    signing.key = SigningKey.new("after the loss")
    again = ask_as(api, signing, federationToken="n" * 40)
    assert again.json["status"] == "pending", "its word that it is connected already would not help"
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert (found["id"], found["status"]) == (again.json["connectionId"], "pending" if approval else "active")
    if approval:
        change_connection(api, desk.alice_key, found["id"], action="accept")
    raw, headers = sign_relay(new_relay(), signing.key, "n" * 40, RELAY)
    assert api.post(RELAY, raw=raw, headers=headers).status == 200
    (old,) = DynamoConnections().find_by_token(TOKEN)
    assert (old.status, bool(old.reason)) == ("declined", True)
    raw, headers = sign_relay(new_relay(), signing.key, TOKEN, RELAY)
    assert api.post(RELAY, raw=raw, headers=headers).status == 404


def test_a_short_token_is_taken_in_compatibility_only(api: Api, desk: Desk) -> None:
    allow_federation(approval=True, unverified="pending")
    asked = connection_request(federationToken="short-12")
    key = SigningKey.new("k")
    told = {"fluxden": {"keyId": key.key_id, "publicKey": key.public_key}}
    assert [api.post(CONNECTIONS, each).status for each in (asked, asked | told)] == [200, 403]
    run_command("federation", "set", "--compatible", "off")
    assert [api.post(CONNECTIONS, each).status for each in (asked, asked | told)] == [403, 403]
    run_command("federation", "set", "--compatible", "on")
    assert [api.post(CONNECTIONS, each).status for each in (asked, asked | told)] == [200, 200]
