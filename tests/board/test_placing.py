"""Places of cards and checklist items, through the door."""

import json
import random
from typing import Any

import pytest

from chalicelib.board.domain import positions
from tests.board.client import KANBAN, create, delete, listed, patch, read, titles
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine
from tests.support.mcp import call_tool
from tests.support.peer import RELAY, allow_federation, connection_request

LAST = 2**53 - 1


def orders(api: Api, token: str) -> list[int]:
    return [card["order"] for card in listed(api, token)]


def test_a_card_is_placed_after_or_before_another(api: Api, carol: str) -> None:
    a, b, c = (create(api, carol, title=title) for title in "abc")
    moved = patch(api, carol, c["id"], {"after": a["id"], "status": "active"}).json["data"]
    assert titles(api, carol) == ["a", "c", "b"]
    assert (a["order"] < moved["order"] < b["order"], moved["status"]) == (True, "active")
    patch(api, carol, b["id"], {"before": a["id"]})
    assert titles(api, carol) == ["b", "a", "c"]
    create(api, carol, title="d", after=b["id"])
    create(api, carol, title="e", before=b["id"])
    assert titles(api, carol) == ["e", "b", "d", "a", "c"]


def test_a_card_placed_next_to_itself_stays(api: Api, carol: str) -> None:
    a, b = create(api, carol, title="a"), create(api, carol, title="b")
    for place in ({"after": b["id"]}, {"before": b["id"]}):
        assert patch(api, carol, b["id"], place).json["data"]["order"] == b["order"]
    assert patch(api, carol, b["id"], {"after": a["id"]}).status == 200
    assert titles(api, carol) == ["a", "b"]


def test_a_card_of_somebody_else_is_no_neighbour(api: Api, desk: Desk, carol: str) -> None:
    card, theirs = create(api, carol), create(api, desk.alice_key)
    refused = patch(api, carol, card["id"], {"after": theirs["id"]})
    assert (refused.status, "after" in refused.json["error"]) == (400, True)


@pytest.mark.parametrize("by", ["after", "order"])
def test_sixty_cards_each_dropped_second_stand_second_by_distinct_integers(api: Api, carol: str, by: str) -> None:
    first, wanted = create(api, carol, title="first"), ["first", *["second"]]
    create(api, carol, title="second")
    for number in range(60):
        cards = listed(api, carol)
        place = {"after": first["id"]} if by == "after" else {"order": (cards[0]["order"] + cards[1]["order"]) / 2}
        create(api, carol, title=f"{number}", **place)
        wanted.insert(1, f"{number}")
    assert titles(api, carol) == wanted
    found = orders(api, carol)
    assert found == sorted(set(found))


def test_cards_of_equal_order_are_dragged_apart(api: Api, carol: str) -> None:
    c, b, a = (create(api, carol, title=title, order=0) for title in "cba")
    assert titles(api, carol) == ["a", "b", "c"]
    patch(api, carol, c["id"], {"after": a["id"]})
    assert titles(api, carol) == ["a", "c", "b"]
    assert orders(api, carol) == sorted(set(orders(api, carol)))
    patch(api, carol, b["id"], {"before": a["id"]})
    assert titles(api, carol) == ["b", "a", "c"]


def test_an_integer_that_a_client_writes_is_kept_and_no_other_card_changes(api: Api, carol: str) -> None:
    cards = [create(api, carol, title=f"{number}", order=number) for number in range(5)]
    for number, card in enumerate(reversed(cards)):
        assert patch(api, carol, card["id"], {"order": number}).json["data"]["order"] == number
    assert orders(api, carol) == [0, 1, 2, 3, 4]
    assert titles(api, carol) == ["4", "3", "2", "1", "0"]


def test_a_card_given_the_order_of_another_comes_before_it(api: Api, carol: str) -> None:
    a, b = create(api, carol, title="a", order=1), create(api, carol, title="b", order=2)
    assert patch(api, carol, a["id"], {"order": 2}).json["data"]["order"] == 2
    assert titles(api, carol) == ["a", "b"]
    patch(api, carol, b["id"], {"order": 2})
    assert titles(api, carol) == ["b", "a"]
    create(api, carol, title="c", order=2)
    assert titles(api, carol) == ["c", "b", "a"]
    create(api, carol, title="d", order=1.5)
    assert titles(api, carol) == ["d", "c", "b", "a"]


def test_new_cards_are_last_when_a_card_has_the_last_order_and_after_it_is_gone(api: Api, carol: str) -> None:
    first = create(api, carol, title="first", order=LAST)
    for number in range(3):
        create(api, carol, title=f"{number}")
    assert titles(api, carol) == ["first", "0", "1", "2"]
    assert max(orders(api, carol)) <= LAST
    delete(api, carol, first["id"])
    for number in range(3, 6):
        create(api, carol, title=f"{number}")
    assert titles(api, carol) == ["0", "1", "2", "3", "4", "5"]


def test_a_received_task_is_last_when_a_card_has_the_last_order(api: Api, desk: Desk) -> None:
    create(api, desk.alice_key, title="far", order=LAST)
    allow_federation()
    request = connection_request()
    api.post("/api/v2/connections", request)
    given = {"relayId": "r-1", "intent": "assign_task", "subject": "Count", "toUserEmail": "alice@example.com"}
    made = api.post(RELAY, given, headers={"X-Federation-Token": str(request["federationToken"])})
    assert made.status == 200, made.text
    assert listed(api, desk.alice_key)[-1]["id"] == made.json["cardId"]


def test_random_moves_keep_the_requested_order(api: Api, carol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small gaps and windows, neighbours are renumbered and sides are shifted all the time."""
    monkeypatch.setattr(positions, "GAP", 2)
    monkeypatch.setattr("chalicelib.board.services.placing.REACH", 2)
    monkeypatch.setattr("chalicelib.board.stores.board.SHIFT", 16)
    chance = random.Random(11)
    wanted = [create(api, carol, order=number % 3)["id"] for number in range(12)]
    wanted = [card["id"] for card in listed(api, carol)]
    for _ in range(120):
        card = chance.choice(wanted)
        wanted.remove(card)
        at = chance.randrange(len(wanted) + 1)
        place = {"after": wanted[at - 1]} if at else {"before": wanted[0]}
        assert patch(api, carol, card, place | {"status": chance.choice(["leads", "active"])}).status == 200
        wanted.insert(at, card)
        assert [each["id"] for each in listed(api, carol)] == wanted
    assert orders(api, carol) == sorted(set(orders(api, carol)))
    for status in ("leads", "active"):
        found = [each["id"] for each in listed(api, carol, f"status={status}")]
        assert found == [each for each in wanted if each in found]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.TIMED_OUT, Fault.THROTTLED, Fault.CONFLICTED])
@pytest.mark.parametrize("place", range(2, 16, 2))
def test_a_move_that_renumbers_or_shifts_others_happens_once_under_faults(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch, fault: Fault, place: int
) -> None:
    monkeypatch.setattr("chalicelib.board.services.placing.REACH", 1)
    with intercept_engine():
        wanted = [create(api, carol, order=number)["id"] for number in range(8)]
        moved = wanted[7]
        for other in (wanted[3], wanted[5]):
            for _ in range(4):
                with inject_faults(fault_at(place, fault)):
                    status = patch(api, carol, moved, {"after": other}, key=f"after {other}").status
                if status == 200:
                    break
            wanted.remove(moved)
            wanted.insert(wanted.index(other) + 1, moved)
        assert [card["id"] for card in listed(api, carol)] == wanted
        assert orders(api, carol) == sorted(set(orders(api, carol)))


def test_cards_moved_at_once_to_one_place_all_stand_there(api: Api, carol: str) -> None:
    first = create(api, carol, title="first", order=0)
    others = [create(api, carol, title=f"{number}", order=1) for number in range(8)]
    last = create(api, carol, title="last", order=1)
    patch(api, carol, last["id"], {"order": 2})
    body = {"after": first["id"]}
    statuses = run_concurrently(8, lambda number: api.status("PATCH", f"{KANBAN}/{others[number]['id']}", body, carol))
    assert statuses == [200] * 8
    found = titles(api, carol)
    assert (found[0], found[-1], len(found)) == ("first", "last", 10)
    assert orders(api, carol) == sorted(orders(api, carol))


def test_placing_takes_a_bounded_number_of_store_calls(api: Api, carol: str) -> None:
    a, b = create(api, carol), create(api, carol)
    assert create(api, carol) and patch(api, carol, b["id"], {"before": a["id"]}).steps == 6
    assert patch(api, carol, b["id"], {"order": 7}).steps == 5
    c, d = create(api, carol, order=7), create(api, carol, order=7)
    assert patch(api, carol, b["id"], {"before": c["id"]}).steps == 8
    assert len(patch(api, carol, a["id"], {"after": d["id"]}).calls) <= 13


def test_a_tool_places_cards_and_items_alike(api: Api, carol: str) -> None:
    a, b = create(api, carol, title="a"), create(api, carol, title="b")
    assert not call_tool(api, carol, "card_update", id=b["id"], before=a["id"]).get("isError")
    assert titles(api, carol) == ["b", "a"]
    assert not call_tool(api, carol, "card_create", title="c", order=b["order"] + 0.5).get("isError")
    refused = call_tool(api, carol, "card_update", id=b["id"], before=a["id"], after=a["id"])
    assert refused["isError"]


def items(api: Api, token: str, card: str) -> list[str]:
    return [each["text"] for each in read(api, token, card)["checklist"]]


def test_checklist_items_are_placed_alike(api: Api, carol: str) -> None:
    card = create(api, carol)["id"]
    made: dict[str, Any] = {}

    def add(text: str, **place: Any) -> None:
        reply = api.post(f"{KANBAN}/{card}/checklist", {"text": text} | place, carol)
        assert reply.status == 201, reply.text
        made[text] = reply.json["data"]["id"]

    for text in "abc":
        add(text)
    for number in range(20):
        add(f"{number}", after=made["a"])
    assert items(api, carol, card) == ["a", *[f"{number}" for number in reversed(range(20))], "b", "c"]
    assert patch(api, carol, f"{card}/checklist/{made['c']}", {"before": made["a"], "completed": True}).status == 200
    assert items(api, carol, card)[:2] == ["c", "a"]
    found = read(api, carol, card)["checklist"]
    assert [each["order"] for each in found] == sorted({each["order"] for each in found})
    add("half", order=(found[0]["order"] + found[1]["order"]) / 2)
    assert items(api, carol, card)[:3] == ["c", "half", "a"]
    add("far", order=LAST)
    add("last")
    assert items(api, carol, card)[-2:] == ["far", "last"]
    body = json.dumps({"text": "x", "after": "00000000-0000-4000-8000-000000000000"})
    assert api.post(f"{KANBAN}/{card}/checklist", token=carol, raw=body).status == 400
