"""GET /api/v1/event-types: what was published in the last 90 days."""

from datetime import UTC, datetime

import pytest
import time_machine
from click.testing import CliRunner

from chalicelib.inbox.stores.event_types import DynamoEventTypes
from infra.admin import main
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

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
def test_listing_takes_two_sequential_calls(api: Api, desk: Desk, slug: str | None) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        path = f"{TYPES}?integrator_slug={slug}" if slug else TYPES
        api.get(path, desk.fd1)
        assert api.get(path, desk.fd1).steps == 2


def test_recount_rebuilds_the_counts(api: Api, desk: Desk) -> None:
    for _ in range(3):
        last = api.post(EVENTS, inputs.new_event(event_type="fd1.x.a"), desk.alice).json
    DynamoEventTypes().replace_day("fd1", last["createdAt"][:10], "fd1.x.a", count=1, last_seen_at="2026-01-01")
    assert CliRunner().invoke(main, ["event-types", "recount"]).exit_code == 0
    (row,) = api.get(TYPES, desk.alice).json["yourEventTypes"]
    assert (row["count"], row["lastSeenAt"]) == (3, last["createdAt"])
