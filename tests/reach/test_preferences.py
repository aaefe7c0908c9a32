"""Preferences: kept for each person, and what they do to the events that reach the person."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.writes import commit
from chalicelib.reach.domain.mail import MailSettings, Transport
from chalicelib.reach.domain.preferences import MOST_RULES
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.resources import DIRECTORY, PERSONAL_WEBHOOK, REACH, WEB_PUSH
from tests.conftest import Desk
from tests.live.test_push import EVENTS, look, subscribe
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.channels import add_active
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows

PREFERENCES = "/api/v1/me/preferences"
NONE: dict[str, Any] = {
    "rules": [],
    "timeZone": "UTC",
    "quietHours": None,
    "pausedUntil": None,
    "digest": {"every": "day", "at": "09:00", "weekday": "monday"},
    "waits": {"email": None, "chat": None, "webhook": None},
    "unreadOnRepeat": True,
    "version": 0,
    "muted": 0,
}
MUTE: dict[str, Any] = {"rules": [{"integrator": "fd1", "ways": ["mute"]}]}


def save(api: Api, desk: Desk, wanted: dict[str, Any], *, version: int = 0, key: str | None = None) -> Answer:
    return api.call("PUT", PREFERENCES, {**wanted, "version": version}, token=desk.alice_key, key=key)


def read(api: Api, desk: Desk) -> Any:
    return api.get(PREFERENCES, desk.alice_key).json


def item(api: Api, desk: Desk, delivery: str) -> Any:
    return api.get(f"/api/v1/inbox/{delivery}", desk.alice_key).json


def publish(api: Api, desk: Desk, **members: Any) -> str:
    return str(api.post(EVENTS, inputs.new_event(**members), desk.alice).json["deliveryId"])


def test_preferences_are_kept_for_one_person(api: Api, desk: Desk) -> None:
    assert read(api, desk) == NONE
    wanted = {
        "rules": [
            {"integrator": "fd1", "severity": "info", "ways": ["inbox"]},
            {"eventType": "fd1.repo", "ways": ["push"]},
        ],
        "timeZone": "Europe/Berlin",
        "quietHours": {"start": "22:00", "end": "07:00", "exceptCritical": True},
    }
    saved = save(api, desk, wanted)
    assert (saved.status, saved.calls[1:]) == (200, ["GetItem", "TransactWriteItems"])
    assert saved.json == NONE | wanted | {"version": 1} == read(api, desk)
    assert api.get(PREFERENCES, desk.bob_key).json == NONE


def test_preferences_that_changed_since_are_not_replaced_and_a_repeated_call_replaces_them_once(
    api: Api, desk: Desk
) -> None:
    first, again = (save(api, desk, MUTE, key="once") for _ in range(2))
    assert (first.status, first.json) == (200, again.json)
    assert [save(api, desk, {}, version=each).status for each in (0, 7)] == [409, 409]
    assert read(api, desk)["rules"] == MUTE["rules"]
    assert save(api, desk, {}, version=1).json == NONE | {"version": 2}


@pytest.mark.parametrize(
    "bad",
    [
        {"rules": [{"ways": []}]},
        {"rules": [{"ways": ["fax"]}]},
        {"rules": [{"ways": ["mute", "push"]}]},
        {"rules": [{"ways": ["push"]}, {"ways": ["mute"]}]},
        {"rules": [{"integrator": f"i{each}", "ways": ["push"]} for each in range(MOST_RULES + 1)]},
        {"rules": [{"integrator": "a\nb", "ways": ["push"]}]},
        {"rules": [{"integrator": None, "ways": ["push"]}]},
        {"rules": [{"ways": ["channel"], "channels": []}]},
        {"rules": [{"ways": ["push"], "channels": ["5b0e4c4e-7f3a-4c1d-9a55-0123456789ab"]}]},
        {"timeZone": "Moon/Base"},
        {"quietHours": {"start": "22:00", "end": "22:00"}},
        {"pausedUntil": "2999-01-01T00:00:00Z"},
        {"waits": {"webhook": 901}},
        {"waits": {"webhook": -1}},
        {"waits": {"webhook": 1.5}},
        {"waits": {"fax": 1}},
        {"waits": None},
        {"digest": {"every": "minute"}},
        {"digest": {"at": "24:00"}},
        {"digest": {"weekday": "Montag"}},
        {"digest": None},
        {"rules": [{"ways": ["email", "digest"]}]},
        {"unreadOnRepeat": None},
        {"unknown": 1},
    ],
)
def test_bad_preferences_are_refused_and_change_nothing(api: Api, desk: Desk, bad: dict[str, Any]) -> None:
    assert save(api, desk, bad).status == 400
    assert read(api, desk) == NONE


def test_a_person_without_preferences_and_one_who_takes_them_back_have_no_worker_run(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    publish(api, desk)
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (0, 1)
    save(api, desk, MUTE)
    publish(api, desk)
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)
    save(api, desk, {"timeZone": "Asia/Tokyo"}, version=1)
    publish(api, desk)
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (0, 1)


def test_a_muted_event_is_read_and_counted_and_stays_in_the_inbox(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    save(api, desk, MUTE)
    tab = look(sockets, pump, desk.alice_key)
    delivery = publish(api, desk)
    assert item(api, desk, delivery)["readAt"] is None
    assert pump.drain(REACH) == 1
    assert pump.calls.count("TransactWriteItems") == 1
    assert item(api, desk, delivery)["readAt"] is not None
    assert [each["type"] for each in tab.frames][-2:] == ["delivery", "delivery_changed"]
    assert (tab.frames[-1]["deliveryId"], tab.frames[-1]["readAt"] is None) == (delivery, False)
    assert (read(api, desk)["muted"], pump.drain(WEB_PUSH)) == (1, 0)
    assert delivery in [each["deliveryId"] for each in api.get("/api/v1/inbox", desk.alice_key).json["items"]]
    assert save(api, desk, {}, version=1).json["muted"] == 1


def test_only_an_integrator_marked_by_an_operator_reaches_a_person_who_mutes_its_critical_events(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    save(api, desk, MUTE)
    muted = publish(api, desk, severity="critical")
    pump.drain(REACH)
    assert item(api, desk, muted)["readAt"] is not None
    path = "/api/v2/operate/integrators/fd1"
    changed = api.call("PATCH", path, {"alwaysCritical": True}, token=desk.alice_key)
    assert (changed.status, changed.json["data"]["alwaysCritical"]) == (200, True), changed.text
    loud, quiet = publish(api, desk, severity="critical"), publish(api, desk, severity="warn")
    assert pump.drain(REACH) == 2
    assert item(api, desk, loud)["readAt"] is None
    assert item(api, desk, quiet)["readAt"] is not None
    assert (pump.drain(WEB_PUSH), read(api, desk)["muted"]) == (1, 2)


def test_events_for_the_inbox_only_stay_unread_and_reach_nobody(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    save(api, desk, {"rules": [{"ways": ["inbox"]}, {"severity": "critical", "ways": ["push"]}]})
    calm, loud = publish(api, desk), publish(api, desk, severity="critical")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (2, 1)
    assert [item(api, desk, each)["readAt"] for each in (calm, loud)] == [None, None]


def test_a_pause_leaves_everything_in_the_inbox_until_it_is_over(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    now = datetime.now(UTC)
    save(api, desk, {"pausedUntil": timestamp(now + timedelta(hours=1))})
    publish(api, desk, severity="critical")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)
    with time_machine.travel(now + timedelta(hours=1), tick=True):
        publish(api, desk)
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 1)


def quiet(now: datetime, **members: Any) -> dict[str, Any]:
    """Return quiet hours in UTC that began an hour ago and end in half an hour."""
    start, end = now - timedelta(hours=1), now + timedelta(minutes=30)
    return {"quietHours": {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}", **members}}


@pytest.mark.engine("embedded")
def test_quiet_hours_hold_what_is_not_critical_until_they_end(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    now = datetime.now(UTC)
    save(api, desk, quiet(now))
    read_later = publish(api, desk)
    publish(api, desk)
    publish(api, desk, severity="critical")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (3, 1)
    api.call("PATCH", f"/api/v1/inbox/{read_later}", {"read": True}, token=desk.alice_key)
    pump.run("announce_ending_snoozes")
    assert pump.drain(REACH) == 0
    with time_machine.travel(now + timedelta(minutes=26), tick=True):
        pump.run("announce_ending_snoozes")
    with time_machine.travel(now + timedelta(minutes=31), tick=True):
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (2, 1)
    with time_machine.travel(now + timedelta(hours=2), tick=True):
        pump.run("announce_ending_snoozes")
        assert pump.drain(REACH) == 0


@pytest.mark.engine("embedded")
def test_quiet_hours_that_end_soon_announce_their_end_themselves_and_can_hold_critical_events_too(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    now = datetime.now(UTC)
    save(api, desk, quiet(now, exceptCritical=False))
    with time_machine.travel(now + timedelta(minutes=25), tick=True):
        publish(api, desk, severity="critical")
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)
    with time_machine.travel(now + timedelta(minutes=31), tick=True):
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 1)


@pytest.mark.engine("embedded")
def test_what_is_held_follows_preferences_that_change_meanwhile(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    now = datetime.now(UTC)
    save(api, desk, quiet(now))
    delivery = publish(api, desk)
    pump.drain(REACH)
    save(api, desk, MUTE, version=1)
    with time_machine.travel(now + timedelta(minutes=31), tick=True):
        pump.run("announce_ending_snoozes")
        assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)
        assert item(api, desk, delivery)["readAt"] is not None


def test_a_rule_sends_to_the_channels_that_it_names_after_a_wait_in_which_the_event_may_be_read(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    first, second = (add_active(api, pump, desk.alice_key, receiver)["id"] for _ in range(2))
    publish(api, desk, severity="critical")
    assert (pump.drain(REACH), pump.drain(PERSONAL_WEBHOOK)) == (1, 0)  # no rule chooses them
    rules = [{"ways": ["channel"], "channels": [first]}, {"severity": "critical", "ways": ["push", "channel"]}]
    assert save(api, desk, {"rules": rules}).json["rules"] == rules
    loud = publish(api, desk, severity="critical")
    assert (pump.drain(REACH), pump.drain(PERSONAL_WEBHOOK)) == (1, 2)
    assert [json.loads(each.body)["data"]["delivery"]["deliveryId"] for each in receiver.received] == [loud, loud]
    told = {json.loads(each.body)["data"]["channelId"] for each in receiver.received}
    assert told == {first, second}
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 2


@pytest.mark.engine("embedded")
def test_channels_wait_before_they_are_sent_what_is_not_critical_and_leave_out_what_was_read(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    add_active(api, pump, desk.alice_key, receiver)
    now = datetime.now(UTC)
    save(api, desk, {"rules": [{"ways": ["channel"]}]})
    seen, unseen = publish(api, desk), publish(api, desk, severity="success")
    assert (pump.drain(REACH), pump.drain(PERSONAL_WEBHOOK)) == (2, 0)
    api.call("PATCH", f"/api/v1/inbox/{seen}", {"read": True}, token=desk.alice_key)
    with time_machine.travel(now + timedelta(minutes=3), tick=True):
        assert pump.drain(PERSONAL_WEBHOOK) == 2
    assert [json.loads(each.body)["data"]["delivery"]["deliveryId"] for each in receiver.received] == [unseen]


@pytest.mark.engine("embedded")
def test_a_channel_waits_as_long_as_its_owner_has_set_and_never_with_what_is_critical(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    add_active(api, pump, desk.alice_key, receiver)
    now = datetime.now(UTC)
    wanted = {"rules": [{"ways": ["channel"]}], "waits": {"chat": None, "webhook": 900}}
    assert save(api, desk, wanted).json["waits"] == {"email": None, "chat": None, "webhook": 900}
    calm, loud = publish(api, desk), publish(api, desk, severity="critical")
    assert pump.drain(REACH) == 2
    assert pump.drain(PERSONAL_WEBHOOK) == 1
    with time_machine.travel(now + timedelta(minutes=14), tick=True):
        assert pump.drain(PERSONAL_WEBHOOK) == 0
    with time_machine.travel(now + timedelta(minutes=16), tick=True):
        assert pump.drain(PERSONAL_WEBHOOK) == 1
    assert [json.loads(each.body)["data"]["delivery"]["deliveryId"] for each in receiver.received] == [loud, calm]


def test_a_channel_whose_owner_has_set_no_wait_is_sent_everything_at_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    add_active(api, pump, desk.alice_key, receiver)
    save(api, desk, {"rules": [{"ways": ["channel"]}], "waits": {"webhook": 0}})
    publish(api, desk)
    assert (pump.drain(REACH), pump.drain(PERSONAL_WEBHOOK)) == (1, 1)


def test_functions_of_earlier_releases_read_preferences_with_e_mail(api: Api, desk: Desk) -> None:
    DynamoMailSettings().save(MailSettings(Transport.SES, "desk@example.com"), None)
    rules = [
        {"severity": "info", "ways": ["email"]},
        {"severity": "warn", "ways": ["push", "email", "channel"]},
        {"severity": "critical", "ways": ["push"]},
    ]
    assert save(api, desk, {"rules": rules}).json["rules"] == rules
    alice = desk.user_id("alice")
    assert read(api, desk)["rules"] == rules
    (row,) = [each for each in scan_rows(DIRECTORY) if each["sk"] == "PREFERENCES" and alice in each["pk"]]
    assert [each["ways"] for each in row["preferences"]["rules"]] == [["inbox"], ["push", "channel"], ["push"]]
    # A function of an earlier release has replaced the rules.
    update_version = update(DIRECTORY, {"pk": row["pk"], "sk": row["sk"]}, "ADD #version :one", one=1)
    commit([update_version])
    assert [each["ways"] for each in read(api, desk)["rules"]] == [
        ["inbox"],
        ["push", "channel"],
        ["push"],
    ]
