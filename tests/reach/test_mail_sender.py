"""The worker of the queue `email`: a message goes once, to those who want it, and not about what they have read."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from chalicelib.core.domain.retries import MAIL_RETRIES
from chalicelib.reach.domain import sent_mails
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.stores import sent_mails as store
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.resources import DELIVERIES, EMAIL, REACH
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.mail_server import MailServer
from tests.support.mails import ALICE, EVENTS, MAIL, job_of, prefer, publish, rows, send
from tests.support.pump import Pumps
from tests.support.worker_scenarios import scan_rows

INBOX, PROFILE = "/api/v1/inbox", "/api/v2/profile"


def test_a_delivery_is_sent_to_the_persons_address_in_their_language(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    api.call("PATCH", PROFILE, body={"languages": ["zh-CN"], "timezone": "Asia/Shanghai"}, token=desk.alice_key)
    delivery_id = publish(api, desk, title="Build failed", severity="critical")
    send(desk, pump, delivery_id)
    (received,) = server.received
    assert received.recipients == [ALICE]
    assert received.message["Subject"] == "Build failed"
    assert "严重" in received.part("plain")
    assert f"/#/inbox/{delivery_id}" in received.part("html")
    (row,) = rows()
    assert (row["state"], row["place"]) == ("sent", f"127.0.0.1:{server.port}")
    assert ALICE not in str(row)


def test_a_job_that_comes_twice_sends_one_message(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    job = send(desk, pump, publish(api, desk))
    EMAIL_JOBS.send(job)
    pump.drain(EMAIL)
    assert len(server.received) == 1


@pytest.mark.parametrize("state", [{"read": True}, {"archived": True}])
def test_what_was_read_is_not_sent(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, state: dict[str, bool]
) -> None:
    delivery_id = publish(api, desk)
    assert api.call("PATCH", f"{INBOX}/{delivery_id}", body=state, token=desk.alice_key).status == 200
    send(desk, pump, delivery_id)
    assert not server.received
    assert not rows()


def test_what_was_resolved_is_not_sent(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    delivery_id = publish(api, desk)
    assert api.post(f"{EVENTS}/{delivery_id}/resolve", {}, desk.alice).status == 200
    send(desk, pump, delivery_id)
    assert not server.received


def test_nothing_is_sent_about_anothers_delivery_or_to_somebody_inactive(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    delivery_id = publish(api, desk)
    send(desk, pump, delivery_id, user="bob")
    send(desk, pump, str(uuid4()))
    send(desk, pump, delivery_id, user="dave")
    assert not server.received
    assert not rows()


def test_a_desk_without_mail_settings_sends_nothing(api: Api, desk: Desk, pump: Pumps) -> None:
    send(desk, pump, publish(api, desk))
    assert not rows()


@pytest.mark.engine("embedded")
def test_a_busy_server_is_tried_again_until_it_takes_the_message(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    delivery_id = publish(api, desk)
    server.replies["DATA"] = "451 4.7.1 Greylisted, alice@example.com"
    send(desk, pump, delivery_id)
    (row,) = rows()
    assert (row["state"], row["number"], row["result"]) == ("waiting", 1, "deferred 451")
    pump.drain(EMAIL)
    assert rows() == [row], "it was not tried before its time"
    server.replies.clear()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=False):
        pump.drain(EMAIL)
    assert len(server.received) == 1
    (row,) = rows()
    assert (row["state"], row["number"]) == ("sent", 2)
    assert "result" not in row or row["result"] is None


@pytest.mark.engine("embedded")
def test_a_server_that_stays_down_leaves_a_dead_letter_with_the_reason_and_without_the_address(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    send_at = datetime.now(UTC)
    server.replies["MAIL"] = "530 5.7.0 Log in first to write to <ALICE@Example.com>"
    delivery_id = publish(api, desk)
    send(desk, pump, delivery_id)
    for number in range(1, len(MAIL_RETRIES.waits) + 20):
        with time_machine.travel(send_at + number * timedelta(minutes=20), tick=False):
            pump.drain(EMAIL)
    (row,) = rows()
    assert row["number"] >= len(MAIL_RETRIES.waits)
    with time_machine.travel(send_at + timedelta(hours=12), tick=False):
        letters = api.get("/api/v2/operate/dead-letters/email", desk.alice_key).json["data"]
    assert len(letters) == 1
    assert letters[0]["reason"].endswith("530 5.7.0 Log in first to write to <…>")
    assert ALICE not in caplog.text.lower()
    assert not server.received


@pytest.mark.engine("embedded")
def test_a_rule_sends_mail_about_what_is_not_read_by_then(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    assert prefer(api, desk, version=0).status == 200
    noon = datetime(2027, 5, 21, 12, 0, tzinfo=UTC)
    with time_machine.travel(noon, tick=False):
        for severity in ("critical", "info"):
            publish(api, desk, severity=severity, title=severity)
        read = publish(api, desk, severity="info", title="Read")
        assert pump.drain(REACH) == 3
        pump.drain(EMAIL)
        assert [each.message["Subject"] for each in server.received] == ["critical"]
        api.call("PATCH", f"{INBOX}/{read}", body={"read": True}, token=desk.alice_key)
    with time_machine.travel(noon + timedelta(seconds=125), tick=False):
        pump.drain(EMAIL)
    assert [each.message["Subject"] for each in server.received] == ["critical", "info"]


def test_a_refused_message_is_not_sent_again_and_pauses_nothing(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    server.replies["DATA"] = "554 5.7.1 Spam"
    job = send(desk, pump, publish(api, desk))
    server.replies.clear()
    EMAIL_JOBS.send(job)
    pump.drain(EMAIL)
    assert not server.received
    assert [each["state"] for each in rows()] == ["failed"]
    assert api.get(MAIL, desk.alice_key).json["state"] == "active"


@pytest.mark.engine("embedded")
def test_a_person_gets_so_many_messages_an_hour_and_the_others_in_one_at_the_next(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_AN_HOUR", 2)
    noon = datetime(2027, 5, 21, 12, 0, tzinfo=UTC)
    with time_machine.travel(noon, tick=False):
        ids = [publish(api, desk, event_id=str(each), title=f"Event {each}") for each in range(6)]
        jobs = [send(desk, pump, each) for each in ids]
        assert len(server.received) == 2
        EMAIL_JOBS.send(jobs[5])
        pump.drain(EMAIL)
        api.call("PATCH", f"{INBOX}/{ids[3]}", body={"read": True}, token=desk.alice_key)
    with time_machine.travel(noon + timedelta(minutes=57), tick=False):
        assert pump.drain(EMAIL) == 0, "nothing goes round in the queue"
        pump.run("announce_ending_snoozes")
    for minutes in (61, 125):
        with time_machine.travel(noon + timedelta(minutes=minutes), tick=False):
            pump.run("announce_ending_snoozes")
            pump.drain(EMAIL)
        assert len(server.received) == 3
    text = server.received[2].part("plain")
    assert [each for each in range(6) if f"Event {each}" in text] == [2, 4, 5]
    assert sent_mails.MOST_AN_HOUR == 20


@pytest.mark.engine("embedded")
@pytest.mark.parametrize(("severity", "sent_at"), [("warn", 7), ("critical", 22)])
def test_what_is_beyond_the_most_of_an_hour_keeps_quiet_hours_unless_it_is_critical(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, monkeypatch: pytest.MonkeyPatch, severity: str, sent_at: int
) -> None:
    monkeypatch.setattr(store, "MOST_AN_HOUR", 1)
    evening = datetime(2027, 5, 21, 21, 30, tzinfo=UTC)
    with time_machine.travel(evening, tick=False):
        assert prefer(api, desk, version=0, quietHours={"start": "22:00", "end": "07:00"}).status == 200
        for each in range(2):
            send(desk, pump, publish(api, desk, event_id=str(each), severity=severity))
    (digest,) = (each for each in scan_rows(DELIVERIES) if each["sk"].startswith("DIGEST#"))
    assert datetime.fromisoformat(digest["at"]).hour == sent_at


def test_the_cost_of_a_message_is_four_calls_in_sequence(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    EMAIL_JOBS.send(job_of(desk, publish(api, desk)))
    pump.calls.clear()
    pump.drain(EMAIL)
    assert sorted(pump.calls) == sorted(
        [
            "Query",
            "GetItem",
            "BatchGetItem",
            "GetItem",
            "GetItem",
            "GetItem",
            "TransactWriteItems",
            "BatchGetItem",
            "PutItem",
        ]
    )
    assert DynamoPersonalMail().find(desk.user_id("alice")).state == "active"
