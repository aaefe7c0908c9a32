"""Board and contacts are live: open clients of their owner are told of every change."""

from typing import Any

import pytest

from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.listeners import new_key
from tests.support.pump import Pumps
from tests.support.sockets import Client, Sockets

BOARD, CONTACTS = "/api/v2/kanban", "/api/v2/contacts"


@pytest.fixture
def alice(desk: Desk, sockets: Sockets, pump: Pumps) -> Client:
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    client.posted.clear()
    return client


def list_changes(client: Client) -> list[tuple[str, str]]:
    found = [(each["type"], each.get("cardId") or each["contactId"]) for each in client.frames]
    client.posted.clear()
    return found


def test_each_change_of_a_card_is_told(api: Api, desk: Desk, alice: Client) -> None:
    card = api.post(BOARD, {"title": "Buy a boat"}, desk.alice_key).json["data"]["id"]
    changed = [("board_changed", card)]
    assert list_changes(alice) == changed
    api.call("PATCH", f"{BOARD}/{card}", {"status": "active"}, token=desk.alice_key)
    assert list_changes(alice) == changed
    item = api.post(f"{BOARD}/{card}/checklist", {"text": "Look"}, desk.alice_key).json["data"]["id"]
    api.call("PATCH", f"{BOARD}/{card}/checklist/{item}", {"completed": True}, token=desk.alice_key)
    api.call("DELETE", f"{BOARD}/{card}/checklist/{item}", token=desk.alice_key)
    assert list_changes(alice) == changed * 3
    assert api.call("DELETE", f"{BOARD}/{card}", token=desk.alice_key).status == 200
    assert list_changes(alice) == changed
    assert api.call("DELETE", f"{BOARD}/{card}", token=desk.alice_key).status == 404
    assert list_changes(alice) == []


def test_each_change_of_a_contact_and_its_links_is_told(api: Api, desk: Desk, alice: Client) -> None:
    contact = api.post(CONTACTS, {"name": "Ann"}, desk.alice_key).json["data"]["id"]
    card = api.post(BOARD, {"title": "Buy a boat"}, desk.alice_key).json["data"]["id"]
    both = [("board_changed", card), ("contacts_changed", contact)]
    assert list_changes(alice) == [("contacts_changed", contact), ("board_changed", card)]
    api.post(f"{BOARD}/{card}/contacts", {"contactId": contact, "role": "seller"}, desk.alice_key)
    assert list_changes(alice) == both
    api.call("PATCH", f"{BOARD}/{card}/contacts/{contact}", {"role": "buyer"}, token=desk.alice_key)
    api.call("DELETE", f"{BOARD}/{card}/contacts/{contact}", token=desk.alice_key)
    assert list_changes(alice) == both * 2
    api.call("PATCH", f"{CONTACTS}/{contact}", {"name": "Anna"}, token=desk.alice_key)
    api.call("DELETE", f"{CONTACTS}/{contact}", token=desk.alice_key)
    assert list_changes(alice) == [("contacts_changed", contact)] * 2


def test_nobody_else_and_no_key_without_the_permission_is_told(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    listeners = [sockets.connect(key) for key in (desk.bob_key, new_key(api, desk, ["chat", "contacts"]))]
    pump.drain(SOCKET_WORK)
    for each in listeners:
        each.posted.clear()
    body: dict[str, Any] = {"title": "Buy a boat"}
    assert api.post(BOARD, body, desk.alice_key).status == 201
    assert [list_changes(each) for each in listeners] == [[], []]


def test_a_repeat_of_a_change_is_told_once(api: Api, desk: Desk, alice: Client) -> None:
    made = [api.post(BOARD, {"title": "Once"}, desk.alice_key, key="k").json["data"]["id"] for _ in range(2)]
    assert (len(set(made)), list_changes(alice)) == (1, [("board_changed", made[0])])


def test_a_change_costs_one_store_call_more_where_nobody_listens(api: Api, desk: Desk) -> None:
    made = api.post(BOARD, {"title": "Quiet"}, desk.alice_key)
    assert (made.calls[-1], made.calls.count("PutItem")) == ("Query", 0)
