"""Relays that peers did not take, as operators see and repair them."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.resources import OUTBOX_WORK
from infra.admin import main
from tests.conftest import Desk
from tests.federation.relays.relay_calls import complete_card, given_work, list_relays, peer_url, send_relay
from tests.support.api import Api
from tests.support.instances import register_instance, run_admin
from tests.support.pump import Pumps
from tests.support.receiver import Receiver


def list_unsent(*more: str) -> list[Any]:
    found: list[Any] = json.loads(run_admin("relays", "list", *more, "--json"))
    return found


@pytest.mark.usefixtures("large_budget")
@pytest.mark.parametrize("kind", ["relay", "acknowledgement"])
def test_an_operator_lists_refused_relays_and_resends_them(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, kind: str
) -> None:
    receiver.status, receiver.body = 403, b"not today"
    if kind == "relay":
        relay_id = send_relay(api, desk, connection, subject="Depots").json["data"]["id"]
    else:
        complete_card(api, desk, given_work(api))
        relay_id = list_relays(api, desk)["relays"][0]["id"]
    pump.drain(OUTBOX_WORK)
    (found,) = list_unsent("--parked")
    assert (found["relayId"], found["kind"], found["error"]) == (relay_id, kind, "answered 403: not today")
    receiver.status, receiver.body = 200, b'{"success": true}'
    assert relay_id in run_admin("relays", "resend", relay_id)
    assert list_unsent("--parked") == []
    pump.drain(OUTBOX_WORK)
    assert [each.path for each in receiver.received] == [receiver.received[0].path] * 2
    assert list_unsent() == []
    assert CliRunner().invoke(main, ["relays", "resend", relay_id]).exit_code == 1, "it was taken"
    assert CliRunner().invoke(main, ["relays", "resend", "nonsense"]).exit_code == 1


@pytest.mark.usefixtures("large_budget")
def test_an_operator_retries_a_failing_peer_at_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    receiver.status = 503
    first, second = (send_relay(api, desk, connection, subject=each).json["data"]["id"] for each in ("1", "2"))
    pump.drain(OUTBOX_WORK)
    (box,) = json.loads(run_admin("relays", "desks", "--json"))
    assert (box["desk"], box["waiting"], box["failures"]) == (peer_url(receiver), 2, 1)
    receiver.status = 200
    run_admin("relays", "resend", second)
    pump.drain(OUTBOX_WORK)
    assert [json.loads(each.body)["relayId"] for each in receiver.received] == [first, first, second]
    assert json.loads(run_admin("relays", "desks", "--json")) == []


@pytest.mark.usefixtures("large_budget")
@pytest.mark.parametrize("refused", [True, False])
def test_a_relay_given_up_by_the_operator_is_not_sent_until_resent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, refused: bool
) -> None:
    receiver.status = 403
    relay_id = send_relay(api, desk, connection).json["data"]["id"]
    if refused:
        pump.drain(OUTBOX_WORK)
    run_admin("relays", "give-up", relay_id)
    receiver.status, before = 200, len(receiver.received)
    pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == before
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["status"], relay["dispatch"], relay["error"]) == ("expired", "expired", "given up by the operator")
    assert CliRunner().invoke(main, ["relays", "give-up", relay_id]).exit_code == 1
    run_admin("relays", "resend", relay_id)
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk, status="delivered")["relays"]
    assert (relay["dispatch"], relay["resolvedAt"]) == ("sent", None)


@pytest.mark.usefixtures("large_budget")
def test_nothing_is_sent_to_a_suspended_desk(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    member = register_instance(api, baseUrl=receiver.url.removesuffix("/hook"))
    run_admin("instances", "approve", member.instance_id, "--without-challenge")
    run_admin("instances", "suspend", member.instance_id)
    send_relay(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["dispatch"], "suspended" in relay["error"]) == ("expired", True)
    assert receiver.received == []
