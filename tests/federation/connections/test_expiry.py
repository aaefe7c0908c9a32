"""Connection requests that nobody answers in time."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ACCEPT,
    END,
    chat_answers,
    introduce_peer,
    own_connections,
    peer_answers,
    peer_base_url,
    request_connection,
    sent_body,
)
from tests.federation.network.network_calls import NOON
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

EXPIRY = "end_unanswered_requests"


def statuses(api: Api, desk: Desk) -> dict[str, str]:
    found = api.get(f"{CONNECTIONS}?status=all", desk.alice_key).json["connections"]
    return {each["peerUserEmail"]: each["status"] for each in found}


@pytest.mark.usefixtures("desk_with_approval")
@pytest.mark.parametrize("own_kind", [True, False])
def test_a_delivered_request_without_an_answer_expires_after_thirty_days(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, own_kind: bool
) -> None:
    key = SigningKey.new("theirs").public
    own = {"fluxden": {"keyId": key.key_id, "publicKey": key.public_key}} if own_kind else {}
    peer_answers(receiver, status="pending", **own)
    with time_machine.travel(datetime(2026, 5, 21, tzinfo=UTC), tick=False) as clock:
        made = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
        pump.drain(PEER_NOTICES)
        token = sent_body(receiver.posted[0])["federationToken"]
        clock.shift(timedelta(days=30, seconds=-1))
        pump.run(EXPIRY)
        assert own_connections(api, desk)[0]["status"] == "pending"
        clock.shift(timedelta(seconds=1))
        for _ in range(2):
            pump.run(EXPIRY)
        assert pump.calls == ["Query"], "it is ended once"
        assert own_connections(api, desk)[0]["status"] == "expired"
        assert ["has not answered your request" in each for each in chat_answers(api, desk)] == [True]
        pump.drain(PEER_NOTICES)
        ends = [(each.path, sent_body(each)["connectionId"]) for each in receiver.posted[1:]]
        assert ends == ([(END, made)] if own_kind else []), "other makes know no such word"
        late = api.post(ACCEPT, {}, headers={"X-Federation-Token": token})
        assert late.status == 404
        if not own_kind:
            assert api.post(END, {}, headers={"X-Federation-Token": token}).status == 200, "both may end it"
        assert request_connection(api, desk, peer_base_url(receiver)).json["data"]["status"] == "pending", (
            "whoever asked may ask again"
        )


@pytest.mark.usefixtures("desk_with_approval")
def test_a_crossed_request_that_does_not_count_is_looked_at_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    with time_machine.travel(datetime(2026, 5, 21, tzinfo=UTC), tick=False) as clock:
        request_connection(api, desk, peer_base_url(receiver))
        peer_answers(receiver, status="pending")
        api.post(CONNECTIONS, introduce_peer(receiver))
        pump.drain(PEER_NOTICES)
        assert [each["status"] for each in own_connections(api, desk)] == ["active"]
        clock.shift(timedelta(days=30))
        for _ in range(2):
            pump.run(EXPIRY)
        assert pump.calls == ["Query"]
        assert [each["status"] for each in own_connections(api, desk)] == ["active"]


def test_an_unconfirmed_request_without_an_answer_is_declined_after_72_hours(api: Api, desk: Desk, pump: Pumps) -> None:
    allow_federation(approval=True)
    with time_machine.travel(NOON, tick=False) as clock:
        unanswered, answered = (
            api.post(
                CONNECTIONS, connection_request(fromUserEmail=f"{name}@other.example.org", federationToken=name * 8)
            )
            for name in ("sam", "tom")
        )
        path = f"{CONNECTIONS}/{answered.json['connectionId']}"
        api.call("PATCH", path, {"action": "accept"}, token=desk.alice_key)
        clock.shift(timedelta(hours=72, seconds=-1))
        pump.run("end_unanswered_requests")
        assert (statuses(api, desk)["sam@other.example.org"], pump.calls) == ("pending", ["Query"])
        clock.shift(timedelta(seconds=1))
        pump.run("end_unanswered_requests")
        found = statuses(api, desk)
        assert (found["sam@other.example.org"], found["tom@other.example.org"]) == ("declined", "active")
        pump.run("end_unanswered_requests")
        assert pump.calls == ["Query"]
        late = f"{CONNECTIONS}/{unanswered.json['connectionId']}"
        assert api.call("PATCH", late, {"action": "accept"}, token=desk.alice_key).status == 409
        anew = connection_request(fromUserEmail="sam@other.example.org", federationToken="anew" * 8)
        assert api.post(CONNECTIONS, anew).json["status"] == "pending", "whoever asked may ask again"
