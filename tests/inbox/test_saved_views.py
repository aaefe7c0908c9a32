"""Saved views of the inbox: kept for each person, bounded, with counts of what is unread."""

from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.inbox.domain.saved_views import MOST_VIEWS
from tests.conftest import Desk
from tests.inbox.test_inbox_states import INBOX, at, change, publish
from tests.support.api import Answer, Api

VIEWS = f"{INBOX}/views"


def save(api: Api, desk: Desk, views: list[dict[str, Any]], *, version: int = 0, key: str | None = None) -> Answer:
    return api.call("PUT", VIEWS, {"views": views, "version": version}, token=desk.alice_key, key=key)


def view(name: str = "Builds", **filters: Any) -> dict[str, Any]:
    return {"name": name, "filter": filters}


def read(api: Api, desk: Desk) -> Any:
    return api.get(VIEWS, desk.alice_key).json


def counted(api: Api, desk: Desk, **filters: Any) -> int:
    saved = save(api, desk, [view(**filters)], version=read(api, desk)["version"])
    assert saved.status == 200, saved.text
    again = read(api, desk)["views"][0]
    assert again == saved.json["views"][0]
    return int(again["unread"])


def test_views_are_kept_in_their_order_for_one_person(api: Api, desk: Desk) -> None:
    assert read(api, desk) == {"views": [], "version": 0}
    wanted = [view("Zebra", severity="critical", days=7), view("Ape", view="archived", eventType="fd1.build.failed")]
    assert save(api, desk, wanted).json["version"] == 1
    told = read(api, desk)
    assert [{"name": each["name"], "filter": each["filter"]} for each in told["views"]] == wanted
    assert api.get(VIEWS, desk.bob_key).json["views"] == []


def test_views_that_changed_since_are_not_replaced(api: Api, desk: Desk) -> None:
    assert save(api, desk, [view("One")]).status == 200
    assert save(api, desk, [view("Two")]).status == 409
    assert save(api, desk, [view("Two")], version=7).status == 409
    assert [each["name"] for each in read(api, desk)["views"]] == ["One"]
    assert save(api, desk, [], version=1).json == {"views": [], "version": 2}


def test_a_repeated_call_replaces_them_once(api: Api, desk: Desk) -> None:
    first, second = (save(api, desk, [view("One")], key="once") for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert first.json == second.json
    assert read(api, desk)["version"] == 1


@pytest.mark.parametrize(
    "views",
    [
        [view("Same"), view("Same")],
        [view(str(each)) for each in range(MOST_VIEWS + 1)],
        [view("")],
        [view("a\nb")],
        [view(days=0)],
        [view(days=True)],
        [view(unknown="x")],
        [view(severity="loud")],
        [view(q=None)],
        [{"name": "No filter"}],
    ],
)
def test_bad_views_are_refused_and_change_nothing(api: Api, desk: Desk, views: list[dict[str, Any]]) -> None:
    assert save(api, desk, views).status == 400
    assert read(api, desk) == {"views": [], "version": 0}


def test_each_view_counts_the_unread_deliveries_that_the_list_has(api: Api, desk: Desk) -> None:
    publish(api, desk.alice, severity="critical", title="Checkout is down", labels={"repo": "shop"})
    publish(api, desk.alice, severity="info", title="Build 9 failed")
    read_one, archived, snoozed = (publish(api, desk.alice, severity="critical") for _ in range(3))
    change(api, desk, read_one, read=True)
    change(api, desk, archived, archived=True)
    change(api, desk, snoozed, snoozedUntil=at(hours=1))
    for filters, expected in (
        ({}, 2),
        ({"severity": "critical"}, 1),
        ({"q": "checkout DOWN"}, 1),
        ({"label": "repo=shop"}, 1),
        ({"label": "repo=other"}, 0),
        ({"integrator": "fd1"}, 2),
        ({"integrator": "fd2"}, 0),
        ({"eventType": "fd1.other"}, 0),
        ({"status": "open", "days": 1}, 2),
        ({"status": "resolved"}, 0),
        ({"view": "archived"}, 0),
        ({"view": "snoozed"}, 0),
    ):
        assert counted(api, desk, **filters) == expected, filters
        query = {"event_type" if name == "eventType" else name: value for name, value in filters.items()}
        if "days" not in query and "view" not in query:
            listed = api.get(f"{INBOX}?{urlencode({**query, 'view': 'unread'})}", desk.alice_key).json["items"]
            assert len(listed) == expected


def test_counts_of_twenty_views_cost_one_reading_of_the_unread_deliveries(api: Api, desk: Desk) -> None:
    publish(api, desk.alice)
    assert save(api, desk, [view(str(each), q="push", days=each + 1) for each in range(MOST_VIEWS)]).status == 200
    answer = api.get(VIEWS, desk.alice_key)
    assert [each["unread"] for each in answer.json["views"]] == [1] * MOST_VIEWS
    # The key and its budget, the views, two shelves, the contents.
    assert len(answer.calls) <= 7
