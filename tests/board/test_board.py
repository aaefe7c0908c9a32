"""The board through the door: cards in their order, filters, checklists."""

import itertools
import os
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chalicelib.board.domain.board import Card, CardPriority, CardRow, ChecklistItem
from chalicelib.board.domain.board_messages import CardIn
from chalicelib.board.domain.positions import Placement
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.core.domain import pages
from tests.board.client import KANBAN, create, delete, listed, patch, read, titles
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently
from tests.support.mcp import call_tool

STATUSES = [
    "leads",
    "qualifying",
    "proposal",
    "negotiation",
    "contracted",
    "active",
    "development",
    "planning",
    "paused",
    "completed",
]
PRIORITIES, ASSIGNEES = ["low", "medium", "high", "urgent"], ["human", "agent"]
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
SOON = "2040-05-21T12:00:10.000Z"
SPEND, GET, BATCH, QUERY, WRITE = "UpdateItem", "GetItem", "BatchGetItem", "Query", "TransactWriteItems"


# Cards


def test_new_card_has_defaults_and_reads_back_unchanged(api: Api, desk: Desk, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        reply = api.post(KANBAN, {"title": "Call Acme"}, carol)
        card = reply.json["data"]
        assert (reply.status, reply.json["success"]) == (201, True)
        assert card == {
            "id": card["id"],
            "userId": desk.user_id("carol"),
            "title": "Call Acme",
            "description": None,
            "status": "leads",
            "priority": "medium",
            "assignee": "human",
            "dueDate": None,
            "order": 0,
            "projectId": None,
            "originCardId": None,
            "originUserId": None,
            "sourceRelayId": None,
            "source": None,
            "origin": None,
            "verified": None,
            "checklist": [],
            "contacts": [],
            "createdAt": "2040-05-21T12:00:10.000Z",
            "updatedAt": "2040-05-21T12:00:10.000Z",
        }
        assert api.get(f"{KANBAN}/{card['id']}", carol).json == {"success": True, "data": card}
        page = api.get(KANBAN, carol).json["data"]
    assert page == {
        "cards": [card],
        "pagination": {"total": 1, "limit": 100, "offset": 0, "hasMore": False, "cursor": None},
    }


def test_card_stores_every_member(api: Api, carol: str) -> None:
    given = {
        "title": "x" * 500,
        "description": "d" * 10_000,
        "status": "paused",
        "priority": "urgent",
        "assignee": "agent",
        "dueDate": "2040-06-01T10:00:00+02:00",
        "order": -(2**53) + 1,
    }
    card = create(api, carol, **given)
    assert read(api, carol, card["id"]) == card
    assert {name: card[name] for name in given} == given | {"dueDate": "2040-06-01T08:00:00.000Z"}


def test_a_due_date_without_a_time_is_the_start_of_the_day_by_rest_and_by_tool(api: Api, carol: str) -> None:
    card = create(api, carol, dueDate="2026-12-01")
    assert card["dueDate"] == "2026-12-01T00:00:00.000Z"
    made = call_tool(api, carol, "card_create", title="x", dueDate="2026-12-01")["structuredContent"]["data"]
    changed = call_tool(api, carol, "card_update", id=made["id"], dueDate="2026-12-02")["structuredContent"]["data"]
    assert (made["dueDate"], changed["dueDate"]) == ("2026-12-01T00:00:00.000Z", "2026-12-02T00:00:00.000Z")


def test_patch_changes_only_given_members_and_null_clears(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        card = create(api, carol, description="old", dueDate="2040-06-01T10:00:00Z")
        clock.shift(60)
        changed = patch(api, carol, card["id"], {"status": "active", "description": None})
        assert changed.status == 200
        assert changed.json["data"] == card | {
            "status": "active",
            "description": None,
            "updatedAt": "2040-05-21T12:01:10.000Z",
        }
        assert read(api, carol, card["id"]) == changed.json["data"]
        clock.shift(60)
        assert patch(api, carol, card["id"], {}).json == changed.json
        assert patch(api, carol, card["id"], {}, key="k").json == changed.json
    assert titles(api, carol, "status=active") == ["Call Acme"]
    assert titles(api, carol, "status=leads") == []


def test_deleted_card_is_gone_and_not_counted(api: Api, carol: str) -> None:
    card, other = create(api, carol), create(api, carol, title="other")
    reply = delete(api, carol, card["id"])
    assert (reply.status, reply.json) == (200, {"success": True})
    assert titles(api, carol) == titles(api, carol, "status=leads") == ["other"]
    assert api.get(f"{KANBAN}/{card['id']}", carol).status == 404
    assert delete(api, carol, card["id"]).status == 404
    assert patch(api, carol, card["id"], {"title": "x"}).status == 404
    assert read(api, carol, other["id"]) == other


# Who may


UNKNOWN = [inputs.uuid(1), "nothing", "x" * 3000, "COUNTS"]


def test_card_of_another_person_is_not_found(api: Api, desk: Desk, carol: str) -> None:
    card = create(api, carol)
    item = api.post(f"{KANBAN}/{card['id']}/checklist", {"text": "x"}, carol).json["data"]
    before = read(api, carol, card["id"])
    for token, card_id in [(desk.alice_key, card["id"]), *((carol, each) for each in UNKNOWN)]:
        for method, path, body in (
            ("GET", card_id, None),
            ("PATCH", card_id, {"title": "mine"}),
            ("PATCH", card_id, {"order": 1}),
            ("DELETE", card_id, None),
            ("POST", f"{card_id}/checklist", {"text": "x"}),
            ("PATCH", f"{card_id}/checklist/{item['id']}", {"text": "x"}),
            ("DELETE", f"{card_id}/checklist/{item['id']}", None),
        ):
            reply = api.call(method, f"{KANBAN}/{path}", body, token=token)
            assert (reply.status, reply.json["success"]) == (404, False), (method, path)
    assert read(api, carol, card["id"]) == before
    assert card["id"] not in {each["id"] for each in listed(api, desk.alice_key)}


def test_key_needs_the_kanban_permission(api: Api, desk: Desk) -> None:
    narrow, fitting = new_api_key(desk, "carol", "contacts", "queue"), new_api_key(desk, "carol", "kanban")
    card = create(api, fitting)
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"title": "x"}),
        ("GET", f"/{card['id']}", None),
        ("PATCH", f"/{card['id']}", {}),
        ("DELETE", f"/{card['id']}", None),
        ("POST", f"/{card['id']}/checklist", {"text": "x"}),
        ("PATCH", f"/{card['id']}/checklist/{inputs.uuid(1)}", {}),
        ("DELETE", f"/{card['id']}/checklist/{inputs.uuid(1)}", None),
        ("POST", f"/{card['id']}/contacts", {"contactId": inputs.uuid(1)}),
        ("PATCH", f"/{card['id']}/contacts/{inputs.uuid(1)}", {}),
        ("DELETE", f"/{card['id']}/contacts/{inputs.uuid(1)}", None),
    ):
        assert api.call(method, KANBAN + path, body, token=narrow).status == 403
        assert api.call(method, KANBAN + path, body, token=desk.alice).status == 403
        assert api.call(method, KANBAN + path, body).status == 401
    assert listed(api, fitting) == [card]


# Order, filters, pages


def test_cards_are_sorted_by_order_then_newest_first(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for title, order in (("c", 5), ("b", 7), ("a", -3), ("d", 5), ("e", 5), ("f", -(10**15)), ("g", 10**15)):
            create(api, carol, title=title, order=order)
            clock.shift(1)
    assert titles(api, carol) == ["f", "a", "e", "d", "c", "b", "g"]


def test_card_without_order_is_placed_last(api: Api, carol: str) -> None:
    create(api, carol, title="a")
    create(api, carol, title="b", order=77)
    create(api, carol, title="c")
    moved = create(api, carol, title="d", order=-5)
    create(api, carol, title="e")
    patch(api, carol, moved["id"], {"order": 10_000})
    create(api, carol, title="f")
    assert titles(api, carol) == ["a", "b", "c", "e", "d", "f"]
    create(api, carol, title="g", order=2**53 - 1)
    create(api, carol, title="h")
    assert titles(api, carol)[-2:] == ["g", "h"]


def test_one_patch_moves_a_card_between_two_others(api: Api, carol: str) -> None:
    cards = [create(api, carol, title=title, status="active") for title in "abc"]
    dragged = create(api, carol, title="d")
    order = (cards[0]["order"] + cards[1]["order"]) // 2
    assert patch(api, carol, dragged["id"], {"status": "active", "order": order}).status == 200
    assert titles(api, carol, "status=active") == ["a", "d", "b", "c"]


def test_every_combination_of_filters_matches_a_plain_scan(api: Api, carol: str) -> None:
    chance = random.Random(7)
    cards = []
    for number in range(40):
        facets = {
            "status": chance.choice(STATUSES[:4]),
            "priority": chance.choice(PRIORITIES),
            "assignee": chance.choice(ASSIGNEES),
        }
        cards.append(create(api, carol, title=f"{number}", order=chance.randrange(10), **facets))
    for card in chance.sample(cards, 10):
        reply = patch(api, carol, card["id"], {"status": "active", "order": chance.randrange(10)})
        card.update(reply.json["data"])
    for card in cards[:5]:
        delete(api, carol, card["id"])
    cards = sorted(cards[5:], key=lambda card: card["createdAt"], reverse=True)
    cards.sort(key=lambda card: card["order"])
    values = ([None, "leads", "active", "completed"], [None, "low", "high"], [None, *ASSIGNEES])
    for wanted in itertools.product(*values):
        filters = dict(zip(("status", "priority", "assignee"), wanted, strict=True))
        given = {name: value for name, value in filters.items() if value}
        fitting = [card for card in cards if given.items() <= card.items()]
        found = listed(api, carol, "&".join(f"{name}={value}" for name, value in given.items()))
        assert [card["order"] for card in found] == [card["order"] for card in fitting]
        assert {card["id"] for card in found} == {card["id"] for card in fitting}


@pytest.mark.parametrize("query", ["", "status=leads", "priority=low", "assignee=agent&priority=high"])
@pytest.mark.parametrize("limit", [1, 4, 200])
def test_pages_show_every_card_once(api: Api, carol: str, query: str, limit: int) -> None:
    for number in range(13):
        facets = {"priority": PRIORITIES[number % 4], "assignee": ASSIGNEES[number % 2]}
        create(api, carol, title=f"{number}", order=number // 3, **facets)
    wanted = listed(api, carol, query)
    seen: list[Any] = []
    for offset in range(0, 100, limit):
        data = api.get(f"{KANBAN}?limit={limit}&offset={offset}&{query}".rstrip("&"), carol).json["data"]
        seen += data["cards"]
        more = offset + limit < len(wanted)
        assert (data["pagination"].pop("cursor") is not None) == more
        assert data["pagination"] == {"total": len(wanted), "limit": limit, "offset": offset, "hasMore": more}
        if not more:
            break
    assert seen == wanted


@pytest.mark.parametrize(
    "query",
    ["status=done", "status=", "status=leads%7Cmedium", "priority=LOW", "assignee=%23", "status=leads&priority=x"],
)
def test_unknown_filter_value_matches_nothing(api: Api, carol: str, query: str) -> None:
    create(api, carol)
    data = api.get(f"{KANBAN}?{query}", carol).json["data"]
    assert data == {
        "cards": [],
        "pagination": {"total": 0, "limit": 100, "offset": 0, "hasMore": False, "cursor": None},
    }


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=ten",
        "limit=10abc",
        "limit=",
        "limit=1.5",
        "offset=-1",
        "offset=x",
        "limit=1&limit=2",
        "state=leads",
        "limit=" + "9" * 5000,
    ],
)
def test_invalid_query_is_refused(api: Api, carol: str, query: str) -> None:
    reply = api.get(f"{KANBAN}?{query}", carol)
    assert (reply.status, reply.json["success"]) == (400, False)


def test_large_limits_are_clamped_and_offsets_may_exceed_the_total(api: Api, carol: str) -> None:
    create(api, carol)
    assert api.get(f"{KANBAN}?limit=100000", carol).json["data"]["pagination"]["limit"] == 200
    for query in ("", "&status=leads"):
        data = api.get(f"{KANBAN}?offset=9007199254740991{query}", carol).json["data"]
        assert (data["cards"], data["pagination"]["total"], data["pagination"]["hasMore"]) == ([], 1, False)


def test_page_too_large_for_one_reply_states_its_actual_limit(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_LARGEST_PAGE", 50_000)
    for number in range(10):
        create(api, carol, title=f"{number}", description="€" * 6_000)
    seen: list[str] = []
    while True:
        reply = api.get(f"{KANBAN}?limit=200&offset={len(seen)}", carol)
        assert len(reply.text.encode()) < 51_000
        data = reply.json["data"]
        assert data["cards"]
        seen += [card["title"] for card in data["cards"]]
        if not data["pagination"]["hasMore"]:
            break
        assert data["pagination"]["limit"] == len(data["cards"])
    assert seen == [f"{number}" for number in range(10)]


def test_card_larger_than_a_page_is_still_listed(api: Api, carol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LARGEST_PAGE", 10)
    for title in "ab":
        create(api, carol, title=title)
    data = api.get(KANBAN, carol).json["data"]
    assert [card["title"] for card in data["cards"]] == ["a"]
    cursor = data["pagination"].pop("cursor")
    assert data["pagination"] == {"total": 2, "limit": 1, "offset": 0, "hasMore": True}
    assert len(api.get(f"{KANBAN}?cursor={cursor}", carol).json["data"]["cards"]) == 1


# Checklists


def test_checklist_items_are_added_completed_and_deleted(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        card = create(api, carol)
        path = f"{card['id']}/checklist"
        clock.shift(60)
        first = api.post(f"{KANBAN}/{path}", {"text": "Find the number"}, carol)
        item = first.json["data"]
        assert (first.status, first.json["success"]) == (201, True)
        assert item == {
            "id": item["id"],
            "cardId": card["id"],
            "text": "Find the number",
            "completed": False,
            "order": 0,
            "createdAt": "2040-05-21T12:01:10.000Z",
            "updatedAt": "2040-05-21T12:01:10.000Z",
        }
        second = api.post(f"{KANBAN}/{path}", {"text": "Call", "completed": True}, carol).json["data"]
        assert (second["order"], second["completed"]) == (1, True)
        assert read(api, carol, card["id"])["checklist"] == [item, second]
        assert listed(api, carol)[0]["checklist"] == [item, second]
        assert read(api, carol, card["id"])["updatedAt"] == "2040-05-21T12:01:10.000Z"
        clock.shift(60)
        ticked = patch(api, carol, f"{path}/{item['id']}", {"completed": True})
        assert ticked.json["data"] == item | {"completed": True, "updatedAt": "2040-05-21T12:02:10.000Z"}
        moved = patch(api, carol, f"{path}/{item['id']}", {"order": 5, "text": "Find it"}).json["data"]
        assert read(api, carol, card["id"])["checklist"] == [second, moved]
        assert patch(api, carol, f"{path}/{item['id']}", {}).json["data"] == moved
        gone = delete(api, carol, f"{path}/{second['id']}")
    assert (gone.status, gone.json) == (200, {"success": True})
    assert delete(api, carol, f"{path}/{second['id']}").status == 404
    assert patch(api, carol, f"{path}/{second['id']}", {"text": "x"}).status == 404
    assert read(api, carol, card["id"])["checklist"] == [moved]


def test_checklist_has_at_most_a_hundred_items(api: Api, desk: Desk, carol: str) -> None:
    card = create(api, carol)
    path = f"{KANBAN}/{card['id']}/checklist"
    board, user_id = DynamoBoard(), desk.user_id("carol")
    found = board.find_card(user_id, card["id"])
    assert found is not None
    items = tuple(ChecklistItem(inputs.uuid(n), "x", False, n, SOON, SOON) for n in range(99))
    changed = replace(found, checklist=items, version=found.version + 1)
    assert board.save_card(changed, over=found, tail=None, claim=None, reply={})
    assert sorted(run_concurrently(4, lambda _: api.status("POST", path, {"text": "x"}, carol))) == [201, 409, 409, 409]
    assert len(read(api, carol, card["id"])["checklist"]) == 100
    item_id = inputs.uuid(5)
    assert patch(api, carol, f"{card['id']}/checklist/{item_id}", {"text": "y"}).status == 200
    assert delete(api, carol, f"{card['id']}/checklist/{item_id}").status == 200
    assert api.post(path, {"text": "x"}, carol).status == 201


def test_card_too_large_to_store_is_refused_and_unchanged(api: Api, desk: Desk, carol: str) -> None:
    letters = "".join(map(chr, range(0x1F300, 0x1F300 + 500)))
    card = create(api, carol, title=letters, description=letters * 20)
    board, user_id = DynamoBoard(), desk.user_id("carol")
    found = board.find_card(user_id, card["id"])
    assert found is not None
    items = tuple(ChecklistItem(inputs.uuid(n), letters, False, n, SOON, SOON) for n in range(45))
    changed = replace(found, checklist=items, version=found.version + 1)
    assert board.save_card(changed, over=found, tail=None, claim=None, reply={})
    added = len(items)
    while api.post(f"{KANBAN}/{card['id']}/checklist", {"text": letters}, carol, key=f"{added}").status == 201:
        added += 1
    assert 45 < added < 100
    before = read(api, carol, card["id"])
    refused = api.post(f"{KANBAN}/{card['id']}/checklist", {"text": letters}, carol)
    assert (refused.status, refused.json["success"]) == (400, False)
    assert patch(api, carol, card["id"], {"title": letters[::-1], "description": letters[::-1] * 20}).status == 200
    assert len(before["checklist"]) == added == len(read(api, carol, card["id"])["checklist"])


# Once, and at the same time


def test_change_happens_once_per_idempotency_key(api: Api, carol: str) -> None:
    card = create(api, carol)
    item = api.post(f"{KANBAN}/{card['id']}/checklist", {"text": "x"}, carol).json["data"]
    doomed = create(api, carol, title="doomed")
    changes: list[tuple[str, str, dict[str, Any] | None, int]] = [
        ("POST", "", {"title": "once"}, 201),
        ("PATCH", f"/{card['id']}", {"status": "active", "order": 9999}, 200),
        ("POST", f"/{card['id']}/checklist", {"text": "once"}, 201),
        ("PATCH", f"/{card['id']}/checklist/{item['id']}", {"completed": True}, 200),
        ("DELETE", f"/{card['id']}/checklist/{item['id']}", None, 200),
        ("DELETE", f"/{doomed['id']}", None, 200),
    ]
    for method, path, body, status in changes:
        first, again = (api.call(method, KANBAN + path, body, token=carol, key=f"k{method}{path}") for _ in range(2))
        assert (first.status, again.status) == (status, status), first.text
        assert again.json == first.json
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        if body is not None:
            other = api.call(method, KANBAN + path, body | {"order": 1}, token=carol, key=f"k{method}{path}")
            assert other.status == 409
    assert Counter(titles(api, carol)) == {"Call Acme": 1, "once": 1}
    assert [each["text"] for each in read(api, carol, card["id"])["checklist"]] == ["once"]


def test_concurrently_created_cards_get_distinct_orders(api: Api, carol: str) -> None:
    made = run_concurrently(16, lambda number: api.status("POST", KANBAN, {"title": f"{number}"}, carol))
    assert made == [201] * 16
    cards = listed(api, carol)
    assert {card["title"] for card in cards} == {f"{number}" for number in range(16)}
    assert len({card["order"] for card in cards}) == 16


def test_concurrent_changes_lose_nothing(api: Api, carol: str) -> None:
    card = create(api, carol)
    path, end = f"{KANBAN}/{card['id']}", create(api, carol, title="end")["order"]
    changes: list[tuple[str, str, Any]] = [("POST", f"{path}/checklist", {"text": f"{n}"}) for n in range(8)]
    changes += [
        ("PATCH", path, {"title": "new"}),
        ("PATCH", path, {"description": "new"}),
        ("PATCH", path, {"status": "active"}),
        ("PATCH", path, {"priority": "high"}),
        ("PATCH", path, {"assignee": "agent"}),
        ("PATCH", path, {"dueDate": SOON}),
        ("PATCH", path, {"order": end + 5}),
        ("POST", KANBAN, {"title": "other"}),
    ]
    statuses = run_concurrently(len(changes), lambda number: api.status(*changes[number], carol))
    assert statuses == [201] * 8 + [200] * 7 + [201]
    found = read(api, carol, card["id"])
    assert found | {"checklist": [], "updatedAt": ""} == card | {
        "title": "new",
        "description": "new",
        "status": "active",
        "priority": "high",
        "assignee": "agent",
        "dueDate": SOON,
        "order": end + 5,
        "updatedAt": "",
    }
    assert {item["text"] for item in found["checklist"]} == {f"{n}" for n in range(8)}
    assert sorted(item["order"] for item in found["checklist"]) == list(range(8))
    assert titles(api, carol, "status=active&priority=high&assignee=agent") == ["new"]
    assert len(titles(api, carol, "status=leads")) == 2
    assert len(titles(api, carol)) == 3


def test_concurrent_deletions_delete_a_card_once(api: Api, carol: str) -> None:
    card = create(api, carol)
    path = f"{KANBAN}/{card['id']}"
    assert sorted(run_concurrently(8, lambda _: api.status("DELETE", path, None, carol))) == [200] + [404] * 7
    assert listed(api, carol) == []


# What it costs


def test_store_calls_of_every_operation(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        api.get(KANBAN, carol)
        made = api.post(KANBAN, {"title": "x"}, carol)
        path = f"{KANBAN}/{made.json['data']['id']}"
        assert made.calls == [SPEND, GET, WRITE, QUERY]
        assert api.post(KANBAN, {"title": "x"}, carol, key="k").calls == [SPEND, GET, WRITE, QUERY]
        assert api.get(path, carol).calls == [SPEND, GET]
        assert api.call("PATCH", path, {"title": "y"}, token=carol).calls == [SPEND, GET, "UpdateItem", QUERY]
        assert api.call("PATCH", path, {"status": "active"}, token=carol).calls == [SPEND, GET, WRITE, QUERY]
        moved = api.call("PATCH", path, {"order": 10**6}, token=carol)
        assert (moved.calls, moved.steps) == ([SPEND, GET, GET, QUERY, QUERY, WRITE, QUERY], 5)
        added = api.post(f"{path}/checklist", {"text": "x"}, carol)
        item = f"{path}/checklist/{added.json['data']['id']}"
        assert added.calls == [SPEND, GET, "UpdateItem", QUERY]
        assert api.call("PATCH", item, {"completed": True}, token=carol).calls == [SPEND, GET, "UpdateItem", QUERY]
        assert api.call("DELETE", item, token=carol).calls == [SPEND, GET, "UpdateItem", QUERY]
        assert api.call("DELETE", path, token=carol).calls == [SPEND, GET, WRITE, QUERY]


def test_list_costs_the_same_for_any_board_size(api: Api, desk: Desk, carol: str) -> None:
    """With FLUXDEN_LONG_LIST=10000 in the environment, at that length too."""
    shapes = []
    longest = int(os.environ.get("FLUXDEN_LONG_LIST", "200"))
    for before, length in ((0, 10), (10, longest)):
        grow_board(desk.user_id("carol"), before, length)
        with time_machine.travel(NOON, tick=False):
            api.get(KANBAN, carol)
            plain = api.get(f"{KANBAN}?limit=5", carol)
            one = api.get(f"{KANBAN}?limit=5&status=leads&priority=high&assignee=human", carol)
            some = api.get(f"{KANBAN}?limit=5&priority=high", carol)
        assert plain.json["data"]["pagination"]["total"] == length
        assert (plain.steps, one.steps, some.steps) == (3, 4, 4)
        assert sorted(plain.calls) == sorted([SPEND, GET, QUERY, BATCH])
        assert one.calls == [SPEND, GET, QUERY, BATCH]
        shapes.append([sorted(each.calls) for each in (plain, one, some)])
    assert shapes[0] == shapes[1]


def grow_board(user_id: str, before: int, length: int) -> None:
    """Cards of every priority until there are so many."""
    board = DynamoBoard()
    for number in range(before, length):
        given = CardIn(title=f"{number}", priority=CardPriority(PRIORITIES[number % 4]))
        tail = board.find_tail(user_id)
        placement: Placement[CardRow] = Placement(tail.next_order)
        card = Card.of(given, card_id=str(uuid4()), user_id=user_id, now=NOON).placed(placement)
        assert board.add_card(card, placement, tail=tail, claim=None, reply={})
