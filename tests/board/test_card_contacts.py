"""Cards and contacts linked: seen from both sides, and never from one alone."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chalicelib.board.domain.board import Card
from chalicelib.board.domain.board_messages import CardIn
from chalicelib.board.domain.card_contacts import CardContact, CardContactIn
from chalicelib.board.domain.contacts import Contact, ContactIn
from chalicelib.board.domain.positions import Placement
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.contacts import DynamoContacts
from infra import demo
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently

KANBAN, CONTACTS = "/api/v2/kanban", "/api/v2/contacts"
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
SPEND, GET, BATCH, QUERY, WRITE = "UpdateItem", "GetItem", "BatchGetItem", "Query", "TransactWriteItems"
SOME_CARD = {"title": "Call Acme", "priority": "high", "assignee": "agent", "dueDate": "2040-06-01T10:00:00.000Z"}
ADA = {
    "name": "Ada",
    "email": "ada@example.com",
    "company": "Engines",
    "phone": "555",
    "role": "Countess",
    "tags": "VIP",
}


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def carol(desk: Desk) -> str:
    """The key of somebody who has neither cards nor contacts."""
    return new_api_key(desk, "carol")


def card(api: Api, token: str, **wanted: Any) -> str:
    return str(api.post(KANBAN, SOME_CARD | wanted, token).json["data"]["id"])


def contact(api: Api, token: str, **wanted: Any) -> str:
    return str(api.post(CONTACTS, ADA | wanted, token).json["data"]["id"])


def link(api: Api, token: str, card_id: str, contact_id: str, **more: Any) -> Answer:
    return api.post(f"{KANBAN}/{card_id}/contacts", {"contactId": contact_id} | more, token)


def change(api: Api, token: str, card_id: str, contact_id: str, body: Any, **more: Any) -> Answer:
    return api.call("PATCH", f"{KANBAN}/{card_id}/contacts/{contact_id}", body, token=token, **more)


def unlink(api: Api, token: str, card_id: str, contact_id: str, **more: Any) -> Answer:
    return api.call("DELETE", f"{KANBAN}/{card_id}/contacts/{contact_id}", token=token, **more)


def contacts_of(api: Api, token: str, card_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{KANBAN}/{card_id}", token).json["data"]["contacts"]
    return found


def cards_of(api: Api, token: str, contact_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{CONTACTS}/{contact_id}", token).json["data"]["cards"]
    return found


# Both sides


def test_link_is_summarized_on_both_sides_with_details_outside_lists(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        card_id, contact_id = card(api, carol), contact(api, carol)
        reply = link(api, carol, card_id, contact_id, role="decision maker")
    made = reply.json["data"]
    brief = {"id": contact_id, "name": "Ada", "email": "ada@example.com", "company": "Engines"}
    whole = brief | {"phone": "555", "role": "Countess", "tags": "VIP"}
    assert (reply.status, reply.json["success"]) == (201, True)
    assert made == {
        "id": made["id"],
        "cardId": card_id,
        "contactId": contact_id,
        "role": "decision maker",
        "involvement": "related",
        "canDelegate": False,
        "createdAt": "2040-05-21T12:00:10.000Z",
        "contact": whole,
    }
    assert contacts_of(api, carol, card_id) == [made]
    (listed,) = api.get(KANBAN, carol).json["data"]["cards"]
    assert listed["contacts"] == [made | {"contact": brief}]
    (filtered,) = api.get(f"{KANBAN}?priority=high", carol).json["data"]["cards"]
    assert filtered == listed

    short = {"id": card_id, "title": "Call Acme", "status": "leads", "priority": "high"}
    assert cards_of(api, carol, contact_id) == [
        made | {"card": short | {"assignee": "agent", "dueDate": "2040-06-01T10:00:00.000Z"}}
    ]
    for query in ("", "?search=ada", "?tag=vip"):
        (listed,) = api.get(CONTACTS + query, carol).json["data"]["contacts"]
        assert listed["cards"] == [made | {"contact": brief, "card": short}]


def test_change_on_one_side_shows_on_the_other(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    link(api, carol, card_id, contact_id)
    renamed = api.call("PATCH", f"{CONTACTS}/{contact_id}", {"name": "Eve", "email": None}, token=carol)
    assert renamed.json["data"]["cards"][0]["contact"]["name"] == "Eve"
    moved = api.call("PATCH", f"{KANBAN}/{card_id}", {"status": "active", "title": "Done"}, token=carol)
    assert moved.json["data"]["contacts"] == contacts_of(api, carol, card_id)
    (seen,) = contacts_of(api, carol, card_id)
    assert (seen["contact"]["name"], seen["contact"]["email"]) == ("Eve", None)
    (seen,) = cards_of(api, carol, contact_id)
    assert (seen["card"]["title"], seen["card"]["status"]) == ("Done", "active")


def test_role_is_changed_on_both_sides(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    made = link(api, carol, card_id, contact_id, involvement="contributor").json["data"]
    changed = change(api, carol, card_id, contact_id, {"role": "sponsor", "canDelegate": True})
    assert changed.json == {"success": True, "data": made | {"role": "sponsor", "canDelegate": True}}
    assert contacts_of(api, carol, card_id) == [changed.json["data"]]
    (seen,) = cards_of(api, carol, contact_id)
    assert seen.items() >= changed.json["data"].items()
    assert change(api, carol, card_id, contact_id, {"role": None}).json["data"]["role"] is None
    assert change(api, carol, card_id, contact_id, {}).json["data"] == contacts_of(api, carol, card_id)[0]


def test_unlinking_removes_the_link_from_both_sides(api: Api, carol: str) -> None:
    card_id, contact_id, other = card(api, carol), contact(api, carol), contact(api, carol, name="Other")
    for each in (contact_id, other):
        link(api, carol, card_id, each)
    reply = unlink(api, carol, card_id, contact_id)
    assert (reply.status, reply.json) == (200, {"success": True})
    assert [each["contactId"] for each in contacts_of(api, carol, card_id)] == [other]
    assert cards_of(api, carol, contact_id) == []
    assert unlink(api, carol, card_id, contact_id).status == 404
    assert change(api, carol, card_id, contact_id, {"role": "x"}).status == 404
    assert link(api, carol, card_id, contact_id).status == 201


def test_deleting_one_side_removes_the_link_from_the_other(api: Api, carol: str) -> None:
    cards, contacts = [card(api, carol) for _ in range(3)], [contact(api, carol) for _ in range(3)]
    for card_id in cards:
        for contact_id in contacts:
            assert link(api, carol, card_id, contact_id).status == 201
    assert api.call("DELETE", f"{KANBAN}/{cards[0]}", token=carol).status == 200
    assert api.call("DELETE", f"{CONTACTS}/{contacts[0]}", token=carol).status == 200
    for card_id in cards[1:]:
        assert [each["contactId"] for each in contacts_of(api, carol, card_id)] == contacts[1:]
    for contact_id in contacts[1:]:
        assert [each["cardId"] for each in cards_of(api, carol, contact_id)] == cards[1:]


# Refusals


@pytest.mark.parametrize(
    "flaw",
    [
        {"contactId": None},
        {"contactId": ""},
        {"contactId": 7},
        {"role": "x" * 101},
        {"role": 1},
        {"involvement": "boss"},
        {"involvement": None},
        {"canDelegate": "yes"},
        {"canDelegate": None},
        {"cardId": inputs.uuid(1)},
    ],
    ids=str,
)
def test_invalid_link_is_refused_and_changes_nothing(api: Api, carol: str, flaw: dict[str, Any]) -> None:
    card_id, contact_id, linked = card(api, carol), contact(api, carol), contact(api, carol)
    link(api, carol, card_id, linked)
    before = contacts_of(api, carol, card_id)
    assert link(api, carol, card_id, **{"contact_id": contact_id, **flaw}).status == 400
    assert change(api, carol, card_id, linked, flaw).status == 400
    assert contacts_of(api, carol, card_id) == before


def test_link_needs_an_own_card_and_an_own_contact(api: Api, desk: Desk, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    other_card, other_contact = card(api, desk.bob_key), contact(api, desk.bob_key)
    for one, another in (
        (card_id, other_contact),
        (other_card, contact_id),
        (card_id, "nothing"),
        ("nothing", contact_id),
        (card_id, inputs.uuid(1)),
        (card_id, card_id),
    ):
        for reply in (
            link(api, carol, one, another),
            change(api, carol, one, another, {"role": "x"}),
            unlink(api, carol, one, another),
        ):
            assert (reply.status, reply.json["success"]) == (404, False)
    link(api, carol, card_id, contact_id)
    assert unlink(api, desk.bob_key, card_id, contact_id).status == 404
    assert change(api, desk.bob_key, card_id, contact_id, {"role": "x"}).status == 404
    assert len(contacts_of(api, carol, card_id)) == 1
    assert contacts_of(api, desk.bob_key, other_card) == []


def test_linking_twice_is_a_conflict_and_changes_nothing(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    made = link(api, carol, card_id, contact_id, role="first").json["data"]
    assert link(api, carol, card_id, contact_id, role="second").status == 409
    assert contacts_of(api, carol, card_id) == [made]


def test_a_card_has_at_most_fifty_contacts(api: Api, desk: Desk, carol: str) -> None:
    links = linked(desk.user_id("carol"), cards=1, contacts=49)
    card_id, ids = links[0].card_id, [contact(api, carol, name=f"{number}") for number in range(3)]
    path = f"{KANBAN}/{card_id}/contacts"
    raced = run_concurrently(3, lambda number: api.status("POST", path, {"contactId": ids[number]}, carol))
    assert sorted(raced) == [201, 409, 409]
    assert len(contacts_of(api, carol, card_id)) == 50
    assert api.call("DELETE", f"{KANBAN}/{card_id}", token=carol, key="k").status == 200
    assert not any(each["cards"] for each in api.get(CONTACTS, carol).json["data"]["contacts"])


def test_contact_has_at_most_ninety_cards_and_is_deleted_from_all(api: Api, desk: Desk, carol: str) -> None:
    links = linked(desk.user_id("carol"), cards=89, contacts=1)
    contact_id, ids = links[0].contact_id, [card(api, carol) for _ in range(3)]
    paths = [f"{KANBAN}/{card_id}/contacts" for card_id in ids]
    raced = run_concurrently(3, lambda number: api.status("POST", paths[number], {"contactId": contact_id}, carol))
    assert sorted(raced) == [201, 409, 409]
    assert len(cards_of(api, carol, contact_id)) == 90
    assert api.call("DELETE", f"{CONTACTS}/{contact_id}", token=carol, key="k").status == 200
    assert not any(each["contacts"] for each in api.get(f"{KANBAN}?limit=200", carol).json["data"]["cards"])


def linked(user_id: str, *, cards: int, contacts: int) -> list[CardContact]:
    """So many cards and so many contacts, stored with all links between them."""
    given = CardContactIn(contactId="any")
    links = [
        CardContact.of(given, inputs.uuid(100 + one), inputs.uuid(another), link_id=str(uuid4()), now=NOON)
        for one in range(cards)
        for another in range(contacts)
    ]
    for number in range(contacts):
        one = inputs.uuid(number)
        stored = Contact.of(ContactIn(name="x"), contact_id=one, index_id=str(uuid4()), user_id=user_id, now=NOON)
        held = {link.card_id: link for link in links if link.contact_id == one}
        DynamoContacts().add_contact(replace(stored, cards=held), claim=None, reply={})
    for number in range(cards):
        one, tail = inputs.uuid(100 + number), DynamoBoard().find_tail(user_id)
        made = Card.of(CardIn(title="x"), card_id=one, user_id=user_id, now=NOON)
        about = {link.contact_id: link for link in links if link.card_id == one}
        assert DynamoBoard().add_card(replace(made, contacts=about), Placement(number), tail=tail, claim=None, reply={})
    return links


# Once, and at the same time


def test_change_happens_once_per_idempotency_key(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    path = f"{KANBAN}/{card_id}/contacts"
    for method, place, body, status in (
        ("POST", path, {"contactId": contact_id}, 201),
        ("PATCH", f"{path}/{contact_id}", {"role": "x"}, 200),
        ("DELETE", f"{path}/{contact_id}", None, 200),
    ):
        first, again = (api.call(method, place, body, token=carol, key="k") for _ in range(2))
        assert (first.status, again.status, again.json) == (status, status, first.json)
        assert again.headers["idempotent-replayed"] == "true"
    assert contacts_of(api, carol, card_id) == cards_of(api, carol, contact_id) == []


def test_concurrent_links_are_all_stored(api: Api, carol: str) -> None:
    cards, contacts = [card(api, carol) for _ in range(4)], [contact(api, carol) for _ in range(4)]
    pairs = [(card_id, contact_id) for card_id in cards for contact_id in contacts]

    def make_one(number: int) -> int:
        card_id, contact_id = pairs[number]
        return api.status("POST", f"{KANBAN}/{card_id}/contacts", {"contactId": contact_id}, carol)

    assert run_concurrently(16, make_one) == [201] * 16
    for card_id in cards:
        assert {each["contactId"] for each in contacts_of(api, carol, card_id)} == set(contacts)
    for contact_id in contacts:
        assert {each["cardId"] for each in cards_of(api, carol, contact_id)} == set(cards)


def test_concurrent_calls_create_a_link_once(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    path = f"{KANBAN}/{card_id}/contacts"
    made = run_concurrently(8, lambda _: api.status("POST", path, {"contactId": contact_id}, carol))
    assert sorted(made) == [201] + [409] * 7
    ended = run_concurrently(8, lambda _: api.status("DELETE", f"{path}/{contact_id}", None, carol))
    assert sorted(ended) == [200] + [404] * 7
    assert contacts_of(api, carol, card_id) == cards_of(api, carol, contact_id) == []


def test_concurrent_links_patches_and_deletions_keep_both_sides_consistent(api: Api, carol: str) -> None:
    cards, contacts = [card(api, carol) for _ in range(3)], [contact(api, carol) for _ in range(3)]
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"{KANBAN}/{card_id}/contacts", {"contactId": contact_id})
        for card_id in cards
        for contact_id in contacts
    ]
    calls += [
        ("DELETE", f"{KANBAN}/{cards[0]}", None),
        ("DELETE", f"{CONTACTS}/{contacts[0]}", None),
        ("PATCH", f"{KANBAN}/{cards[1]}", {"title": "new"}),
        ("PATCH", f"{CONTACTS}/{contacts[1]}", {"name": "new"}),
        ("POST", f"{KANBAN}/{cards[1]}/checklist", {"text": "new"}),
        ("PATCH", f"{KANBAN}/{cards[2]}", {"status": "active"}),
        ("PATCH", f"{CONTACTS}/{contacts[2]}", {"notes": "new"}),
    ]
    statuses = run_concurrently(len(calls), lambda number: api.status(*calls[number], carol))
    assert set(statuses) <= {200, 201, 404}
    assert statuses[9:] == [200, 200, 200, 200, 201, 200, 200]
    for card_id in cards[1:]:
        assert {each["contactId"] for each in contacts_of(api, carol, card_id)} == set(contacts[1:])
    for contact_id in contacts[1:]:
        assert {each["cardId"] for each in cards_of(api, carol, contact_id)} == set(cards[1:])
    found = api.get(f"{KANBAN}/{cards[1]}", carol).json["data"]
    assert (found["title"], [item["text"] for item in found["checklist"]]) == ("new", ["new"])
    assert api.get(CONTACTS, carol).json["data"]["pagination"]["total"] == 2
    assert api.get(f"{CONTACTS}?search=new", carol).json["data"]["pagination"]["total"] == 1


def test_concurrent_role_changes_are_all_stored(api: Api, carol: str) -> None:
    card_id, contact_id = card(api, carol), contact(api, carol)
    link(api, carol, card_id, contact_id)
    bodies: list[dict[str, Any]] = [{"role": "x"}, {"involvement": "contributor"}, {"canDelegate": True}]
    path = f"{KANBAN}/{card_id}/contacts/{contact_id}"
    assert run_concurrently(3, lambda number: api.status("PATCH", path, bodies[number], carol)) == [200] * 3
    (seen,) = contacts_of(api, carol, card_id)
    assert (seen["role"], seen["involvement"], seen["canDelegate"]) == ("x", "contributor", True)
    assert cards_of(api, carol, contact_id)[0].items() >= seen.items()


# What it costs


def test_store_calls_of_linking_and_of_reading_links(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        card_id, contact_id = card(api, carol), contact(api, carol)
        path = f"{KANBAN}/{card_id}"
        made = link(api, carol, card_id, contact_id)
        changed = change(api, carol, card_id, contact_id, {"role": "x"})
        for each in (made, changed):
            assert (each.calls, each.steps) == ([SPEND, GET, GET, WRITE, QUERY], 4)
        assert api.get(path, carol).calls == [SPEND, GET, BATCH]
        assert api.get(f"{CONTACTS}/{contact_id}", carol).calls == [SPEND, GET, BATCH]
        for reply in (api.get(KANBAN, carol), api.get(CONTACTS, carol)):
            assert (sorted(reply.calls), reply.steps) == (sorted([SPEND, GET, QUERY, BATCH, BATCH]), 4)
        assert api.get(f"{KANBAN}?status=leads", carol).calls == [SPEND, GET, QUERY, BATCH, BATCH]
        assert api.get(f"{CONTACTS}?search=ada", carol).calls == [SPEND, QUERY, BATCH, BATCH]
        assert api.call("PATCH", path, {"title": "x"}, token=carol).calls == [SPEND, GET, BATCH, "UpdateItem", QUERY]
        assert unlink(api, carol, card_id, contact_id).calls == [SPEND, GET, WRITE, QUERY]


# The demo organisation


def test_seeding_the_demo_again_leaves_boards_unchanged(api: Api, desk: Desk) -> None:
    def seen(token: str) -> list[Any]:
        return [api.get(path, token).json["data"] for path in (KANBAN, CONTACTS, f"{CONTACTS}?search=alvarez")]

    cards, contacts, found = seen(desk.alice_key)
    assert len({each["status"] for each in cards["cards"]}) >= 5
    assert any(each["checklist"] for each in cards["cards"])
    assert any(each["contacts"] for each in cards["cards"])
    assert all(each["tags"] for each in contacts["contacts"])
    assert [each["name"] for each in found["contacts"]] == ["José Álvarez"]
    assert api.get(KANBAN, desk.bob_key).json["data"]["pagination"]["total"] > 0
    moved = cards["cards"][0]["id"]
    api.call("PATCH", f"{KANBAN}/{moved}", {"status": "completed"}, token=desk.alice_key)
    before = [seen(token) for token in (desk.alice_key, desk.bob_key)]
    again = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {}))
    assert [seen(again["api_keys"][name]) for name in ("alice", "bob")] == before
