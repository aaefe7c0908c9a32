"""Removing connections: everything that hangs on one ends and is deleted, and what people read of it stays."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import aws
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.core.stores.items import to_item
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeKind
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.stores.connection_notices import add_notice_action
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.resources import OUTBOX, OUTBOX_WORK, PEER_NOTICES, PEERS, RELAYS
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    change_connection,
    chat_answers,
    introduce_peer,
    own_connections,
    peer_answers,
    peer_base_url,
    run_command,
    sent_body,
)
from tests.federation.network.network_calls import refused_command
from tests.federation.relays.relay_calls import complete_card, given_work, list_relays, send_relay
from tests.support.api import Api
from tests.support.hostile_peer import END
from tests.support.instances import run_admin
from tests.support.peer import CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

DUE = "announce_due_peer_notices"


def connect(api: Api, receiver: Receiver, pump: Pumps, *, with_key: bool = False, **more: Any) -> str:
    allow_federation()
    url = peer_base_url(receiver)
    asked = introduce_peer(receiver, **more) if with_key else connection_request(fromInstanceUrl=url, **more)
    made = api.post(CONNECTIONS, asked)
    assert made.status == 200, made.text
    pump.drain(PEER_NOTICES)
    receiver.received.clear()
    return str(made.json["connectionId"])


def rows_about(connection_id: str) -> list[Any]:
    """Return every row that names the connection in its key, and the waiting relays over it."""
    found = [row for table in (PEERS, RELAYS, OUTBOX) for row in scan_rows(table)]
    return [
        row
        for row in found
        if connection_id in row["pk"] + row["sk"]
        or (row["sk"].startswith(("SENDING#", "PEER#")) and row.get("connectionId") == connection_id)
    ]


def test_a_removed_connection_leaves_nothing_but_what_people_read(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    given_work(api)
    sent = send_relay(api, desk, made, subject="Count them").json["data"]["id"]
    assert rows_about(made)
    told = run_admin("connections", "remove", made)
    assert f"Removed connection {made} of alice@example.com" in told
    assert own_connections(api, desk) == []
    assert api.post(RELAY, {"subject": "x"}, headers={"X-Federation-Token": TOKEN}).status == 401
    assert change_connection(api, desk.alice_key, made, action="block").status == 404
    assert send_relay(api, desk, made).status == 404
    pump.drain(PEER_NOTICES)
    assert rows_about(made) == []
    assert f"TOKEN#{token_hash(TOKEN)}" not in [row["pk"] for row in scan_rows(PEERS)]
    assert receiver.posted == []
    (mine, theirs) = list_relays(api, desk)["relays"]
    assert (mine["id"], mine["status"], mine["dispatch"], mine["error"]) == (
        sent,
        "expired",
        "expired",
        "not sent: the connection was removed",
    )
    assert theirs["subject"] == "Count"
    assert "Reason: an administrator removed the connection." in chat_answers(api, desk)[-1]
    assert "no such connection" in refused_command("connections", "remove", made)


@pytest.mark.parametrize("status", [200, 500])
def test_a_fluxden_desk_is_told_once_whatever_it_answers(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int
) -> None:
    made = connect(api, receiver, pump, with_key=True)
    peer_answers(receiver, status)
    run_admin("connections", "remove", made)
    for _ in range(2):
        pump.drain(PEER_NOTICES)
        pump.run(DUE)
    (told,) = receiver.posted
    assert told.path == END
    assert told.headers["x-federation-token"] == TOKEN
    assert sent_body(told) == {
        "connectionId": made,
        "status": "declined",
        "reason": "an administrator removed the connection",
    }
    assert rows_about(made) == []


def test_a_removal_that_was_interrupted_is_finished_by_its_repeat(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect(api, receiver, pump)
    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.gateways.job_queue.sqs", lambda: None)
        run_command("connections", "remove", made)
    assert pump.drain(PEER_NOTICES) == 0
    assert own_connections(api, desk) == []
    run_admin("connections", "remove", made)
    pump.drain(PEER_NOTICES)
    assert rows_about(made) == []


def test_all_connections_and_held_requests_of_an_origin_are_removed_at_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    second = connect(api, receiver, pump, fromUserEmail="sue@other.example.org", federationToken="s" * 40)
    allow_federation(unverified="pending")
    held = api.post(
        CONNECTIONS,
        connection_request(
            fromInstanceUrl=peer_base_url(receiver), fromUserEmail="max@other.example.org", federationToken="m" * 40
        ),
    ).json["connectionId"]
    other = api.post(CONNECTIONS, connection_request(federationToken="o" * 40)).json["connectionId"]
    told = run_admin("connections", "remove", "--origin", f"{peer_base_url(receiver)}/")
    assert [each in told for each in (made, second, held, other)] == [True, True, True, False]
    recorded = list_entries(AuditFilter(kind="connection.remove"), after=None, limit=10).entries
    concerned = {each.subject.id: each.subject.person_id for each in recorded if each.subject}
    alice = person_ref(desk.user_id("alice"))
    assert (len(recorded), concerned) == (3, {made: alice, second: alice, held: None})
    pump.drain(PEER_NOTICES)
    assert [rows_about(each) for each in (made, second, held)] == [[], [], []]
    assert rows_about(other) != []
    assert run_admin("connections", "remove", "--origin", peer_base_url(receiver)) == "No connections.\n"


def test_people_of_a_removed_connection_can_connect_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    run_admin("connections", "remove", made)
    again = connect(api, receiver, pump)
    assert again != made
    assert api.post(RELAY, {"subject": "x"}, headers={"X-Federation-Token": TOKEN}).status == 200


def test_the_budget_of_a_token_stays_with_the_other_connections_that_use_it(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    other = connect(api, receiver, pump, fromUserEmail="sue@other.example.org")
    run_admin("connections", "remove", made)
    pump.drain(PEER_NOTICES)
    found = DynamoConnections().find(other)
    assert found is not None
    budgets = [row["pk"] for row in scan_rows(PEERS) if row["sk"] == "BUDGET"]
    assert f"TOKEN#{found.token_hash}" in budgets


@pytest.mark.parametrize("kind", ConnectionNoticeKind)
def test_a_notice_whose_connection_is_gone_ends(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, kind: ConnectionNoticeKind
) -> None:
    gone, at = "00000000-0000-4000-8000-00000000dead", "2026-05-21T12:00:00.000Z"
    notice = ConnectionNotice(gone, kind.value, kind, {}, at, next_attempt_at=at)
    commit([add_notice_action(notice)])
    CONNECTION_NOTICE_JOBS.announce(notice.job)
    assert pump.drain(PEER_NOTICES) == 1
    (row,) = rows_about(gone)
    assert (row["outcome"], row["attempts"][-1]["error"]) == ("gone", "the connection was removed")
    assert "dueAt" not in row
    pump.run(DUE)
    assert pump.drain(PEER_NOTICES) == 0


def test_what_is_queued_after_the_removal_ends_and_says_why(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    card_id = given_work(api)
    run_admin("connections", "remove", made)
    pump.drain(PEER_NOTICES)
    # The work that came over it can still be done; nobody is left to hear of it.
    assert complete_card(api, desk, card_id).status == 200
    pump.drain(OUTBOX_WORK)
    assert rows_about(made) == []
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["status"], relay["direction"]) == ("completed", "inbound")
    run_admin("relays", "resend", relay["id"])
    assert pump.drain(OUTBOX_WORK) == 1
    assert (rows_about(made), receiver.posted) == ([], [])


def test_a_relay_that_is_being_sent_meanwhile_ends_as_well(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = connect(api, receiver, pump)
    send_relay(api, desk, made, subject="Count them")
    found = DynamoConnections().find(made)
    assert found is not None
    # As if the rows went between the look-up of the connection and that of its token.
    key = {"pk": f"TOKEN#{found.token_hash}", "sk": f"CONNECTION#{made}"}
    aws.dynamodb().delete_item(TableName=PEERS.physical_name, Key=to_item(key))
    OUTBOX_JOBS.announce(OutboxJob(peer_url=found.peer_url))
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["status"], relay["error"]) == ("expired", "not sent: the connection was removed")
    assert DynamoConnections().token_of(found) is None


def test_nothing_is_written_about_a_connection_that_is_gone(api: Api, desk: Desk) -> None:
    (found,) = DynamoConnections().find_by_token(str(desk.demo["federation"]["federation_token"]))
    before = list(scan_rows(PEERS))
    gone = replace(found, connection_id="00000000-0000-4000-8000-00000000dead")
    assert not DynamoPeerKeys().request_keys(gone, now=datetime.now(UTC))
    DynamoConnections().unwatch(gone.connection_id)
    assert list(scan_rows(PEERS)) == before
