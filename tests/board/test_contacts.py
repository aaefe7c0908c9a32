"""Contacts through the door: order, search, tags, and what keeps their index right."""

import json
import os
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import time_machine
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib import aws
from chalicelib.board.domain.contacts import Contact, ContactFilter, ContactIn, ContactPatch, SearchTerms
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.pages import PageRequest
from chalicelib.core.domain.text import normalize_tag, normalize_text, split_tags
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.resources import CONTACTS as TABLE
from infra.admin import main
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently
from tests.support.mcp import call_tool

CONTACTS = "/api/v2/contacts"
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
SPEND, GET, BATCH, QUERY, WRITE, INDEX = (
    "UpdateItem",
    "GetItem",
    "BatchGetItem",
    "Query",
    "TransactWriteItems",
    "BatchWriteItem",
)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def carol(desk: Desk) -> str:
    """The key of somebody who has no contacts."""
    return new_api_key(desk, "carol")


def create(api: Api, token: str, name: str = "Ada Lovelace", **wanted: Any) -> dict[str, Any]:
    reply = api.post(CONTACTS, {"name": name} | wanted, token)
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json["data"]
    return made


def patch(api: Api, token: str, contact_id: str, body: Any, **more: Any) -> Answer:
    return api.call("PATCH", f"{CONTACTS}/{contact_id}", body, token=token, **more)


def delete(api: Api, token: str, contact_id: str, **more: Any) -> Answer:
    return api.call("DELETE", f"{CONTACTS}/{contact_id}", token=token, **more)


def listed(api: Api, token: str, **query: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={quote(value)}" for name, value in ({"limit": "200"} | query).items())
    reply = api.get(f"{CONTACTS}?{asked}", token)
    assert reply.status == 200, reply.text
    data = reply.json["data"]
    assert data["pagination"]["total"] == len(data["contacts"])
    return list(data["contacts"])


def names(api: Api, token: str, **query: str) -> list[str]:
    return [contact["name"] for contact in listed(api, token, **query)]


def rows() -> list[dict[str, Any]]:
    """Every row of the table; the embedded engine gives them all at once."""
    return [from_item(dict(item)) for item in aws.dynamodb().scan(TableName=TABLE.physical_name)["Items"]]


def index_of(user_id: str) -> set[str]:
    return {row["sk"] for row in rows() if row["pk"] == user_id and row["sk"].startswith(("FIND#", "TAG#"))}


# Contacts


def test_new_contact_reads_back_unchanged(api: Api, desk: Desk, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        reply = api.post(CONTACTS, {"name": "Ada Lovelace"}, carol)
        contact = reply.json["data"]
        assert (reply.status, reply.json["success"]) == (201, True)
        assert contact == {
            "id": contact["id"],
            "userId": desk.user_id("carol"),
            "name": "Ada Lovelace",
            **dict.fromkeys(
                ("email", "phone", "company", "role", "notes", "tags", "source", "enrichedData"),
            ),
            "cards": [],
            "createdAt": "2040-05-21T12:00:10.000Z",
            "updatedAt": "2040-05-21T12:00:10.000Z",
        }
        assert api.get(f"{CONTACTS}/{contact['id']}", carol).json == {"success": True, "data": contact}
        page = api.get(CONTACTS, carol).json["data"]
    assert page == {
        "contacts": [contact],
        "pagination": {"total": 1, "limit": 100, "offset": 0, "hasMore": False, "cursor": None},
    }


def test_pages_by_cursor_go_on_while_contacts_of_earlier_pages_are_deleted(api: Api, carol: str) -> None:
    made = [create(api, carol, f"Ada {number}") for number in range(6)]
    first = api.get(f"{CONTACTS}?limit=2", carol).json["data"]["pagination"]
    for each in made[:2]:
        assert delete(api, carol, each["id"]).status == 200
    second = api.get(f"{CONTACTS}?limit=2&cursor={first['cursor']}", carol).json["data"]
    assert [each["name"] for each in second["contacts"]] == ["Ada 2", "Ada 3"]
    assert second["pagination"]["hasMore"] is True
    third = api.get(f"{CONTACTS}?limit=2&cursor={second['pagination']['cursor']}", carol).json["data"]
    assert [each["name"] for each in third["contacts"]] == ["Ada 4", "Ada 5"]
    assert (third["pagination"]["hasMore"], third["pagination"]["cursor"]) == (False, None)


def test_contact_stores_every_member(api: Api, carol: str) -> None:
    everything = {
        "name": "A" * 200,
        "email": "a" * 114 + "@x.com",
        "phone": "1" * 50,
        "company": "€" * 200,
        "role": "r" * 100,
        "notes": "n" * 10_000,
        "tags": "VIP, early adopter,,x",
        "source": "s" * 100,
        "enrichedData": '{"a":  1}',
    }
    contact = create(api, carol, **everything)
    assert {name: contact[name] for name in everything} == everything
    assert api.get(f"{CONTACTS}/{contact['id']}", carol).json["data"] == contact


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"tags": ["VIP", "early adopter"]}, {"tags": "VIP,early adopter"}),
        ({"tags": []}, {"tags": ""}),
        ({"tags": ""}, {"tags": ""}),
        ({"enrichedData": {"a": [1, {"b": "é"}]}}, {"enrichedData": '{"a":[1,{"b":"é"}]}'}),
        ({"enrichedData": "[]"}, {"enrichedData": "[]"}),
    ],
    ids=str,
)
def test_tags_and_data_are_accepted_as_json_or_as_strings(
    api: Api, carol: str, sent: dict[str, Any], kept: dict[str, Any]
) -> None:
    contact = create(api, carol, **sent)
    assert contact.items() >= kept.items()
    other = patch(api, carol, create(api, carol)["id"], sent)
    assert other.json["data"].items() >= kept.items()


def test_patch_changes_only_given_members_and_null_clears(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        contact = create(api, carol, email="ada@example.com", tags="VIP", role="Countess")
        clock.shift(60)
        changed = patch(api, carol, contact["id"], {"email": None, "company": "Engines", "role": "Analyst"})
        assert changed.json["data"] == contact | {
            "email": None,
            "company": "Engines",
            "role": "Analyst",
            "updatedAt": "2040-05-21T12:01:10.000Z",
        }
        assert api.get(f"{CONTACTS}/{contact['id']}", carol).json == changed.json
        clock.shift(60)
        for more in ({}, {"key": "k"}):
            assert patch(api, carol, contact["id"], {}, **more).json == changed.json
    assert names(api, carol, search="ada@") == []
    assert names(api, carol, search="ENGINES", tag="vip") == ["Ada Lovelace"]


def test_deleted_contact_is_gone_with_its_search_entries(api: Api, desk: Desk, carol: str) -> None:
    contact = create(api, carol, email="ada@example.com", tags="VIP,x")
    other = create(api, carol, "Grace")
    reply = delete(api, carol, contact["id"])
    assert (reply.status, reply.json) == (200, {"success": True})
    assert listed(api, carol) == [other]
    assert listed(api, carol, search="ada") == listed(api, carol, tag="vip") == []
    assert len(index_of(desk.user_id("carol"))) == len("grace")
    for again in (delete(api, carol, contact["id"]), patch(api, carol, contact["id"], {"name": "x"})):
        assert again.status == 404
    assert api.get(f"{CONTACTS}/{contact['id']}", carol).status == 404


FLAWS: list[dict[str, Any]] = [
    {"name": ""},
    {"name": " \t"},
    {"name": None},
    {"name": "x" * 201},
    {"name": ["Ada"]},
    {"email": "not an address"},
    {"email": ""},
    {"email": "a" * 115 + "@x.com"},
    {"phone": "1" * 51},
    {"phone": 123},
    {"company": "x" * 201},
    {"role": "x" * 101},
    {"notes": "x" * 10_001},
    {"source": "x" * 101},
    {"tags": "x" * 501},
    {"tags": ["x" * 501]},
    {"tags": ["a,b"]},
    {"tags": [1]},
    {"tags": {"a": 1}},
    {"enrichedData": "no JSON"},
    {"enrichedData": '{"a": NaN}'},
    {"enrichedData": "[" * 5000},
    {"enrichedData": ""},
    {"enrichedData": [1]},
    {"enrichedData": 1},
    {"enrichedData": {"a": "x" * 20_000}},
    {"enriched_data": "{}"},
    {"cards": []},
    {"userId": inputs.uuid(1)},
]


def test_an_internationalised_address_is_accepted_by_rest_and_by_tool(api: Api, carol: str) -> None:
    contact = create(api, carol, email="jörg@müller.example")
    assert contact["email"] == "jörg@müller.example"
    made = call_tool(api, carol, "contact_create", name="x", email="用户@例子.广告")["structuredContent"]["data"]
    assert made["email"] == "用户@例子.广告"
    found = call_tool(api, carol, "contact_list", search="MÜLLER")["structuredContent"]["data"]["contacts"]
    assert [each["id"] for each in found] == [contact["id"]]


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: str(flaw)[:40])
def test_invalid_contact_or_patch_is_refused_and_changes_nothing(api: Api, carol: str, flaw: dict[str, Any]) -> None:
    contact = create(api, carol)
    for reply in (api.post(CONTACTS, {"name": "new"} | flaw, carol), patch(api, carol, contact["id"], flaw)):
        assert reply.status == 400, reply.text
        assert set(reply.json) == {"success", "error"}
    assert listed(api, carol) == [contact]
    assert len(index_of(contact["userId"])) == len("adalovelace")


# Who may


def test_contact_of_another_person_is_not_found(api: Api, desk: Desk, carol: str) -> None:
    contact = create(api, carol, email="ada@example.com", tags="secret")
    unknown = [inputs.uuid(1), "nothing", "x" * 3000, "COUNTS"]
    for token, contact_id in [(desk.alice_key, contact["id"]), *((carol, each) for each in unknown)]:
        for method, body in (("GET", None), ("PATCH", {"name": "mine"}), ("DELETE", None)):
            reply = api.call(method, f"{CONTACTS}/{contact_id}", body, token=token)
            assert (reply.status, reply.json["success"]) == (404, False)
    assert listed(api, carol) == [contact]
    for query in ({"search": "ada@"}, {"tag": "secret"}):
        assert listed(api, desk.alice_key, **query) == []


def test_key_needs_the_contacts_permission(api: Api, desk: Desk) -> None:
    narrow, fitting = new_api_key(desk, "carol", "kanban", "inbox"), new_api_key(desk, "carol", "contacts")
    contact = create(api, fitting)
    for method, path, body in (
        ("GET", CONTACTS, None),
        ("POST", CONTACTS, {"name": "x"}),
        ("GET", f"{CONTACTS}/{contact['id']}", None),
        ("PATCH", f"{CONTACTS}/{contact['id']}", {}),
        ("DELETE", f"{CONTACTS}/{contact['id']}", None),
    ):
        assert api.call(method, path, body, token=narrow).status == 403
        assert api.call(method, path, body, token=desk.fd1).status == 403
        assert api.call(method, path, body).status == 401
    assert listed(api, fitting) == [contact]


# Order and pages


def test_contacts_are_sorted_by_name_ignoring_case_and_accents(api: Api, carol: str) -> None:
    wanted = ["Ábel", "abel b", "ABELARD", "b", "Été", "eve", "ｗｉｄｅ", "z", "ﷺ" * 200]
    for name in reversed(wanted):
        create(api, carol, name)
    found = names(api, carol)
    assert sorted(found, key=normalize_text) == found
    assert found == wanted


@pytest.mark.parametrize("query", [{}, {"search": "a"}, {"tag": "x"}, {"search": "a", "tag": "x"}])
@pytest.mark.parametrize("limit", [1, 5, 200])
def test_pages_show_every_contact_once(api: Api, carol: str, query: dict[str, str], limit: int) -> None:
    for number in range(11):
        create(api, carol, "ab"[number % 2] + "a" * (number // 4), tags="x" if number % 3 else None)
    wanted = listed(api, carol, **query)
    seen: list[Any] = []
    for offset in range(0, 100, limit):
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        data = api.get(f"{CONTACTS}?limit={limit}&offset={offset}&{asked}".rstrip("&"), carol).json["data"]
        seen += data["contacts"]
        more = offset + limit < len(wanted)
        assert (data["pagination"].pop("cursor") is not None) == more
        assert data["pagination"] == {"total": len(wanted), "limit": limit, "offset": offset, "hasMore": more}
        if not more:
            break
    assert seen == wanted


@pytest.mark.parametrize("query", [{}, {"search": "a"}, {"tag": "x"}, {"search": "a", "tag": "x"}])
@pytest.mark.parametrize("limit", [1, 5, 200])
def test_cursors_show_every_contact_once_while_others_are_removed(
    api: Api, carol: str, query: dict[str, str], limit: int
) -> None:
    for number in range(11):
        create(api, carol, "ab"[number % 2] + "a" * (number // 4), tags="x" if number % 3 else None)
    wanted = listed(api, carol, **query)
    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        given = query | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        asked = "&".join(f"{name}={value}" for name, value in given.items())
        data = api.get(f"{CONTACTS}?{asked}", carol).json["data"]
        assert data["pagination"]["offset"] == len(seen)
        seen += data["contacts"]
        cursor = data["pagination"]["cursor"]
        # By offset, the next page would now begin one contact too late.
        delete(api, carol, seen[-1]["id"])
    assert seen == wanted


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "offset=-1", "search=" + "x" * 201, "tag=" + "x" * 501, "name=ada", "search=a&search=b"],
)
def test_invalid_query_is_refused(api: Api, carol: str, query: str) -> None:
    reply = api.get(f"{CONTACTS}?{query}", carol)
    assert (reply.status, reply.json["success"]) == (400, False)


def test_large_limits_are_clamped_and_offsets_may_exceed_the_total(api: Api, carol: str) -> None:
    create(api, carol)
    assert api.get(f"{CONTACTS}?limit=100000", carol).json["data"]["pagination"]["limit"] == 200
    for query in ("", "&search=ada"):
        data = api.get(f"{CONTACTS}?offset=9007199254740991{query}", carol).json["data"]
        assert (data["contacts"], data["pagination"]["total"], data["pagination"]["hasMore"]) == ([], 1, False)


# Search


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ada", True),
        ("LOVELACE", True),
        ("a Lo", True),
        ("a   lo", True),
        (" velac ", True),
        ("Ádà", True),
        ("ａｄａ", True),
        ("ada lovelace", True),
        ("e", True),
        ("@example", True),
        ("ada#1@", True),
        ("bernoulli fur maschinelle rechnungen mbh", True),
        ("maschinelle rechnungen gmbh", False),
        ("für maschinelle", True),
        ("strasse", True),
        ("STRASSE", True),
        ("straße", True),
        ("adalovelace", False),
        ("adb", False),
        ("countess", False),
        ("555", False),
        ("vip", False),
        ("%", False),
        ("#", True),
        ("\x00ada", True),
        ("", True),
        ("  ", True),
        ("\u0301", True),
    ],
    ids=repr,
)
def test_search_matches_any_part_of_name_address_or_company(api: Api, carol: str, search: str, found: bool) -> None:
    create(
        api,
        carol,
        "Ada  Lovelace",
        email="ada#1@example.com",
        company="Bernoulli für maschinelle Rechnungen mbH, Straße 1",
        role="Countess",
        phone="555",
        tags="VIP",
    )
    create(api, carol, "Zoë", tags="Zoë")
    wanted = ["Ada  Lovelace"] if found else []
    wanted += ["Zoë"] if normalize_text(search) in normalize_text("Zoë") else []
    assert names(api, carol, search=search) == wanted


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("art", ["a"]),
        ("ART", ["a"]),
        (" art ", ["a"]),
        ("smart", ["b"]),
        ("ar", []),
        ("mart", []),
        ("early adopter", ["a", "b"]),
        ("early  adopter", []),
        ("straße", ["c"]),
        ("STRASSE", ["c"]),
        ("art,early adopter", []),
        ("caf\u00e9", ["c"]),
        ("cafe\u0301", ["c"]),
        ("cafe", []),
        ("a" * 30 + "b", ["c"]),
        ("a" * 30, []),
        ("a#b", ["c"]),
        ("a", []),
        ("a#", []),
        ("", ["a", "b", "c"]),
        ("\x00", []),
    ],
    ids=repr,
)
def test_tag_filter_matches_whole_tags_ignoring_case(api: Api, carol: str, tag: str, found: list[str]) -> None:
    create(api, carol, "a", tags=" art ,Early Adopter")
    create(api, carol, "b", tags="smart,early adopter,,")
    create(api, carol, "c", tags=["Straße", "Café", "A" * 30 + "b", "a#b"])
    assert names(api, carol, tag=tag) == found


def test_search_and_tag_must_both_match(api: Api, carol: str) -> None:
    create(api, carol, "Ada", tags="x")
    create(api, carol, "Adam", tags="y")
    create(api, carol, "Eve", tags="x")
    assert names(api, carol, search="ada", tag="x") == ["Ada"]
    assert names(api, carol, search="ada") == ["Ada", "Adam"]
    assert names(api, carol, search="eve", tag="y") == []
    assert names(api, carol, search="", tag="x") == ["Ada", "Eve"]


LETTERS = st.text(alphabet="abAB é\u0301ß#,ﬁ", min_size=1, max_size=30)
PEOPLE = st.fixed_dictionaries(
    {
        "name": LETTERS.filter(str.strip),
        "company": st.none() | LETTERS.filter(str.strip),
        "tags": st.none() | LETTERS.filter(str.strip),
        "email": st.none() | st.sampled_from(["ab@a.b", "a#b@x.y"]),
    }
)


def naive(contact: Contact, search: str, tag: str) -> bool:
    """What a search means, told without an index."""
    texts = [normalize_text(text) for text in (contact.name, contact.email, contact.company) if text]
    tags = {normalize_tag(part) for part in (contact.tags or "").split(",")}
    return any(normalize_text(search) in text for text in texts) and (
        not normalize_tag(tag) or normalize_tag(tag) in tags
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(PEOPLE, min_size=1, max_size=5),
    after=st.lists(PEOPLE, max_size=5),
    asked=st.lists(st.tuples(LETTERS | st.just(""), LETTERS | st.just("")), min_size=1, max_size=8),
)
def test_search_index_matches_a_plain_scan(
    before: list[dict[str, Any]], after: list[dict[str, Any]], asked: list[tuple[str, str]]
) -> None:
    engine_state.clear_engine()
    store = DynamoContacts()
    made = []
    for number, person in enumerate(before):
        contact = Contact.of(
            ContactIn(**person), contact_id=inputs.uuid(number), index_id=str(uuid4()), user_id="u", now=NOON
        )
        store.add_contact(contact, claim=None, reply={})
        made.append(contact)
    for number, person in enumerate(after[: len(before)]):
        changed = made[number].patched(ContactPatch(**person), index_id=str(uuid4()), now=NOON)
        assert store.save_contact(changed, over=made[number], claim=None, reply={})
        made[number] = changed
    for search, tag in asked:
        wanted = ContactFilter(normalize_text(search), normalize_tag(tag))
        if wanted:
            page = store.search_contacts("u", wanted, PageRequest(100))
            found, total = page.rows, page.total
            assert total == len(found)
            assert {each.contact_id for each in found} == {each.contact_id for each in made if naive(each, search, tag)}
    live = {each.index_id for each in made}
    assert {sk.rpartition("#")[2] for sk in index_of("u")} <= live


@given(st.text(max_size=50))
@example("İstanbul ΑΣ ς ﬃ ǅ Å\u0301")
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once
    assert normalize_text(text.upper()) in {once, normalize_text(text.upper())}
    assert normalize_text(unicodedata.normalize("NFC", text)) == once
    assert once == once.strip()
    assert split_tags(text) == split_tags(",".join(split_tags(text)))


# What keeps the index right


def test_changed_search_terms_leave_no_old_entries(api: Api, desk: Desk, carol: str) -> None:
    contact = create(api, carol, "Ada", email="ada@example.com", tags="x,y")
    before = index_of(desk.user_id("carol"))
    patch(api, carol, contact["id"], {"role": "Countess", "notes": "x"})
    assert index_of(desk.user_id("carol")) == before
    patch(api, carol, contact["id"], {"name": "Eve", "tags": "y,z"})
    after = index_of(desk.user_id("carol"))
    assert not after & before
    assert names(api, carol, search="ada") == ["Eve"], "the address still says so"
    assert names(api, carol, search="ev", tag="z") == ["Eve"]
    assert names(api, carol, tag="x") == []


def test_search_entries_left_by_a_crash_match_nothing(api: Api, desk: Desk, carol: str) -> None:
    contact = create(api, carol, "Ada")
    user_id = desk.user_id("carol")
    stale = [
        f"FIND#zzz#{contact['id']}#{inputs.uuid(1)}",
        f"FIND#ada#{contact['id']}#{inputs.uuid(1)}",
        f"FIND#zzz#{inputs.uuid(2)}#{inputs.uuid(1)}",
        f"TAG#zzz#{contact['id']}#{inputs.uuid(1)}",
    ]
    for sk in stale:
        aws.dynamodb().put_item(TableName=TABLE.physical_name, Item={"pk": {"S": user_id}, "sk": {"S": sk}})
    assert listed(api, carol, search="zzz") == listed(api, carol, tag="zzz") == []
    assert listed(api, carol, search="ada") == [contact]


def test_repeated_creation_leaves_no_second_set_of_search_entries(api: Api, desk: Desk, carol: str) -> None:
    first, again = (api.post(CONTACTS, {"name": "Ada"}, carol, key="k") for _ in range(2))
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, first.json, "true")
    assert index_of(desk.user_id("carol")) == {
        f"FIND#{ending}#{first.json['data']['id']}#{index_id}"
        for ending in ("ada", "da", "a")
        for index_id in {sk.rpartition("#")[2] for sk in index_of(desk.user_id("carol"))}
    }
    assert len(listed(api, carol)) == 1


def test_change_happens_once_per_idempotency_key(api: Api, desk: Desk, carol: str) -> None:
    contact, doomed = create(api, carol), create(api, carol, "Doomed")
    index = len(index_of(desk.user_id("carol")))
    for method, path, body in (
        ("PATCH", contact["id"], {"name": "Eva Lovelace"}),
        ("DELETE", doomed["id"], None),
    ):
        first, again = (api.call(method, f"{CONTACTS}/{path}", body, token=carol, key="k") for _ in range(2))
        assert (first.status, again.status, again.json) == (200, 200, first.json)
        assert again.headers["idempotent-replayed"] == "true"
    assert api.call("PATCH", f"{CONTACTS}/{contact['id']}", {"name": "x"}, token=carol, key="k").status == 409
    assert names(api, carol) == names(api, carol, search="lovelace") == ["Eva Lovelace"]
    assert len(index_of(desk.user_id("carol"))) == index - len("Doomed")


def test_concurrent_changes_lose_nothing_and_the_last_name_is_found(api: Api, desk: Desk, carol: str) -> None:
    contact = create(api, carol, "start")
    path = f"{CONTACTS}/{contact['id']}"
    bodies: list[dict[str, Any]] = [{"name": f"name {number}"} for number in range(10)]
    bodies += [{"email": "a@b.c"}, {"phone": "1"}, {"company": "Acme"}, {"role": "r"}, {"notes": "n"}, {"tags": "t"}]
    assert run_concurrently(16, lambda number: api.status("PATCH", path, bodies[number], carol)) == [200] * 16
    (found,) = listed(api, carol)
    assert {name: found[name] for name in ("email", "phone", "company", "role", "notes", "tags")} == {
        name: value for body in bodies[10:] for name, value in body.items()
    }
    for query in ({"search": found["name"]}, {"search": "acme"}, {"search": "a@b"}, {"tag": "T"}):
        assert listed(api, carol, **query) == [found]
    others = {f"name {number}" for number in range(10)} - {found["name"]}
    assert all(listed(api, carol, search=each) == [] for each in {"start", *others})
    live = {row["indexId"] for row in rows() if row["sk"] == f"CONTACT#{contact['id']}"}
    assert {sk.rpartition("#")[2] for sk in index_of(desk.user_id("carol"))} == live


def test_search_entries_are_complete_when_the_store_accepts_few_at_a_time(api: Api, carol: str) -> None:
    def take_some(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        ((table, requests),) = params["RequestItems"].items()
        context["left"] = {table: requests[7:]} if len(requests) > 7 else {}
        params["RequestItems"] = {table: requests[:7]}

    def hand_back(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        parsed["UnprocessedItems"] = context["left"]

    events = aws.dynamodb().meta.events
    hooks = (
        ("provide-client-params.dynamodb.BatchWriteItem", take_some),
        ("after-call.dynamodb.BatchWriteItem", hand_back),
    )
    for name, hook in hooks:
        events.register(name, hook)
    try:
        made = api.post(CONTACTS, {"name": "Ada Lovelace of the Analytical Engine"}, carol)
    finally:
        for name, hook in hooks:
            events.unregister(name, hook)
    assert made.calls.count(INDEX) > 4
    for ending in ("ada", "engine", "of the analytical engine", "e"):
        assert listed(api, carol, search=ending) == [made.json["data"]]


# What it costs


def test_store_calls_of_every_operation(api: Api, carol: str) -> None:
    with time_machine.travel(NOON, tick=False):
        api.get(CONTACTS, carol)
        made = api.post(CONTACTS, {"name": "Ada", "tags": "x"}, carol)
        path = f"{CONTACTS}/{made.json['data']['id']}"
        assert made.calls == [SPEND, INDEX, WRITE, QUERY]
        assert api.get(path, carol).calls == [SPEND, GET]
        assert api.call("PATCH", path, {"role": "x"}, token=carol).calls == [SPEND, GET, "UpdateItem", QUERY]
        renamed = api.call("PATCH", path, {"name": "Eve"}, token=carol)
        assert renamed.calls == [SPEND, GET, INDEX, "UpdateItem", INDEX, QUERY]
        digits = "".join(f"{number:04d}" for number in range(50))
        long = api.post(CONTACTS, {"name": digits, "company": digits[::-1]}, carol)
        assert (long.calls.count(INDEX), long.steps) == (16, 4)
        assert api.call("DELETE", path, token=carol).calls == [SPEND, GET, WRITE, INDEX, QUERY]


def test_list_and_search_cost_the_same_for_any_number_of_contacts(api: Api, desk: Desk, carol: str) -> None:
    """With FLUXDEN_LONG_LIST=10000 in the environment, with so many too."""
    seen = []
    longest = int(os.environ.get("FLUXDEN_LONG_LIST", "150"))
    for number in range(3):
        create(api, carol, f"Needle {number}", tags="needle")
    for before, length in ((3, 10), (10, longest)):
        for number in range(before, length):
            contact = Contact.of(
                ContactIn(name=f"Hay {number:05d}", tags="hay"),
                contact_id=str(uuid4()),
                index_id=str(uuid4()),
                user_id=desk.user_id("carol"),
                now=NOON,
            )
            DynamoContacts().add_contact(contact, claim=None, reply={})
        with time_machine.travel(NOON, tick=False):
            api.get(CONTACTS, carol)
            plain = api.get(f"{CONTACTS}?limit=5", carol)
            searched = api.get(f"{CONTACTS}?search=needle&limit=5", carol)
            both = api.get(f"{CONTACTS}?search=needle&tag=needle&limit=5", carol)
        assert plain.json["data"]["pagination"]["total"] == length
        assert searched.json["data"]["pagination"]["total"] == both.json["data"]["pagination"]["total"] == 3
        assert (plain.steps, searched.steps, both.steps) == (3, 3, 3)
        seen.append([sorted(each.calls) for each in (plain, searched, both)])
    assert seen[0] == seen[1]
    assert seen[0][0] == sorted([SPEND, GET, QUERY, BATCH])
    assert seen[0][1] == sorted([SPEND, QUERY, BATCH])


def create_formerly(api: Api, carol: str, owner: str, name: str) -> str:
    """Create a contact with the search entries and the order that it had before the normalization changed."""
    before = index_of(owner)
    contact_id = str(create(api, carol, name)["id"])
    current, table = index_of(owner) - before, TABLE.physical_name
    (index_id,) = {sk.rpartition("#")[2] for sk in current}
    for sk in current:
        aws.dynamodb().delete_item(TableName=table, Key=to_item({"pk": owner, "sk": sk}))
    former = SearchTerms.former(name, None, None)
    for ending in former.suffixes():
        key = {"pk": owner, "sk": f"FIND#{ending[:24]}#{contact_id}#{index_id}"}
        aws.dynamodb().put_item(TableName=table, Item=to_item(key))
    aws.dynamodb().update_item(
        TableName=table,
        Key=to_item({"pk": owner, "sk": f"CONTACT#{contact_id}"}),
        UpdateExpression="SET orderKey = :key",
        ExpressionAttributeValues=to_item({":key": f"{former.texts[0]}\n{contact_id}"}),
    )
    return contact_id


def test_former_search_entries_are_rebuilt_once(api: Api, carol: str, desk: Desk) -> None:
    owner = desk.user_id("carol")
    create(api, carol, "Mara")
    current = index_of(owner)
    for name in ("Łukasz Ødegård", "Ｚoë", "Ian"):
        create_formerly(api, carol, owner, name)
    assert names(api, carol, search="lukasz") == names(api, carol, search="odegard") == []

    others = api.get("/api/v2/contacts", desk.alice_key).json["data"]["pagination"]["total"]
    checked = len([each for each in rows() if each["sk"].startswith("CONTACT#")])
    command = ["contacts", "reindex", "--json"]
    first, again = (json.loads(CliRunner().invoke(main, command).stdout) for _ in range(2))
    assert (first["checked"], again) == (checked, {"checked": checked, "rebuilt": 0})
    assert 1 <= first["rebuilt"] <= 3
    for search, found in (("lukasz", "Łukasz Ødegård"), ("ODEGARD", "Łukasz Ødegård"), ("zoe", "Ｚoë"), ("ian", "Ian")):
        assert names(api, carol, search=search) == [found], search
    assert names(api, carol) == ["Ian", "Łukasz Ødegård", "Mara", "Ｚoë"]
    assert current <= index_of(owner)
    assert not any("ł" in sk or "ø" in sk for sk in index_of(owner))
    assert api.get("/api/v2/contacts", desk.alice_key).json["data"]["pagination"]["total"] == others


def test_a_contact_with_former_search_entries_is_found_and_leaves_none(api: Api, carol: str, desk: Desk) -> None:
    owner = desk.user_id("carol")
    contact_id = create_formerly(api, carol, owner, "Łukasz パパ")
    for search in ("Łukasz", "łuk", "パパ"):
        assert names(api, carol, search=search) == ["Łukasz パパ"], search
    assert names(api, carol, search="ハハ") == []
    assert api.call("DELETE", f"/api/v2/contacts/{contact_id}", token=carol).status == 200
    assert index_of(owner) == set()
