"""Digests: what rules leave for them is sent once, at their time, without what was read meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.fields import timestamp
from chalicelib.live.domain.push import ReachJob
from chalicelib.live.gateways.web_push import REACH_JOBS
from chalicelib.reach.domain.digests import digest_id_of
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.stores import digests as store
from chalicelib.reach.stores.digests import DynamoDigests
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.resources import DELIVERIES, EMAIL, REACH, WEB_PUSH
from tests.conftest import Desk
from tests.live.test_push import subscribe
from tests.reach.test_preferences import NONE, item, publish, read, save
from tests.support.api import Api
from tests.support.mail_server import MailServer, mail_server
from tests.support.pump import Pumps
from tests.support.worker_scenarios import scan_rows

# The clock is moved over the delay of a queue.
pytestmark = pytest.mark.engine("embedded")

INBOX = "/api/v1/inbox"
# A Friday.
NOON = datetime(2027, 5, 21, 12, 0, tzinfo=UTC)
HOURLY: dict[str, Any] = {"rules": [{"ways": ["digest"]}], "digest": {"every": "hour"}}


@pytest.fixture
def server(tmp_path: Path, desk: Desk) -> Iterator[MailServer]:
    """A mail server by which the desk sends."""
    with mail_server(tmp_path) as server:
        settings = MailSettings(Transport.SMTP, "Fluxden <desk@example.com>", "127.0.0.1", server.port, Security.NONE)
        DynamoMailSettings().save(settings, None)
        yield server


def run_until(pump: Pumps, now: datetime) -> None:
    """Run the schedule before a time, and the worker at it, as often as a message of the queue has to be sent on."""
    with time_machine.travel(now - timedelta(minutes=4), tick=False):
        pump.run("announce_ending_snoozes")
    with time_machine.travel(now + timedelta(seconds=1), tick=False):
        pump.drain(EMAIL)


def digests() -> list[dict[str, Any]]:
    return [each for each in scan_rows(DELIVERIES) if each["sk"].startswith("DIGEST#")]


def test_a_digest_is_sent_at_its_time_with_what_is_unread_then(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    with time_machine.travel(NOON + timedelta(minutes=10), tick=False):
        assert save(api, desk, HOURLY).status == 200
        kept, seen, archived, resolved = (publish(api, desk, title=f"Event {each}") for each in range(4))
        assert (pump.drain(REACH), pump.drain(EMAIL)) == (4, 0)
        api.call("PATCH", f"{INBOX}/{seen}", {"read": True}, token=desk.alice_key)
        api.call("PATCH", f"{INBOX}/{archived}", {"archived": True}, token=desk.alice_key)
        api.post(f"/api/v1/events/{resolved}/resolve", {}, desk.alice)
    run_until(pump, NOON + timedelta(hours=1))
    (mail,) = server.received
    assert mail.recipients == ["alice@example.com"]
    assert str(mail.message["Subject"]).startswith("1 notification from ")
    for kind in ("plain", "html"):
        assert f"/#/inbox/{kept}" in mail.part(kind)
        assert not any(each in mail.part(kind) for each in (seen, archived, resolved))
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert item(api, desk, kept)["readAt"] is None
    for hours in (2, 3):
        run_until(pump, NOON + timedelta(hours=hours))
    assert len(server.received) == 1
    (digest,) = digests()
    assert "dueQueue" not in digest


def test_a_digest_with_nothing_unread_is_not_sent(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        seen = publish(api, desk)
        pump.drain(REACH)
        api.call("PATCH", f"{INBOX}/{seen}", {"read": True}, token=desk.alice_key)
    run_until(pump, NOON + timedelta(hours=1))
    assert not server.received


@pytest.mark.parametrize(
    ("digest", "sent_at"),
    [
        ({}, datetime(2027, 5, 22, 7, 0, tzinfo=UTC)),
        ({"at": "15:30"}, datetime(2027, 5, 21, 13, 30, tzinfo=UTC)),
        ({"every": "week", "weekday": "sunday", "at": "18:00"}, datetime(2027, 5, 23, 16, 0, tzinfo=UTC)),
    ],
)
def test_daily_and_weekly_digests_are_sent_by_the_clocks_of_the_persons_time_zone(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, digest: dict[str, str], sent_at: datetime
) -> None:
    with time_machine.travel(NOON, tick=False):
        wanted = {"rules": [{"ways": ["digest"]}], "digest": digest, "timeZone": "Europe/Berlin"}
        assert save(api, desk, wanted).json["digest"] == NONE["digest"] | digest
        publish(api, desk)
        pump.drain(REACH)
    assert [each["dueAt"] for each in digests()] == [timestamp(sent_at)]
    run_until(pump, sent_at - timedelta(minutes=6))
    assert not server.received
    run_until(pump, sent_at)
    assert len(server.received) == 1


def test_a_digest_whose_worker_runs_again_is_sent_once(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    alice, at = desk.user_id("alice"), timestamp(NOON + timedelta(hours=1))
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        publish(api, desk)
        pump.drain(REACH)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        for _ in range(3):
            EMAIL_JOBS.send(EmailJob.of_digest(alice, digest_id_of(alice, at)))
        pump.drain(EMAIL)
    assert len(server.received) == 1


def test_a_server_that_is_busy_gets_the_digest_later_with_what_is_unread_by_then(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        kept, seen = publish(api, desk), publish(api, desk)
        pump.drain(REACH)
    server.replies["DATA"] = "451 4.7.1 Greylisted"
    run_until(pump, NOON + timedelta(hours=1))
    server.replies.clear()
    with time_machine.travel(NOON + timedelta(hours=1, minutes=1), tick=False):
        api.call("PATCH", f"{INBOX}/{seen}", {"read": True}, token=desk.alice_key)
    with time_machine.travel(NOON + timedelta(hours=1, minutes=3), tick=False):
        pump.drain(EMAIL)
    (mail,) = server.received
    assert kept in mail.part("plain")
    assert seen not in mail.part("plain")


def test_what_comes_twice_is_in_one_digest_and_what_comes_late_in_the_next(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    alice = desk.user_id("alice")
    with time_machine.travel(NOON + timedelta(minutes=59), tick=False):
        save(api, desk, HOURLY)
        first = publish(api, desk)
        job = ReachJob.of(alice, first, at=timestamp(datetime.now(UTC)))
        REACH_JOBS.send(job)
        pump.drain(REACH)
        assert [each["deliveryIds"] for each in digests()] == [{first}]
        late = publish(api, desk)
    run_until(pump, NOON + timedelta(hours=1))
    with time_machine.travel(NOON + timedelta(hours=1, seconds=2), tick=False):
        REACH_JOBS.send(job)
        assert pump.drain(REACH) == 2
    by_time = {each["at"]: each["deliveryIds"] for each in digests()}
    one, two = (timestamp(NOON + timedelta(hours=hours)) for hours in (1, 2))
    assert by_time == {one: {first}, two: {late}}
    run_until(pump, NOON + timedelta(hours=2))
    assert [late in each.part("plain") for each in server.received] == [False, True]


def test_a_pause_holds_back_digests_and_what_comes_during_it(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        publish(api, desk)
        pump.drain(REACH)
        paused = {**HOURLY, "pausedUntil": timestamp(NOON + timedelta(hours=1, minutes=30))}
        assert save(api, desk, paused, version=1).status == 200
        publish(api, desk)
        pump.drain(REACH)
    assert [len(each["deliveryIds"]) for each in digests()] == [1]
    run_until(pump, NOON + timedelta(hours=1))
    assert not server.received
    with time_machine.travel(NOON + timedelta(hours=1, minutes=31), tick=False):
        after = publish(api, desk)
        pump.drain(REACH)
    run_until(pump, NOON + timedelta(hours=2))
    (mail,) = server.received
    assert str(mail.message["Subject"]).startswith("1 notification")
    assert after in mail.part("plain")


def test_digests_wait_until_quiet_hours_end_and_what_those_hold_is_in_one_digest(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    with time_machine.travel(NOON, tick=False):
        rules = [{"ways": ["digest"]}, {"severity": "warn", "ways": ["push", "digest"]}]
        save(api, desk, {**HOURLY, "rules": rules, "quietHours": {"start": "11:00", "end": "15:20"}})
        calm, held = publish(api, desk), publish(api, desk, severity="warn")
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (2, 0)
    end = NOON + timedelta(hours=3, minutes=20)
    assert [(each["at"], each["deliveryIds"]) for each in digests()] == [(timestamp(end), {calm, held})]
    run_until(pump, end)
    with time_machine.travel(end + timedelta(seconds=2), tick=False):
        assert pump.drain(REACH) == 1
    assert len(digests()) == 1
    (mail,) = server.received
    assert str(mail.message["Subject"]).startswith("2 notifications")


def test_a_digest_takes_up_so_many_and_says_that_there_are_more(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_IN_DIGEST", 2)
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        for _ in range(4):
            publish(api, desk)
        pump.drain(REACH)
    assert [(len(each["deliveryIds"]), each["isFull"]) for each in digests()] == [(2, True)]
    run_until(pump, NOON + timedelta(hours=1))
    (mail,) = server.received
    assert "The rest is in your inbox." in mail.part("plain")
    assert "The rest is in your inbox." in mail.part("html")


def test_nobody_gets_a_digest_whose_mail_is_off_and_no_digest_takes_up_anothers_delivery(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        foreign = publish(api, desk)
        pump.drain(REACH)
        assert api.call("PUT", "/api/v1/me/email", {"enabled": False}, token=desk.alice_key).status == 200
        DynamoDigests().add(desk.user_id("bob"), timestamp(NOON + timedelta(hours=1)), foreign)
    run_until(pump, NOON + timedelta(hours=1))
    assert not server.received


def test_a_desk_without_a_mail_server_refuses_rules_with_digests(api: Api, desk: Desk) -> None:
    refused = save(api, desk, HOURLY)
    assert refused.status == 409
    assert read(api, desk) == NONE


def test_the_cost_of_a_digest_is_five_calls_in_sequence(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> None:
    with time_machine.travel(NOON, tick=False):
        save(api, desk, HOURLY)
        publish(api, desk)
        pump.calls.clear()
        pump.drain(REACH)
        assert pump.calls.count("UpdateItem") == 1
    with time_machine.travel(NOON + timedelta(minutes=56), tick=False):
        pump.run("announce_ending_snoozes")
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        pump.calls.clear()
        pump.drain(EMAIL)
    assert sorted(pump.calls) == sorted(
        [
            "UpdateItem",
            *["GetItem"] * 5,
            "BatchGetItem",
            "BatchGetItem",
            "TransactWriteItems",
            "Query",
            "PutItem",
        ]
    )
    assert len(server.received) == 1
