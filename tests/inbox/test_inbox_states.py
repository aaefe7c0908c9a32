"""What recipients make of their deliveries: read, archived, snoozed; and what of it a further fire undoes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.resources import FAN_OUT, SOCKET_WORK
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps
from tests.support.sockets import Sockets

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def at(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def change(api: Api, desk: Desk, delivery: str, **wanted: Any) -> Answer:
    return api.call("PATCH", f"{INBOX}/{delivery}", wanted, token=desk.alice_key)


def publish(api: Api, token: str, **overrides: object) -> str:
    return str(api.post(EVENTS, inputs.new_event(**overrides), token).json["deliveryId"])


def seen(api: Api, desk: Desk, query: str = "") -> list[str]:
    """The ids of every page, two at a time."""
    found, cursor = [], ""
    while True:
        page = api.get(f"{INBOX}?limit=2&{query}{cursor}", desk.alice_key).json
        found += [item["deliveryId"] for item in page["items"]]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def summary(api: Api, desk: Desk) -> tuple[int, int, int]:
    told = api.get(f"{INBOX}/summary", desk.alice_key).json
    return told["unread"], told["urgent"], told["snoozed"]


def test_each_view_has_its_deliveries_newest_first(api: Api, desk: Desk, clock: Any) -> None:
    sent = []
    for number in range(10):
        clock.shift(1)
        sent.append(publish(api, desk.alice, severity="critical" if number == 9 else "info"))
    states: list[dict[str, Any]] = [{"read": True}, {"archived": True}, {"snoozedUntil": at(hours=1)}]
    for number, wanted in enumerate(states * 2):
        change(api, desk, sent[number], **wanted)

    assert seen(api, desk) == [sent[each] for each in (9, 8, 7, 6, 3, 0)]
    assert seen(api, desk, "view=unread") == [sent[each] for each in (9, 8, 7, 6)]
    assert seen(api, desk, "view=archived") == [sent[each] for each in (4, 1)]
    assert sorted(seen(api, desk, "view=snoozed")) == sorted([sent[2], sent[5]])
    assert sorted(seen(api, desk, "view=all")) == sorted(sent)
    assert summary(api, desk) == (4, 1, 2)


def test_a_page_boundary_between_deliveries_of_one_instant_drops_and_repeats_none(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(7)]
    for each in sent[::2]:
        change(api, desk, each, read=True)
    for view in ("inbox", "all"):
        found = seen(api, desk, f"view={view}")
        assert (len(found), set(found)) == (7, set(sent))


def test_change_returns_the_new_state_and_is_pushed_once(api: Api, desk: Desk, clock: Any) -> None:
    delivery = publish(api, desk.alice)
    first = change(api, desk, delivery, read=True).json
    assert (first["readAt"], first["archivedAt"], first["snoozedUntil"]) == ("2026-05-21T12:00:00.000Z", None, None)
    assert first == api.get(INBOX, desk.alice_key).json["items"][0]
    clock.shift(60)
    again = change(api, desk, delivery, read=True, archived=True).json
    assert (again["readAt"], again["archivedAt"]) == (first["readAt"], "2026-05-21T12:01:00.000Z")
    assert api.get(f"{INBOX}/{delivery}", desk.alice_key).json["archivedAt"] == again["archivedAt"]
    back = change(api, desk, delivery, read=False, archived=False).json
    assert (back["readAt"], back["archivedAt"]) == (None, None)


def test_a_snoozed_delivery_comes_back_unread_on_top_when_its_time_has_come(api: Api, desk: Desk, clock: Any) -> None:
    older = publish(api, desk.alice)
    clock.shift(1)
    newer = publish(api, desk.alice)
    change(api, desk, older, read=True)
    asleep = change(api, desk, older, snoozedUntil="2026-05-21T15:00:00+02:00").json
    assert (asleep["snoozedUntil"], asleep["readAt"]) == ("2026-05-21T13:00:00.000Z", None)
    assert (seen(api, desk), summary(api, desk)) == ([newer], (1, 0, 1))

    clock.shift(3600)
    assert (seen(api, desk), seen(api, desk, "view=unread")) == ([older, newer], [older, newer])
    assert (seen(api, desk, "view=snoozed"), summary(api, desk)) == ([], (2, 0, 0))
    woken = change(api, desk, older, read=True).json
    assert (woken["snoozedUntil"], seen(api, desk)) == (None, [older, newer])
    assert seen(api, desk, "view=unread") == [newer]


def test_snoozed_deliveries_are_counted_whether_they_are_read_or_not(api: Api, desk: Desk, clock: Any) -> None:
    before, together, later = (publish(api, desk.alice) for _ in range(3))
    until = "2026-05-21T15:00:00+02:00"
    change(api, desk, before, read=True)
    change(api, desk, before, snoozedUntil=until)
    change(api, desk, together, read=True, snoozedUntil=until)
    change(api, desk, later, snoozedUntil=until)
    change(api, desk, later, read=True)
    assert len(seen(api, desk, "view=snoozed")) == 3
    assert summary(api, desk) == (0, 0, 3)
    clock.shift(3600)
    assert summary(api, desk) == (len(seen(api, desk, "view=unread")), 0, 0)


def test_snoozing_unarchives_and_archiving_ends_a_snooze(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice)
    change(api, desk, delivery, archived=True)
    snoozed = change(api, desk, delivery, snoozedUntil=at(hours=1)).json
    assert (snoozed["archivedAt"], bool(snoozed["snoozedUntil"])) == (None, True)
    archived = change(api, desk, delivery, archived=True).json
    assert (bool(archived["archivedAt"]), archived["snoozedUntil"]) == (True, None)
    change(api, desk, delivery, snoozedUntil=at(hours=1))
    assert change(api, desk, delivery, snoozedUntil=None).json["snoozedUntil"] is None
    assert seen(api, desk) == [delivery]


@pytest.mark.parametrize(
    ("body", "at_fault"),
    [
        ({}, None),
        ([], None),
        ({"read": None}, "read"),
        ({"archived": "yes"}, "archived"),
        ({"raed": True}, "raed"),
        ({"snoozedUntil": "tomorrow"}, "snoozedUntil"),
        ({"snoozedUntil": "2026-05-21T12:00:00Z"}, "snoozedUntil"),
        ({"snoozedUntil": "2027-05-23T12:00:00Z"}, "snoozedUntil"),
        ({"snoozedUntil": "9999-12-31T23:59:59-12:00"}, "snoozedUntil"),
        ({"archived": True, "snoozedUntil": "2026-05-21T13:00:00Z"}, None),
    ],
)
def test_invalid_change_is_refused_and_changes_nothing(api: Api, desk: Desk, body: Any, at_fault: Any) -> None:
    delivery = publish(api, desk.alice)
    refused = api.call("PATCH", f"{INBOX}/{delivery}", body, token=desk.alice_key)
    assert refused.status == 400
    assert list(refused.json.get("fieldErrors", {})) == ([at_fault] if at_fault else [])
    assert summary(api, desk) == (1, 0, 0)


def test_only_the_recipient_changes_and_sees_the_state(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice)
    for path in (f"{INBOX}/{delivery}", f"{INBOX}/{inputs.uuid(1)}", f"{INBOX}/nothing"):
        assert api.call("PATCH", path, {"read": True}, token=desk.bob_key).status == 404
    change(api, desk, delivery, read=True, archived=True)
    told = api.get(f"{EVENTS}/{delivery}", desk.alice).json
    assert not {"readAt", "archivedAt", "snoozedUntil"} & told.keys()


def test_a_repeated_change_under_one_key_is_answered_as_the_first(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice)
    first = api.call("PATCH", f"{INBOX}/{delivery}", {"archived": True}, token=desk.alice_key, key="k")
    change(api, desk, delivery, archived=False)
    again = api.call("PATCH", f"{INBOX}/{delivery}", {"archived": True}, token=desk.alice_key, key="k")
    assert (again.json, again.headers["idempotent-replayed"]) == (first.json, "true")
    assert seen(api, desk) == [delivery]


@pytest.mark.parametrize("how", ["plain", "keyed", "bulk"])
@pytest.mark.parametrize(
    ("severity", "state", "returns"),
    [
        ("info", {"archived": True, "read": True}, True),
        ("info", {"snoozedUntil": "2026-05-22T12:00:00Z"}, False),
        ("critical", {"snoozedUntil": "2026-05-22T12:00:00Z"}, True),
        ("critical", {"read": True}, True),
        ("info", {"read": True}, True),
        ("info", {"read": True, "snoozedUntil": "2026-05-22T12:00:00Z"}, False),
    ],
)
def test_repeat_brings_back_read_archived_and_critical_snoozed_deliveries(
    api: Api, desk: Desk, pump: Pumps, clock: Any, how: str, severity: str, state: dict[str, Any], returns: bool
) -> None:
    sent = inputs.new_event(severity=severity)

    def fire() -> None:
        if how == "bulk":
            to = [{"type": "email", "email": "alice@example.com"}]
            api.post(f"{EVENTS}/bulk", {"recipients": to, "event": sent}, desk.fd1)
            pump.drain(FAN_OUT)
        else:
            api.post(EVENTS, sent, desk.alice, **({"key": str(inputs.ago())} if how == "keyed" else {}))

    fire()
    (delivery,) = seen(api, desk)
    before = change(api, desk, delivery, **state).json
    clock.shift(60)
    fire()
    shown = api.get(f"{INBOX}/{delivery}", desk.alice_key).json
    assert shown["fireCount"] == 2
    states = {name: shown[name] for name in ("readAt", "archivedAt", "snoozedUntil")}
    assert states == (dict.fromkeys(states) if returns else {name: before[name] for name in states})
    assert (delivery in seen(api, desk, "view=unread")) is returns


def test_change_is_pushed_to_all_connections_of_the_owner(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: Any
) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    tabs = [sockets.connect(desk.alice_key) for _ in range(2)]
    pump.drain(SOCKET_WORK)
    change(api, desk, delivery, archived=True)
    change(api, desk, delivery, archived=True)
    clock.shift(1)
    api.post(EVENTS, sent, desk.alice)
    for tab in tabs:
        frames = [each for each in tab.frames if each["type"] == "delivery_changed"]
        told = [(each["deliveryId"], each["archivedAt"], each["fireCount"]) for each in frames]
        assert told == [(delivery, "2026-05-21T12:00:00.000Z", 1), (delivery, None, 2)]


def test_words_and_labels_search_the_content(api: Api, desk: Desk) -> None:
    sent = {
        "title": publish(api, desk.alice, title="Build 812 FAILED"),
        "actor": publish(api, desk.alice, actor={"email": "grace@example.com", "name": "Grace Hopper"}),
        "label": publish(api, desk.alice, labels={"repo": "widget-pro", "tier": "1"}),
        "type": publish(api, desk.alice, event_type="fd1.outage.started"),
    }
    for query, expected in (
        ("q=failed+build", ["title"]),
        ("q=hopper", ["actor"]),
        ("q=GRACE%40example", ["actor"]),
        ("q=outage", ["type"]),
        ("q=widget-pro&label=repo", ["label"]),
        ("label=repo", ["label"]),
        ("label=repo%3Dwidget-pro", ["label"]),
        ("label=repo%3Dother", []),
        ("label=widget-pro", []),
        ("q=nothing", []),
        ("q=+", list(sent)[::-1]),
        ("q=repo&severity=warn", []),
    ):
        assert sorted(seen(api, desk, query)) == sorted(sent[each] for each in expected), query


def test_search_reads_a_bounded_number_of_deliveries_per_call(
    api: Api, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.stores.inbox._WHOLE_ROWS_PER_PAGE", 3)
    oldest = publish(api, desk.alice, title="Needle")
    clock.shift(1)
    for _ in range(20):
        publish(api, desk.alice)
    summary(api, desk)
    page = api.get(f"{INBOX}?q=needle", desk.alice_key)
    assert (page.json["items"], page.calls.count("BatchGetItem"), page.steps) == ([], 4, 9)
    assert seen(api, desk, "q=needle") == [oldest]


def test_concurrent_changes_are_all_made(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice)
    wanted = [{"read": True}, {"archived": True}]
    path = f"{INBOX}/{delivery}"
    assert run_concurrently(2, lambda number: api.status("PATCH", path, wanted[number], desk.alice_key)) == [200, 200]
    shown = api.get(f"{INBOX}/{delivery}", desk.alice_key).json
    assert shown["readAt"] and shown["archivedAt"]


def test_list_has_labels_if_it_is_asked_for_them(api: Api, desk: Desk) -> None:
    labelled = publish(api, desk.alice, labels={"repo": "widget-pro"})
    other = publish(api, desk.alice)
    told = api.get(f"{INBOX}?labels=true", desk.alice_key).json["items"]
    assert {each["deliveryId"]: each.get("labels") for each in told} == {labelled: {"repo": "widget-pro"}, other: None}
    assert all("labels" not in each for each in api.get(f"{INBOX}?labels=false", desk.alice_key).json["items"])
