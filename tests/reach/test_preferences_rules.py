"""The rules of preferences: which rule decides, what it decides, and when quiet hours end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.core.domain.severity import Severity
from chalicelib.reach.domain.channels import ChannelKind
from chalicelib.reach.domain.preferences import DEFAULT, PreferenceRule, Preferences, Subject, Way, decide, is_muted
from chalicelib.reach.domain.quiet_time import QuietTime, quiet_until
from chalicelib.reach.domain.waits import LONGEST_WAIT, Waits

pytestmark = pytest.mark.engine("embedded")

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def rule(*ways: str, **members: str) -> dict[str, Any]:
    return {"ways": list(ways), **members}


def event(event_type: str = "ci.build.failed", severity: str = "info", *, is_always: bool = False) -> Subject:
    return Subject(event_type.partition(".")[0], event_type, Severity(severity), is_always)


def preferences(*rules: dict[str, Any], **members: object) -> Preferences:
    return Preferences.model_validate({"rules": list(rules), **members})


ALL, CI = rule("inbox"), rule("mute", integrator="ci")
BUILDS = rule("push", eventType="ci.build")
CRITICAL = rule("push", severity="critical")
CI_CRITICAL = rule("inbox", integrator="ci", severity="critical")


# What no rule matches follows the integrator's declaration, which can only make it quieter, and no critical event.
@pytest.mark.parametrize("severity", ["critical", "warn", "info", "success"])
@pytest.mark.parametrize("rules", [[], [rule("channel", integrator="hr")], [rule("push", eventType="ci")], [CI]])
def test_a_declaration_decides_where_no_rule_does_and_makes_nothing_louder(
    rules: list[dict[str, Any]], severity: str
) -> None:
    plain = event(severity=severity)
    declared = replace(plain, is_for_inbox=True)
    before = decide(preferences(*rules), plain, now=NOON)
    after = decide(preferences(*rules), declared, now=NOON)
    assert after.ways <= before.ways
    if before.rule is None and severity != "critical":
        assert (after.ways, after.is_muted) == (frozenset(), False)
    else:
        assert after == before


# What decides: a longer event type, then an integrator, then a severity.
@pytest.mark.parametrize(
    ("rules", "subject", "expected"),
    [
        ([], event(), None),
        ([ALL], event(), ALL),
        ([CI], event("hr.leave.asked"), None),
        ([ALL, CI], event(), CI),
        ([CI, ALL], event(), CI),
        ([CI, BUILDS], event(), BUILDS),
        ([CI, BUILDS], event("ci.builds.failed"), CI),
        ([CI, BUILDS], event("ci.build"), BUILDS),
        ([CI, CRITICAL], event(severity="critical"), CI),
        ([ALL, CRITICAL], event(severity="critical"), CRITICAL),
        ([ALL, CRITICAL], event(severity="warn"), ALL),
        ([CI, CRITICAL, CI_CRITICAL], event(severity="critical"), CI_CRITICAL),
        ([BUILDS, CI_CRITICAL], event(severity="critical"), BUILDS),
        ([BUILDS, rule("inbox", eventType="ci.build.failed")], event(), rule("inbox", eventType="ci.build.failed")),
        ([BUILDS, rule("mute", eventType="ci.build", integrator="hr")], event(), BUILDS),
        # An integrator marked as always is not muted when it is critical: the next rule decides.
        ([CI], event(severity="critical", is_always=True), None),
        ([CI, ALL], event(severity="critical", is_always=True), ALL),
        ([CI], event(severity="warn", is_always=True), CI),
    ],
)
def test_the_most_specific_rule_that_matches_decides(
    rules: list[dict[str, Any]], subject: Subject, expected: dict[str, Any] | None
) -> None:
    decision = decide(preferences(*rules), subject, now=NOON)
    assert decision.rule == (expected and PreferenceRule.model_validate(expected))
    assert decision.is_muted == bool(expected and expected["ways"] == ["mute"])
    if expected is None:
        assert decision.ways == DEFAULT


NAMES = st.sampled_from(("ci", "ci.build", "ci.build.failed", "ci.deploy", "hr", "hr.leave"))
VALUES = [each.value for each in Severity]
RULES = st.fixed_dictionaries(
    {"ways": st.sampled_from((["inbox"], ["push"], ["mute"]))},
    optional={
        "integrator": st.sampled_from(("ci", "hr")),
        "eventType": NAMES,
        "severity": st.sampled_from(VALUES),
    },
)
SEVERITIES = st.sampled_from(VALUES)


def selector(made: dict[str, Any]) -> tuple[str, ...]:
    return tuple(made.get(name, "") for name in ("integrator", "eventType", "severity"))


RULE_LISTS = st.lists(RULES, max_size=8, unique_by=selector)


@given(RULE_LISTS, NAMES, SEVERITIES, st.randoms())
def test_the_order_of_rules_never_matters(
    rules: list[dict[str, Any]], name: str, severity: str, random: object
) -> None:
    shuffled = list(rules)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = decide(preferences(*rules), event(name, severity), now=NOON)
    assert decide(preferences(*shuffled), event(name, severity), now=NOON) == first


@given(RULE_LISTS, NAMES, SEVERITIES)
def test_a_rule_that_matches_nothing_changes_nothing(rules: list[dict[str, Any]], name: str, severity: str) -> None:
    other = rule("mute", integrator="other", eventType="other.thing")
    assert decide(preferences(*rules, other), event(name, severity), now=NOON) == decide(
        preferences(*rules), event(name, severity), now=NOON
    )


@given(RULE_LISTS, NAMES)
def test_critical_events_of_an_integrator_marked_as_always_are_never_muted(
    rules: list[dict[str, Any]], name: str
) -> None:
    assert not decide(preferences(*rules), event(name, "critical", is_always=True), now=NOON).is_muted


@given(RULE_LISTS, NAMES, SEVERITIES)
def test_quiet_hours_and_pauses_only_take_away_or_delay(rules: list[dict[str, Any]], name: str, severity: str) -> None:
    plain = decide(preferences(*rules), event(name, severity), now=NOON)
    quiet = preferences(*rules, quietHours={"start": "11:00", "end": "13:00", "exceptCritical": False})
    held = decide(quiet, event(name, severity), now=NOON)
    assert (held.ways, held.is_muted, held.rule) == (plain.ways, plain.is_muted, plain.rule)
    assert held.held_until == (NOON + timedelta(hours=1) if plain.ways else None)
    paused = decide(
        preferences(*rules, pausedUntil="2026-06-01T12:00:01Z"), event(name, severity, is_always=False), now=NOON
    )
    assert (paused.ways, paused.held_until, paused.is_muted) == (frozenset(), None, plain.is_muted)


def test_a_pause_that_is_over_changes_nothing_and_critical_events_break_quiet_hours_only_if_they_may() -> None:
    over = preferences(pausedUntil="2026-06-01T12:00:00Z")
    assert decide(over, event(), now=NOON).ways == {Way.PUSH}
    hours = {"start": "11:00", "end": "13:00"}
    assert decide(preferences(quietHours=hours), event(severity="critical"), now=NOON).held_until is None
    strict = preferences(quietHours=hours | {"exceptCritical": False})
    assert decide(strict, event(severity="critical"), now=NOON).held_until is not None


@pytest.mark.parametrize(
    ("start", "end", "zone", "now", "until"),
    [
        ("22:00", "07:00", "UTC", "2026-06-01T21:59:59", None),
        ("22:00", "07:00", "UTC", "2026-06-01T22:00:00", "2026-06-02T07:00:00"),
        ("22:00", "07:00", "UTC", "2026-06-02T06:59:59", "2026-06-02T07:00:00"),
        ("22:00", "07:00", "UTC", "2026-06-02T07:00:00", None),
        ("09:00", "17:00", "UTC", "2026-06-02T12:00:00", "2026-06-02T17:00:00"),
        ("22:00", "07:00", BERLIN, "2026-06-01T20:00:00", "2026-06-02T05:00:00"),
        ("22:00", "07:00", BERLIN, "2026-12-01T20:30:00", None),
        ("22:00", "07:00", BERLIN, "2026-12-01T21:00:00", "2026-12-02T06:00:00"),
        ("22:00", "07:00", "Pacific/Kiritimati", "2026-06-01T08:00:00", "2026-06-01T17:00:00"),
        ("00:00", "23:59", "Asia/Kathmandu", "2026-06-01T18:15:00", "2026-06-02T18:14:00"),
        # Clocks go forward on 29 March: the night has an hour less, and 02:30 stands for 03:30.
        ("22:00", "07:00", BERLIN, "2026-03-28T22:00:00", "2026-03-29T05:00:00"),
        ("22:00", "02:30", BERLIN, "2026-03-29T00:59:00", "2026-03-29T01:30:00"),
        ("02:30", "04:00", BERLIN, "2026-03-29T01:15:00", None),
        ("02:30", "04:00", BERLIN, "2026-03-29T01:30:00", "2026-03-29T02:00:00"),
        # Hours of the gap that reach into the next ones are one.
        ("03:00", "02:45", BERLIN, "2026-03-29T00:30:00", "2026-03-30T00:45:00"),
        # Clocks go back on 25 October: the night has an hour more, and 02:30 stands for the first one.
        ("22:00", "07:00", BERLIN, "2026-10-24T22:00:00", "2026-10-25T06:00:00"),
        ("22:00", "02:30", BERLIN, "2026-10-25T00:00:00", "2026-10-25T00:30:00"),
        ("22:00", "02:30", BERLIN, "2026-10-25T01:10:00", None),
        ("02:30", "04:00", BERLIN, "2026-10-25T01:10:00", "2026-10-25T03:00:00"),
    ],
)
def test_quiet_hours_end_by_the_clocks_of_their_time_zone(
    start: str, end: str, zone: str, now: str, until: str | None
) -> None:
    quiet = QuietTime(start=start, end=end)
    found = quiet_until(quiet, zone, now=datetime.fromisoformat(f"{now}+00:00"))
    assert found == (until and datetime.fromisoformat(f"{until}+00:00"))


CLOCKS = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]), ZONES, MOMENTS)
def test_quiet_hours_always_end_within_two_days_and_are_over_then(
    hours: tuple[str, str], zone: str, now: datetime
) -> None:
    quiet = QuietTime(start=hours[0], end=hours[1])
    end = quiet_until(quiet, zone, now=now)
    if end is not None:
        assert now < end <= now + timedelta(days=2, hours=2)
        assert quiet_until(quiet, zone, now=end) is None
        assert quiet_until(quiet, zone, now=end - timedelta(seconds=1)) == end
    local = now.astimezone(ZoneInfo(zone))
    calm = all((local + timedelta(days=days)).utcoffset() == local.utcoffset() for days in (-2, 2))
    clock = local.strftime("%H:%M")
    start, stop = hours
    inside = start <= clock < stop if start < stop else clock >= start or clock < stop
    if calm:
        assert (end is not None) == inside


@pytest.mark.parametrize(
    "bad",
    [
        {"rules": [rule()]},
        {"rules": [rule("push", "push")]},
        {"rules": [rule("mute", "push")]},
        {"rules": [rule("inbox", "push")]},
        {"rules": [rule("fax")]},
        {"rules": [rule("push", eventType="ci.")]},
        {"rules": [rule("push", eventType="")]},
        {"rules": [rule("push", integrator="")]},
        {"rules": [rule("push", severity="loud")]},
        {"rules": [ALL, rule("mute")]},
        {"rules": [rule("push", integrator=f"i{number}") for number in range(51)]},
        {"timeZone": "Europe/Nowhere"},
        {"timeZone": "../etc/passwd"},
        {"quietHours": {"start": "07:00", "end": "07:00"}},
        {"quietHours": {"start": "24:00", "end": "07:00"}},
        {"quietHours": {"start": "7:00", "end": "08:00"}},
        {"pausedUntil": "tomorrow"},
    ],
)
def test_preferences_that_contradict_themselves_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Preferences.model_validate(bad)


@pytest.mark.parametrize(
    ("kind", "severity", "seconds"),
    [
        ("webhook", "critical", 0),
        ("webhook", "warn", 5),
        ("webhook", "info", 5),
        ("chat", "critical", 0),
        ("chat", "warn", 60),
        ("chat", "info", 120),
        ("chat", "success", 120),
    ],
)
def test_a_channel_waits_as_long_as_is_set_for_its_kind(kind: str, severity: str, seconds: int) -> None:
    assert Waits(webhook=5).of(kind, Severity(severity)) == seconds


def test_waits_are_for_every_kind_of_channel_and_no_longer_than_a_queue_delays() -> None:
    assert {*Waits.model_fields} == {Way.EMAIL.value, *(each.value for each in ChannelKind)}
    assert LONGEST_WAIT == 900


def test_quiet_hours_do_not_hold_what_only_a_digest_takes_up() -> None:
    hours = {"start": "11:00", "end": "13:00"}
    decision = decide(preferences(rule("digest"), quietHours=hours), event(), now=NOON)
    assert decision.ways == {Way.DIGEST}
    assert decision.held_until is None
    both = decide(preferences(rule("digest", "push"), quietHours=hours), event(), now=NOON)
    assert both.ways == {Way.DIGEST, Way.PUSH}
    assert both.held_until == NOON + timedelta(hours=1)


@given(
    st.lists(st.sampled_from([ALL, CI, BUILDS, CRITICAL, CI_CRITICAL]), unique_by=str),
    st.sampled_from(Severity),
    st.booleans(),
)
def test_an_event_is_muted_by_the_rule_that_decides(
    rules: list[dict[str, Any]], severity: Severity, is_always: bool
) -> None:
    stored = preferences(*rules)
    expected = decide(stored, event(severity=severity, is_always=is_always), now=NOON).is_muted
    assert is_muted(stored, event(severity=severity), has_always_critical=lambda _: is_always) is expected
