"""A person's e-mail: turned off and on, paused, and tested."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import time_machine

from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.domain.personal_mail import MailState, PauseReason, PersonalMail
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.stores import sent_mails as store
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.resources import EMAIL
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.mail_server import MailServer
from tests.support.mails import ALICE, MAIL, ask_for_test, prefer, publish, send
from tests.support.pump import Pumps

ONE_CLICK = {"Content-Type": "application/x-www-form-urlencoded"}


def test_the_address_in_a_message_turns_mail_off_by_post_only(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    send(desk, pump, publish(api, desk))
    url = str(server.received[0].message["List-Unsubscribe"]).strip("<>")
    path = url[url.index("/api/") :]
    page = api.get(path)
    assert (page.status, page.calls) == (200, [])
    assert '<form method="post">' in page.text
    assert api.get(MAIL, desk.alice_key).json["state"] == "active"

    done = api.call("POST", path, raw="List-Unsubscribe=One-Click", headers=ONE_CLICK)
    assert (done.status, done.calls) == (200, ["TransactWriteItems"])
    assert api.get(MAIL, desk.alice_key).json["state"] == "off"
    send(desk, pump, publish(api, desk))
    assert len(server.received) == 1

    api.call("PUT", MAIL, body={"enabled": True}, token=desk.alice_key)
    send(desk, pump, publish(api, desk))
    assert len(server.received) == 2


@pytest.mark.parametrize("token", ["x", "A" * 88, "a" * 500, "%00", "é"])
def test_a_made_up_address_turns_off_nobodys_mail(api: Api, desk: Desk, token: str) -> None:
    for method in ("GET", "POST"):
        answer = api.call(method, f"/api/v1/email/unsubscribe/{token}")
        assert (answer.status, answer.calls) == (404, [])
        assert answer.json["instance"] == "/api/v1/email/unsubscribe/***"


def test_an_address_without_a_mailbox_is_paused_until_it_takes_a_test_message(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    server.replies["RCPT"] = "550 5.1.1 No such user"
    send(desk, pump, publish(api, desk))
    shown = api.get(MAIL, desk.alice_key).json
    assert (shown["address"], shown["state"], shown["reason"]) == (ALICE, "paused", "bounce")
    for is_on, state in ((False, "off"), (True, "paused")):
        assert api.call("PUT", MAIL, body={"enabled": is_on}, token=desk.alice_key).json["state"] == state
    ask_for_test(api, desk, pump)
    failed = api.get(MAIL, desk.alice_key).json
    assert (failed["state"], failed["failure"]) == ("paused", "no_mailbox 550")
    server.replies.clear()
    send(desk, pump, publish(api, desk))
    assert not server.received
    ask_for_test(api, desk, pump)
    resumed = api.get(MAIL, desk.alice_key).json
    assert (resumed["state"], resumed["reason"], resumed["failure"]) == ("active", None, None)
    send(desk, pump, publish(api, desk))
    assert [each.recipients for each in server.received] == [[ALICE], [ALICE]]


def test_a_test_message_that_is_taken_ends_a_pause_also_while_e_mail_is_off(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    server.replies["RCPT"] = "550 5.1.1 No such user"
    send(desk, pump, publish(api, desk))
    server.replies.clear()
    off = api.call("PUT", MAIL, body={"enabled": False}, token=desk.alice_key).json
    ask_for_test(api, desk, pump)
    tested = api.get(MAIL, desk.alice_key).json
    assert (tested["state"], tested["since"]) == ("off", off["since"])
    assert api.call("PUT", MAIL, body={"enabled": True}, token=desk.alice_key).json["state"] == "active"


def test_a_test_message_is_sent_once_and_only_the_one_that_was_asked_for_last(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    api.post(f"{MAIL}/test", token=desk.alice_key)
    ask_for_test(api, desk, pump)
    alice = desk.user_id("alice")
    last = DynamoPersonalMail().find(alice).test_id
    EMAIL_JOBS.send(EmailJob(user_id=alice, message_id=str(last)))
    EMAIL_JOBS.send(EmailJob(user_id=alice, message_id=str(uuid4())))
    pump.drain(EMAIL)
    (received,) = server.received
    assert str(received.message["Message-ID"]) == f"<test.{alice}.{last}@example.com>"


def test_test_messages_count_among_those_of_an_hour(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_AN_HOUR", 1)
    with time_machine.travel(datetime(2027, 5, 21, 12, 0, tzinfo=UTC)):
        ask_for_test(api, desk, pump)
        ask_for_test(api, desk, pump)
        assert api.get(MAIL, desk.alice_key).json["failure"] == "limit"
    assert len(server.received) == 1


def test_a_desk_without_a_mail_server_says_so(api: Api, desk: Desk, pump: Pumps) -> None:
    assert api.get(MAIL, desk.alice_key).json["available"] is False
    refused = api.post(f"{MAIL}/test", token=desk.alice_key)
    assert refused.status == 409
    assert "sends no e-mail" in refused.text
    refused = prefer(api, desk, version=0)
    assert refused.status == 409
    assert "sends no e-mail" in refused.text


def test_rules_with_e_mail_stay_when_the_desk_sends_none_any_more(api: Api, desk: Desk, server: MailServer) -> None:
    assert prefer(api, desk, version=0).status == 200
    DynamoMailSettings().remove()
    assert prefer(api, desk, version=1, timeZone="Europe/Berlin").status == 200


def test_e_mail_that_was_turned_off_is_not_paused(api: Api, desk: Desk, server: MailServer) -> None:
    api.call("PUT", MAIL, body={"enabled": False}, token=desk.alice_key)
    alice = desk.user_id("alice")
    assert not DynamoPersonalMail().pause(alice, ALICE, PauseReason.BOUNCE, now=datetime.now(UTC))
    assert api.get(MAIL, desk.alice_key).json["state"] == "off"


def test_a_pause_is_for_the_address_that_refused_mail() -> None:
    paused = PersonalMail(MailState.PAUSED, "2026-03-04T00:00:00.000Z", PauseReason.BOUNCE, "old@example.com")
    assert paused.state_for("old@example.com") is MailState.PAUSED
    assert paused.state_for("new@example.com") is MailState.ACTIVE
