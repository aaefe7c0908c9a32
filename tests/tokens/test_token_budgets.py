"""Budgets: units per minute, deliveries per day, and the headers that show them."""

from collections import Counter
from datetime import UTC, datetime

import pytest
import time_machine

from chalicelib.core.domain.severity import Severity
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently

EVENTS = "/api/v1/events"
NOON = datetime(2026, 5, 21, 12, 0, 10, tzinfo=UTC)


def budget(reply: Answer) -> tuple[int, int, int]:
    limit, remaining, reset = (int(reply.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
    return limit, remaining, reset


def test_publishing_costs_units_by_severity_and_other_calls_one(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        reset = int(NOON.timestamp()) + 50
        for severity, left in (("info", 118), ("success", 116), ("warn", 115), ("critical", 114)):
            reply = api.post(EVENTS, inputs.new_event(severity=severity), desk.alice)
            assert budget(reply) == (120, left, reset)
        assert budget(api.get(f"{EVENTS}/{reply.json['deliveryId']}", desk.alice)) == (120, 113, reset)


def test_refused_calls_cost_one_unit_and_show_the_budget(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        assert budget(api.post(EVENTS, {}, desk.alice))[1] == 119
        assert budget(api.post(EVENTS, raw="{", token=desk.alice))[1] == 118
        assert budget(api.get(f"{EVENTS}/nothing", desk.alice))[1] == 117
        assert budget(api.post(EVENTS, inputs.new_event(), desk.fd1))[:2] == (600, 599)
        assert budget(api.post(EVENTS, inputs.new_event(event_type="hr.x.y"), desk.alice))[1] == 116
        assert budget(api.get("/api/v1/inbox", desk.alice))[1] == 115


def test_exhausted_budget_is_refused_until_the_next_minute(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "5")
    with time_machine.travel(NOON, tick=False) as clock:
        for left in (3, 1):
            assert budget(api.post(EVENTS, inputs.new_event(), desk.alice))[1] == left
        refused = api.post(EVENTS, inputs.new_event(), desk.alice)
        assert (refused.status, refused.json["code"]) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "50"
        assert budget(refused) == (5, 1, int(NOON.timestamp()) + 50)
        assert api.post(EVENTS, inputs.new_event(severity="warn"), desk.alice).status == 202
        assert api.post(EVENTS, inputs.new_event(severity="warn"), desk.alice).status == 429
        clock.shift(50)
        assert budget(api.post(EVENTS, inputs.new_event(), desk.alice))[1] == 3


def test_refused_event_is_not_delivered_and_takes_no_daily_delivery(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "2")
    token = desk.personal(daily_limit=2, user_id=desk.user_id("alice"))
    with time_machine.travel(NOON, tick=False) as clock:
        statuses = []
        for _ in range(3):
            statuses += [api.post(EVENTS, inputs.new_event(), token).status for _ in range(2)]
            clock.shift(60)
        assert statuses == [202, 429, 202, 429, 429, 429]
        assert len(api.get("/api/v1/inbox", desk.alice_key).json["items"]) == 2


def test_concurrent_calls_never_exceed_the_budget(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "10")
    with time_machine.travel(NOON, tick=False):
        replies = run_concurrently(16, lambda _: api.post(EVENTS, inputs.new_event(severity="warn"), desk.alice))
    assert Counter(reply.status for reply in replies) == {202: 10, 429: 6}


def test_daily_limit_counts_new_deliveries_until_midnight_utc(api: Api, desk: Desk) -> None:
    token = desk.personal(daily_limit=2)
    with time_machine.travel(datetime(2026, 5, 21, 23, 59, 0, 500_000, tzinfo=UTC), tick=False) as clock:
        sent = [inputs.new_event() for _ in range(4)]
        assert [api.post(EVENTS, event, token).status for event in sent[:2]] == [202, 202]
        refused = api.post(EVENTS, sent[2], token)
        assert (refused.status, refused.headers["retry-after"]) == (429, "60")
        clock.shift(60)
        assert [api.post(EVENTS, event, token).status for event in sent[2:]] == [202, 202]
        assert api.post(EVENTS, inputs.new_event(), token).status == 429


def test_repeats_take_no_daily_delivery_even_when_none_is_left(api: Api, desk: Desk) -> None:
    token = desk.personal(daily_limit=2)
    first, second, third = (inputs.new_event() for _ in range(3))
    assert [api.post(EVENTS, event, token).status for event in (first, first, first, second)] == [202, 200, 200, 202]
    assert [api.post(EVENTS, event, token).status for event in (first, second, third)] == [200, 200, 429]
    repeat = api.post(EVENTS, first, token, key="new-key")
    assert (repeat.status, repeat.json["fireCount"]) == (200, 5)


def test_refused_events_take_no_daily_delivery(api: Api, desk: Desk) -> None:
    token = desk.personal(daily_limit=1, severity_ceiling=Severity.WARN)
    assert api.post(EVENTS, inputs.new_event(event_type="hr.x.y"), token).status == 400
    assert api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago(hours=25)), token).status == 400
    assert api.post(EVENTS, inputs.new_event(severity="critical"), token).status == 403
    assert api.post(EVENTS, inputs.new_event(severity="warn"), token).status == 202


def test_severity_ceiling_refuses_more_severe_events(api: Api, desk: Desk) -> None:
    for number, (ceiling, passed) in enumerate((("critical", 4), ("warn", 3), ("info", 2), ("success", 2))):
        token = desk.personal(severity_ceiling=Severity(ceiling), grant_id=inputs.uuid(number))
        statuses = [api.post(EVENTS, inputs.new_event(severity=each), token).status for each in Severity]
        assert sorted(statuses) == [202] * passed + [403] * (4 - passed)


def test_key_has_one_budget_for_all_its_calls(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "2")
    with time_machine.travel(NOON, tick=False):
        assert api.get("/api/v1/inbox", desk.alice_key).status == 200
        assert api.get("/api/v1/inbox/nothing", desk.alice_key).status == 404
        assert api.get("/api/v1/inbox", desk.alice_key).status == 429
        assert api.get("/api/v1/inbox", desk.bob_key).status == 200


def test_clock_that_is_behind_does_not_refill_the_budget(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "2")
    replies = []
    for seconds in (0, -1, 1, -30):
        with time_machine.travel(datetime(2026, 5, 21, 12, 0, 0, tzinfo=UTC).timestamp() + seconds, tick=False):
            replies.append(api.get("/api/v1/inbox", desk.alice_key))
    assert [reply.status for reply in replies] == [200, 200, 429, 429]
    assert len({budget(reply)[2] for reply in replies}) == 1
