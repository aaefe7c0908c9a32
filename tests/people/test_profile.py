"""The caller's profile: defaults, changes and quiet hours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.people.domain.profile import in_quiet_hours
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently

PROFILE = "/api/v2/profile"
DEFAULTS: dict[str, Any] = {
    "headline": None,
    "bio": None,
    "currentTitle": None,
    "currentCompany": None,
    "industry": None,
    "skills": [],
    "taskTypes": [],
    "languages": [],
    "hobbies": [],
    "superpowers": [],
    "timezone": None,
    "capacity": "available",
    "visibility": "connections",
    "relayMode": "full",
    "allowAmbientInbound": True,
    "allowAmbientOutbound": True,
    "allowBroadcasts": True,
    "autoRespondAmbient": False,
    "relayQuietHours": None,
    "relayTopicFilters": [],
}
NIGHT = {"start": "22:00", "end": "08:00", "timezone": "Europe/Berlin"}
SPAN = ("22:00", "08:00")


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def change(api: Api, token: str, **more: Any) -> Answer:
    key = more.pop("key", None)
    return api.call("PATCH", PROFILE, more, token=token, key=key)


def profile(api: Api, token: str) -> dict[str, Any]:
    reply = api.get(PROFILE, token)
    assert (reply.status, set(reply.json), reply.json["success"]) == (200, {"success", "data"}, True)
    told: dict[str, Any] = reply.json["data"]
    return told


def test_profile_without_changes_has_the_defaults(api: Api, desk: Desk) -> None:
    assert profile(api, desk.alice_key) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("headline", "Builds engines"),
        ("headline", ""),
        ("bio", "ö" * 5000),
        ("currentTitle", "Engineer"),
        ("currentCompany", "Analytical"),
        ("industry", "Mills"),
        *[(name, ["one", "two"]) for name in ("skills", "taskTypes", "languages", "hobbies", "superpowers")],
        ("skills", [str(number) for number in range(50)]),
        ("timezone", "Asia/Kolkata"),
        ("timezone", "UTC"),
        ("capacity", "busy"),
        *[("visibility", each) for each in ("public", "connections", "private")],
        *[("relayMode", each) for each in ("full", "selective", "minimal", "off")],
        ("allowAmbientInbound", False),
        ("allowAmbientOutbound", False),
        ("allowBroadcasts", False),
        ("autoRespondAmbient", True),
        ("relayQuietHours", NIGHT),
        ("relayQuietHours", NIGHT | {"start": "00:00", "end": "00:00"}),
        ("relayTopicFilters", ["sales", {"topic": "hiring"}, {"projectId": "p", "teamId": "t"}, {}]),
    ],
)
def test_patch_changes_only_the_given_members(api: Api, desk: Desk, name: str, value: Any) -> None:
    before = change(api, desk.alice_key, industry="Mills", skills=["first"]).json["data"]
    reply = change(api, desk.alice_key, **{name: value})
    assert (reply.status, reply.json) == (200, {"success": True, "data": before | {name: value}})
    assert profile(api, desk.alice_key) == before | {name: value}
    assert profile(api, desk.bob_key) == DEFAULTS


def test_quiet_hours_without_a_time_zone_are_in_utc(api: Api, desk: Desk) -> None:
    changed = change(api, desk.alice_key, relayQuietHours={"start": "22:00", "end": "08:00"}).json["data"]
    assert changed["relayQuietHours"] == {"start": "22:00", "end": "08:00", "timezone": "UTC"}


def test_null_removes_optional_values(api: Api, desk: Desk) -> None:
    told = {"headline": "x", "bio": "x", "currentTitle": "x", "currentCompany": "x", "industry": "x"}
    change(api, desk.alice_key, **told, timezone="UTC", relayQuietHours=NIGHT)
    nothing = dict.fromkeys([*told, "timezone", "relayQuietHours"])
    assert change(api, desk.alice_key, **nothing).json["data"] == DEFAULTS


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "at least one member to change"),
        ([], "object"),
        (None, "object"),
        ({"headline": 1}, "headline"),
        ({"headline": "x" * 201}, "headline"),
        ({"bio": "x" * 5001}, "bio"),
        ({"skills": "one"}, "skills"),
        ({"skills": [1]}, "skills.0"),
        ({"skills": [""]}, "skills.0"),
        ({"skills": ["x" * 101]}, "skills.0"),
        ({"skills": ["x"] * 51}, "skills"),
        ({"skills": None}, "skills"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "europe/berlin"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "America"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "x" * 300}, "timezone"),
        ({"capacity": None}, "capacity"),
        ({"capacity": ""}, "capacity"),
        ({"visibility": "everyone"}, "visibility"),
        ({"visibility": None}, "visibility"),
        ({"relayMode": "OFF"}, "relayMode"),
        ({"allowAmbientInbound": "yes"}, "allowAmbientInbound"),
        ({"allowBroadcasts": 1}, "allowBroadcasts"),
        ({"autoRespondAmbient": None}, "autoRespondAmbient"),
        ({"relayQuietHours": []}, "relayQuietHours"),
        ({"relayQuietHours": {"start": "22:00"}}, "relayQuietHours.end"),
        ({"relayQuietHours": NIGHT | {"start": "24:00"}}, "relayQuietHours.start"),
        ({"relayQuietHours": NIGHT | {"start": "9:00"}}, "relayQuietHours.start"),
        ({"relayQuietHours": NIGHT | {"end": "08:00\n"}}, "relayQuietHours.end"),
        ({"relayQuietHours": NIGHT | {"end": "０8:00"}}, "relayQuietHours.end"),
        ({"relayQuietHours": NIGHT | {"timezone": "Mars/Olympus"}}, "relayQuietHours.timezone"),
        ({"relayQuietHours": NIGHT | {"timezone": None}}, "relayQuietHours.timezone"),
        ({"relayQuietHours": NIGHT | {"days": []}}, "relayQuietHours.days"),
        ({"relayTopicFilters": None}, "relayTopicFilters"),
        ({"relayTopicFilters": "sales"}, "relayTopicFilters"),
        ({"relayTopicFilters": [""]}, "relayTopicFilters.0"),
        ({"relayTopicFilters": [1]}, "relayTopicFilters.0"),
        ({"relayTopicFilters": [{"topic": None}]}, "relayTopicFilters.0"),
        ({"relayTopicFilters": [{"subject": "x"}]}, "relayTopicFilters.0"),
        ({"relayTopicFilters": ["x"] * 101}, "relayTopicFilters"),
        ({"userId": "x"}, "userId"),
        ({"relay_mode": "off"}, "relay_mode"),
    ],
)
def test_invalid_patch_names_the_field_and_changes_nothing(api: Api, desk: Desk, body: Any, named: str) -> None:
    reply = api.call("PATCH", PROFILE, body, token=desk.alice_key, raw="null" if body is None else None)
    assert reply.status == 400, reply.text
    assert reply.json["success"] is False
    assert named in reply.json["error"]
    assert profile(api, desk.alice_key) == DEFAULTS


def test_profile_needs_the_owners_key_with_all_permissions(api: Api, desk: Desk) -> None:
    narrow = api.post("/api/v2/keys", {"name": "n", "permissions": ["queue", "mcp"]}, desk.alice_key).json["data"]
    for token, status in ((None, 401), (desk.alice, 403), (narrow["key"], 403)):
        assert api.get(PROFILE, token).status == status
        assert api.call("PATCH", PROFILE, {"headline": "x"}, token=token).status == status
    assert profile(api, desk.alice_key) == DEFAULTS


def test_repeat_with_the_same_key_returns_the_first_reply(api: Api, desk: Desk) -> None:
    first = change(api, desk.alice_key, relayTopicFilters=["sales", {"teamId": "t"}], key="k")
    change(api, desk.alice_key, headline="later")
    again = change(api, desk.alice_key, relayTopicFilters=["sales", {"teamId": "t"}], key="k")
    assert (again.status, again.text) == (200, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert profile(api, desk.alice_key)["headline"] == "later"
    assert change(api, desk.alice_key, relayTopicFilters=[], key="k").status == 409


def test_concurrent_changes_are_all_saved(api: Api, desk: Desk) -> None:
    names = ["headline", "bio", "currentTitle", "currentCompany", "industry", "capacity"]

    def call(number: int) -> int:
        return api.status("PATCH", PROFILE, {names[number]: f"by {number}"}, desk.alice_key)

    assert run_concurrently(len(names), call) == [200] * len(names)
    told = profile(api, desk.alice_key)
    assert [told[name] for name in names] == [f"by {number}" for number in range(len(names))]


def test_store_calls_of_reading_and_changing(api: Api, desk: Desk) -> None:
    api.get(PROFILE, desk.alice_key)
    assert api.get(PROFILE, desk.alice_key).calls == ["UpdateItem", "GetItem"]
    assert change(api, desk.alice_key, bio="x").calls == ["UpdateItem", "GetItem", "TransactWriteItems"]
    assert change(api, desk.alice_key, bio="y").calls == ["UpdateItem", "GetItem", "TransactWriteItems"]
    assert change(api, desk.alice_key, bio="z", key="k").calls == ["UpdateItem", "GetItem", "TransactWriteItems"]


# Quiet hours


@pytest.mark.parametrize(
    ("start", "end", "clock", "quiet"),
    [
        (*SPAN, "23:30", True),
        (*SPAN, "22:00", True),
        (*SPAN, "00:00", True),
        (*SPAN, "07:59", True),
        (*SPAN, "08:00", False),
        (*SPAN, "21:59", False),
        ("09:00", "17:00", "08:59", False),
        ("09:00", "17:00", "09:00", True),
        ("09:00", "17:00", "16:59", True),
        ("09:00", "17:00", "17:00", False),
        ("09:00", "09:00", "09:00", True),
        ("09:00", "09:00", "03:00", True),
    ],
)
def test_quiet_hours_include_the_start_and_exclude_the_end(start: str, end: str, clock: str, *, quiet: bool) -> None:
    now = datetime.fromisoformat(f"2026-05-21T{clock}:59+00:00")
    assert in_quiet_hours(start, end, "UTC", now=now) is quiet


@pytest.mark.parametrize(
    ("moment", "zone", "quiet"),
    [
        ("2026-01-15T06:59:00Z", "Europe/Berlin", True),
        ("2026-01-15T07:00:00Z", "Europe/Berlin", False),
        ("2026-07-15T05:59:00Z", "Europe/Berlin", True),
        ("2026-07-15T06:00:00Z", "Europe/Berlin", False),
        ("2026-07-15T16:30:00Z", "Asia/Kolkata", True),
        ("2026-07-15T02:30:00Z", "Asia/Kolkata", False),
        ("2026-07-15T23:30:00Z", "Mars/Olympus", False),
        ("2026-07-15T23:30:00Z", "", False),
    ],
)
def test_quiet_hours_follow_the_clocks_of_the_time_zone(moment: str, zone: str, *, quiet: bool) -> None:
    assert in_quiet_hours(*SPAN, zone, now=datetime.fromisoformat(moment)) is quiet


_CLOCKS = st.times().map(lambda clock: clock.strftime("%H:%M"))
_MOMENTS = st.integers(0, 2_500_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(_CLOCKS, _CLOCKS, _MOMENTS)
def test_every_minute_is_in_quiet_hours_or_in_their_complement(start: str, end: str, now: datetime) -> None:
    one, other = in_quiet_hours(start, end, "UTC", now=now), in_quiet_hours(end, start, "UTC", now=now)
    assert (one and other) if start == end else (one != other)


@given(_CLOCKS, _CLOCKS, _MOMENTS, st.sampled_from(["Asia/Tokyo", "America/Phoenix", "Africa/Lagos"]))
def test_time_zone_shifts_the_quiet_hours(start: str, end: str, now: datetime, zone: str) -> None:
    shift = now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    assert in_quiet_hours(start, end, zone, now=now) == in_quiet_hours(start, end, "UTC", now=now + shift)
