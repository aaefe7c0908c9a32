"""GET /api/v1/event-types: what was published in the last 90 days."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.inbox.domain.event_types import Tally
from chalicelib.inbox.domain.sent_positions import SHARDS
from chalicelib.inbox.stores import event_types
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.resources import EVENT_TYPES
from infra.admin import main
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps

EVENTS, TYPES = "/api/v1/events", "/api/v1/event-types"


def test_types_are_listed_with_their_count_and_last_delivery(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(event_type="fd1.x.b")
    api.post(EVENTS, sent, desk.alice)
    last = api.post(EVENTS, inputs.new_event(event_type="fd1.x.b"), desk.bob).json
    api.post(EVENTS, sent, desk.alice)
    other = api.post(EVENTS, inputs.new_event(event_type="fd1.x.a"), desk.alice, key="k").json

    for token in (desk.alice, desk.fd1):
        assert api.get(TYPES, token).json["yourEventTypes"] == [
            {"eventType": "fd1.x.a", "lastSeenAt": other["createdAt"], "count": 1},
            {"eventType": "fd1.x.b", "lastSeenAt": last["createdAt"], "count": 2},
        ]


def test_a_namespace_without_deliveries_shows_its_prefix(api: Api, desk: Desk) -> None:
    reply = api.get(TYPES, desk.hr)
    assert reply.json == {
        "yourIntegrator": {"slug": "hr", "allowedEventPrefix": "hr."},
        "yourEventTypes": [{"eventType": "hr.", "lastSeenAt": None, "count": 0}],
        "fluxdeskInternalTypes": [{"eventType": "internal-os.", "lastSeenAt": None, "count": 0}],
        "requestId": reply.headers["x-request-id"],
    }


def test_deliveries_of_more_than_90_days_ago_are_not_counted(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 2, 1, 23, 59, tzinfo=UTC), tick=False):
        api.post(EVENTS, inputs.new_event(event_type="fd1.x.old"), desk.alice)
    for day, count in ((datetime(2026, 5, 1, tzinfo=UTC), 1), (datetime(2026, 5, 2, tzinfo=UTC), 0)):
        with time_machine.travel(day, tick=False):
            (row,) = api.get(TYPES, desk.alice).json["yourEventTypes"]
            assert row["count"] == count


def test_admin_may_list_the_types_of_another_integrator(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(event_type="hr.offer.sent"), desk.moderated)
    found = api.get(f"{TYPES}?integrator_slug=hr", desk.fd1).json
    assert found["yourIntegrator"]["slug"] == "hr"
    assert [row["eventType"] for row in found["yourEventTypes"]] == ["hr.offer.sent"]
    assert api.get(f"{TYPES}?integrator_slug=nobody", desk.fd1).status == 404
    for token in (desk.hr, desk.alice):
        assert api.get(f"{TYPES}?integrator_slug=fd1", token).status == (403 if token == desk.hr else 200)
        assert api.get(f"{TYPES}?integrator_slug=nobody", token).status == 403
    assert api.get(TYPES, desk.alice_key).status == 403


@pytest.mark.parametrize("slug", [None, "hr"])
def test_listing_takes_three_sequential_calls(api: Api, desk: Desk, slug: str | None) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        path = f"{TYPES}?integrator_slug={slug}" if slug else TYPES
        api.get(path, desk.fd1)
        assert api.get(path, desk.fd1).steps == 3


def test_recount_rebuilds_the_counts(api: Api, desk: Desk, pump: Pumps) -> None:
    for _ in range(3):
        last = api.post(EVENTS, inputs.new_event(event_type="fd1.x.a"), desk.alice).json
    later = datetime.fromisoformat(last["createdAt"]) + timedelta(hours=2)
    with time_machine.travel(later, tick=False):
        pump.run("count_event_types")
        wrong = Tally(1, "2026-01-01T00:00:00.000Z")
        DynamoEventTypes().replace_day("fd1", last["createdAt"][:10], "fd1.x.a", wrong, counted_until="2026-01-01T00")
        assert api.get(TYPES, desk.alice).json["yourEventTypes"][0]["count"] == 1
        for _ in range(2):
            assert CliRunner().invoke(main, ["event-types", "recount"]).exit_code == 0
            (row,) = api.get(TYPES, desk.alice).json["yourEventTypes"]
            assert (row["count"], row["lastSeenAt"]) == (3, last["createdAt"])


def test_counts_are_the_same_before_during_and_after_the_hourly_count(api: Api, desk: Desk, pump: Pumps) -> None:
    def read() -> list[tuple[str, int]]:
        return [(row["eventType"], row["count"]) for row in api.get(TYPES, desk.alice).json["yourEventTypes"]]

    with time_machine.travel(datetime(2026, 5, 21, 22, 50, tzinfo=UTC), tick=False) as clock:
        expected = {"fd1.x.a": 0, "fd1.x.b": 0}
        for minutes in (0, 5, 6, 60, 300, 1):
            clock.shift(minutes * 60)
            for event_type in expected:
                api.post(EVENTS, inputs.new_event(event_type=event_type), desk.alice)
                expected[event_type] += 1
            assert read() == list(expected.items())
            for _ in range(2):
                pump.run("count_event_types")
                assert read() == list(expected.items())


def test_an_interrupted_count_is_completed_by_the_next_one(api: Api, desk: Desk, pump: Pumps) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 10, 0, tzinfo=UTC), tick=False) as clock:
        for event_type in ("fd1.x.a", "fd1.x.b"):
            api.post(EVENTS, inputs.new_event(event_type=event_type), desk.alice)
        clock.shift(2 * 3600)
        pump.run("count_event_types")
        # As if the run had ended before it counted the second type and noted how far it got.
        for sort_key in ("COUNTED", "2026-05-21#fd1.x.b"):
            key = {"pk": {"S": "fd1"}, "sk": {"S": sort_key}}
            aws.dynamodb().delete_item(TableName=EVENT_TYPES.physical_name, Key=key)
        for _ in range(2):
            assert [row["count"] for row in api.get(TYPES, desk.alice).json["yourEventTypes"]] == [1, 1]
            pump.run("count_event_types")


def test_readers_take_a_bounded_number_of_the_latest_counts_and_deliveries(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> dict[str, int]:
        return {row["eventType"]: row["count"] for row in api.get(TYPES, desk.alice).json["yourEventTypes"]}

    with time_machine.travel(datetime(2026, 5, 20, 22, 0, tzinfo=UTC), tick=False) as clock:
        for event_type in ("fd1.x.a", "fd1.x.b", "fd1.x.a"):
            api.post(EVENTS, inputs.new_event(event_type=event_type), desk.alice)
        clock.shift(4 * 3600)
        for event_type in ("fd1.x.b", "fd1.x.c"):
            api.post(EVENTS, inputs.new_event(event_type=event_type), desk.alice)
        clock.shift(2 * 3600)
        pump.run("count_event_types")
        assert read() == {"fd1.x.a": 2, "fd1.x.b": 2, "fd1.x.c": 1}
        monkeypatch.setattr(event_types, "MOST_ROWS", 3)
        assert read() == {"fd1.x.b": 2, "fd1.x.c": 1}

        monkeypatch.setattr(event_types, "MOST_UNCOUNTED", 1)
        for _ in range(3 * SHARDS):
            api.post(EVENTS, inputs.new_event(event_type="fd1.x.c"), desk.alice)
        assert 1 < read()["fd1.x.c"] <= 1 + SHARDS
        clock.shift(2 * 3600)
        pump.run("count_event_types")
        assert read()["fd1.x.c"] == 1 + 3 * SHARDS


def test_publishing_does_not_write_counts(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert aws.dynamodb().scan(TableName=EVENT_TYPES.physical_name)["Items"] == []


def test_counting_an_hour_takes_the_same_number_of_calls_however_many_events_it_has(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    taken = []
    with time_machine.travel(datetime(2026, 5, 21, 10, 0, tzinfo=UTC), tick=False) as clock:
        for count in (1, 30):
            for _ in range(count):
                api.post(EVENTS, inputs.new_event(), desk.alice)
            clock.shift(3600 * 2)
            pump.run("count_event_types")
            taken.append(len(pump.calls))
    assert taken[0] == taken[1]
