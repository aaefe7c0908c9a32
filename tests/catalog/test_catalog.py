"""Catalog items: list, create, change, archive and delete them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib.catalog.domain.catalog import category_display
from chalicelib.catalog.stores.catalog import DynamoCatalog
from infra import demo
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.approvals import approved_users, approving_items
from tests.support.concurrency import run_concurrently

ITEMS, APPROVALS = "/api/v1/catalog/items", "/api/v1/catalog/approvals"
SPEND, TRANSACTION = "UpdateItem", "TransactWriteItems"


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_TOOLS_BUDGET", "100000")


def create(api: Api, desk: Desk, slug: str, **members: Any) -> Any:
    made = api.post(ITEMS, {"slug": slug, "name": slug.title(), "type": "other"} | members, desk.fd1)
    assert made.status == 201, made.text
    return made.json["item"]


def slugs(reply: Answer) -> list[str]:
    return [item["slug"] for item in reply.json["items"]]


def replayed(first: Answer, again: Answer) -> bool:
    same = (again.status, again.text) == (first.status, first.text)
    return same and again.headers.get("idempotent-replayed") == "true"


def assign(api: Api, desk: Desk, slug: str, name: str) -> None:
    body = {"email": f"{name}@example.com", "catalog_slug": slug}
    assert api.post(APPROVALS, body, desk.fd1).status == 201


def revoke(api: Api, desk: Desk, slug: str, name: str) -> Any:
    body = {"email": f"{name}@example.com", "catalog_slug": slug}
    return api.call("DELETE", APPROVALS, body, token=desk.fd1).json


def at_once(api: Api, desk: Desk, calls: list[tuple[str, str, Any]]) -> list[int]:
    """The statuses of calls that start together."""
    return run_concurrently(len(calls), lambda number: api.status(*calls[number], desk.fd1))


# Who may


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", ITEMS, None),
        ("POST", ITEMS, {"bad": 1}),
        ("GET", f"{ITEMS}/fd1", None),
        ("PATCH", f"{ITEMS}/fd1", {"slug": "x"}),
        ("DELETE", f"{ITEMS}/fd1", None),
        ("GET", APPROVALS, None),
        ("POST", APPROVALS, {}),
        ("DELETE", APPROVALS, {}),
        ("POST", f"{APPROVALS}/review", {}),
    ],
)
def test_catalog_needs_an_administrators_tools_token(api: Api, desk: Desk, method: str, path: str, body: Any) -> None:
    for token in (desk.hr, desk.alice, desk.alice_key):
        refused = api.call(method, path, body, token=token)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert "fieldErrors" not in refused.json
    assert api.call(method, path, body).status == 401


# List


def test_list_is_ordered_and_leaves_out_archived_items(api: Api, desk: Desk) -> None:
    create(api, desk, "b", name="Same", display_order=-3)
    create(api, desk, "a", name="Same", display_order=-3)
    create(api, desk, "c", name="Earlier", display_order=-3)
    create(api, desk, "far", display_order=2**53 - 1)
    create(api, desk, "near", display_order=1 - 2**53)

    page = api.get(ITEMS, desk.fd1)
    assert slugs(page) == ["near", "c", "a", "b", "fd1", "network-vpn-access", "design-suite", "far"]
    assert page.json["totalCount"] == 8
    assert page.json["requestId"] == page.headers["x-request-id"]
    everything = api.get(f"{ITEMS}?active_only=false", desk.fd1)
    assert (slugs(everything)[-2:], everything.json["totalCount"]) == (["legacy-wiki", "far"], 9)
    assert everything.json["items"][-2]["archived_at"] is not None


def test_filters_combine_and_the_total_counts_beyond_the_limit(api: Api, desk: Desk) -> None:
    linked = demo.identifier("tools", "hr")
    for number in range(6):
        create(
            api,
            desk,
            f"item-{number}",
            display_order=number,
            type="repo_access" if number % 2 else "other",
            category="code" if number < 4 else None,
            linked_tools_token_id=linked if number in (1, 2, 5) else None,
        )
    api.call("DELETE", f"{ITEMS}/item-3", token=desk.fd1)

    def list_page(filters: str) -> tuple[list[str], int]:
        page = api.get(f"{ITEMS}?{filters}", desk.fd1)
        return [slug.removeprefix("item-") for slug in slugs(page)], page.json["totalCount"]

    assert list_page("category=code") == (["0", "1", "2"], 3)
    assert list_page("category=code&limit=2") == (["0", "1"], 3)
    assert list_page("category=code&active_only=false") == (["0", "1", "2", "3"], 4)
    assert list_page("category=code&type=repo_access") == (["1"], 1)
    assert list_page("integrator_slug=hr") == (["1", "2", "5"], 3)
    assert list_page("integrator_slug=hr&type=repo_access&category=code&limit=1") == (["1"], 1)
    assert list_page("integrator_slug=fd1") == (["fd1"], 1)
    assert list_page("integrator_slug=nobody") == ([], 0)
    assert list_page("category=Code") == ([], 0)
    assert list_page("type=saas_account") == (["design-suite"], 1)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "type=castle",
        "active_only=perhaps",
        "colour=red",
        "limit=1&limit=2",
    ],
)
def test_parameter_outside_its_range_is_refused(api: Api, desk: Desk, query: str) -> None:
    refused = api.get(f"{ITEMS}?{query}", desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [query.partition("=")[0]])


def test_limit_is_50_and_at_most_200(api: Api, desk: Desk) -> None:
    template = DynamoCatalog().find_item("design-suite")
    assert template is not None
    for number in range(202):
        values = vars(template) | {"slug": f"n-{number:03}", "item_id": inputs.uuid(number), "name": "N"}
        DynamoCatalog().add_item(type(template)(**values), claim=None, reply={})
    assert (len(slugs(api.get(ITEMS, desk.fd1))), api.get(ITEMS, desk.fd1).json["totalCount"]) == (50, 205)
    assert len(slugs(api.get(f"{ITEMS}?limit=1", desk.fd1))) == 1
    most = api.get(f"{ITEMS}?limit=200", desk.fd1)
    assert (len(set(slugs(most))), most.calls) == (200, [SPEND, "Query", "BatchGetItem", "BatchGetItem"])


def test_list_of_large_items_ends_below_the_gateways_limit(api: Api, desk: Desk) -> None:
    for number in range(35):
        create(api, desk, f"large-{number}", description="d" * 180_000, display_order=-1)
    page = api.get(ITEMS, desk.fd1)
    assert (len(page.json["items"]), page.json["totalCount"]) == (27, 38)
    assert len(page.text) < 6_000_000


# Create and read


def test_new_item_is_shown_with_its_defaults(api: Api, desk: Desk) -> None:
    made = api.post(ITEMS, {"slug": "a.b_c-1", "name": "Thing", "type": "ai_server"}, desk.fd1)
    item = made.json["item"]
    assert (made.status, made.json["ok"], made.json["requestId"]) == (201, True, made.headers["x-request-id"])
    assert item | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "slug": "a.b_c-1",
        "name": "Thing",
        "type": "ai_server",
        "description": None,
        "category": None,
        "categoryDisplay": "",
        "url": None,
        "application_guide": None,
        "use_cases": [],
        "is_pinned": False,
        "approval_required": True,
        "display_order": 0,
        "contact_user_id": None,
        "linked_tools_token_id": None,
        "archived_at": None,
        "created_at": "",
        "updated_at": "",
    }
    assert item["created_at"] == item["updated_at"]
    assert api.get(f"{ITEMS}/a.b_c-1", desk.fd1).json["item"] == item


def test_new_item_has_all_given_members(api: Api, desk: Desk) -> None:
    given = {
        "slug": "llm",
        "name": "Models",
        "type": "api_key",
        "description": "All of them.",
        "category": "llm-backend",
        "url": "https://models.example.com",
        "application_guide": "Say why.",
        "use_cases": [{"title": "Ünïcode", "n": 1.5e300}, None, [1, "x"], 12345678901234567890123],
        "is_pinned": True,
        "approval_required": False,
        "display_order": 7,
        "contact_user_id": desk.user_id("bob"),
        "linked_tools_token_id": demo.identifier("tools", "hr"),
    }
    item = api.post(ITEMS, given, desk.fd1).json["item"]
    assert {name: item[name] for name in given} == given
    assert item["categoryDisplay"] == "LLM Backend"


def test_ids_are_accepted_in_upper_case(api: Api, desk: Desk) -> None:
    contact, token = desk.user_id("bob"), demo.identifier("tools", "hr")
    item = create(api, desk, "x", contact_user_id=contact.upper(), linked_tools_token_id=token.upper())
    assert (item["contact_user_id"], item["linked_tools_token_id"]) == (contact, token)


@pytest.mark.parametrize(
    ("category", "display"),
    [
        (None, ""),
        ("", ""),
        ("llm-backend", "LLM Backend"),
        ("developer_tools", "Developer Tools"),
        ("saas", "SaaS"),
        ("network.vpn access", "Network VPN Access"),
        ("Already Good", "Already Good"),
    ],
)
def test_category_is_displayed_in_words(category: str | None, display: str) -> None:
    assert category_display(category) == display


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"slug": "Upper"}, "slug"),
        ({"slug": "-x"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a" * 81}, "slug"),
        ({"slug": "x\n"}, "slug"),
        ({"name": ""}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"name": None}, "name"),
        ({"type": "castle"}, "type"),
        ({"type": None}, "type"),
        ({"use_cases": None}, "use_cases"),
        ({"use_cases": {}}, "use_cases"),
        ({"display_order": None}, "display_order"),
        ({"display_order": 1.5}, "display_order"),
        ({"is_pinned": None}, "is_pinned"),
        ({"is_pinned": "true"}, "is_pinned"),
        ({"approval_required": None}, "approval_required"),
        ({"contact_user_id": "alice"}, "contact_user_id"),
        ({"contact_user_id": inputs.uuid(1)}, "contact_user_id"),
        ({"linked_tools_token_id": inputs.uuid(1)}, "linked_tools_token_id"),
        ({"archived_at": "2026-05-21T10:00:00Z"}, "archived_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_invalid_member_is_refused(api: Api, desk: Desk, members: dict[str, Any], field: str) -> None:
    refused = api.post(ITEMS, {"slug": "new", "name": "New", "type": "other"} | members, desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [field])
    assert api.get(f"{ITEMS}/new", desk.fd1).status == 404


def test_number_that_json_cannot_hold_is_refused(api: Api, desk: Desk) -> None:
    raw = '{"slug": "new", "name": "New", "type": "other", "use_cases": [1e999]}'
    assert list(api.post(ITEMS, raw=raw, token=desk.fd1).json["fieldErrors"]) == ["use_cases"]


def test_members_the_contract_makes_nullable_may_be_null(api: Api, desk: Desk) -> None:
    nullable = ("description", "category", "url", "application_guide", "contact_user_id", "linked_tools_token_id")
    item = create(api, desk, "nulls", **dict.fromkeys(nullable))
    assert {item[name] for name in nullable} == {None}


def test_slug_is_unique_among_active_and_archived_items(api: Api, desk: Desk) -> None:
    for slug in ("fd1", "legacy-wiki"):
        refused = api.post(ITEMS, {"slug": slug, "name": "Other", "type": "other"}, desk.fd1)
        assert (refused.status, refused.json["code"]) == (409, "conflict")
    assert api.get(f"{ITEMS}/fd1", desk.fd1).json["item"]["name"] == "Flux Delivery One"


def test_one_of_concurrent_creations_succeeds(api: Api, desk: Desk) -> None:
    def call(number: int) -> Answer:
        linked = {"linked_tools_token_id": demo.identifier("tools", "fd1")} if number % 2 else {}
        return api.post(ITEMS, {"slug": "race", "name": f"N{number}", "type": "other"} | linked, desk.fd1)

    replies = run_concurrently(8, call)
    assert sorted(reply.status for reply in replies) == [201] + [409] * 7
    (winner,) = [reply.json["item"] for reply in replies if reply.status == 201]
    assert api.get(f"{ITEMS}/race", desk.fd1).json["item"] == winner


@pytest.mark.parametrize("slug", ["nothing", "legacy-wiki", "UPPER", "a" * 3000, "%00", "fd1 "])
def test_unknown_or_archived_item_is_not_found(api: Api, desk: Desk, slug: str) -> None:
    assert api.get(f"{ITEMS}/{slug}", desk.fd1).status == 404
    assert api.call("PATCH", f"{ITEMS}/{slug}", {"name": "X"}, token=desk.fd1).status == 404
    if slug != "legacy-wiki":
        assert api.call("DELETE", f"{ITEMS}/{slug}", token=desk.fd1).status == 404
        assert api.call("DELETE", f"{ITEMS}/{slug}?hard=true", token=desk.fd1).status == 404


# Patch


def test_patch_changes_the_given_members_and_null_removes(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        before = create(api, desk, "p", description="D", category="c", url="u", contact_user_id=desk.user_id("bob"))
        clock.shift(60)
        patch = {"name": "New", "description": None, "contact_user_id": None, "display_order": 4, "use_cases": [1]}
        reply = api.call("PATCH", f"{ITEMS}/p", patch, token=desk.fd1)
    assert (reply.status, reply.json["ok"]) == (200, True)
    assert reply.json["item"] == before | patch | {"updated_at": "2026-05-21T12:01:00.000Z"}
    assert api.get(f"{ITEMS}/p", desk.fd1).json["item"] == reply.json["item"]
    assert slugs(api.get(f"{ITEMS}?category=c", desk.fd1)) == ["p"]


def test_empty_patch_changes_nothing(api: Api, desk: Desk) -> None:
    before = api.get(f"{ITEMS}/fd1", desk.fd1).json["item"]
    assert api.call("PATCH", f"{ITEMS}/fd1", {}, token=desk.fd1).json["item"] == before
    assert api.call("PATCH", f"{ITEMS}/fd1", {}, token=desk.fd1, key="k").json["item"] == before


@pytest.mark.parametrize(
    ("patch", "fields"),
    [
        ({"slug": "other"}, ["slug"]),
        ({"slug": "fd1"}, ["slug"]),
        ({"slug": None}, ["slug"]),
        ({"type": "other"}, ["type"]),
        ({"slug": 1, "type": 2, "name": "New"}, ["slug", "type"]),
    ],
)
def test_slug_and_type_are_immutable(api: Api, desk: Desk, patch: dict[str, Any], fields: list[str]) -> None:
    refused = api.call("PATCH", f"{ITEMS}/fd1", patch, token=desk.fd1)
    assert refused.status == 400
    assert refused.json["fieldErrors"] == {field: ["immutable"] for field in fields}
    assert api.get(f"{ITEMS}/fd1", desk.fd1).json["item"]["name"] == "Flux Delivery One"


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"name": None}, "name"),
        ({"use_cases": None}, "use_cases"),
        ({"display_order": None}, "display_order"),
        ({"is_pinned": None}, "is_pinned"),
        ({"approval_required": None}, "approval_required"),
        ({"name": ""}, "name"),
        ({"linked_tools_token_id": inputs.uuid(1)}, "linked_tools_token_id"),
        ({"contact_user_id": inputs.uuid(1)}, "contact_user_id"),
        ({"id": inputs.uuid(1)}, "id"),
    ],
)
def test_invalid_patch_is_refused(api: Api, desk: Desk, patch: dict[str, Any], field: str) -> None:
    refused = api.call("PATCH", f"{ITEMS}/fd1", patch, token=desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [field])


def test_concurrent_patches_of_different_members_are_all_saved(api: Api, desk: Desk) -> None:
    patches: list[dict[str, Any]] = [
        {"name": "N"},
        {"description": "D"},
        {"category": "c"},
        {"url": "u"},
        {"is_pinned": False},
        {"display_order": 9},
        {"linked_tools_token_id": demo.identifier("tools", "hr")},
        {"application_guide": None},
    ]
    replies = run_concurrently(8, lambda number: api.call("PATCH", f"{ITEMS}/fd1", patches[number], token=desk.fd1))
    assert {reply.status for reply in replies} == {200}
    item = api.get(f"{ITEMS}/fd1", desk.fd1).json["item"]
    for patch in patches:
        assert item | patch == item


def test_item_cannot_grow_beyond_the_size_of_a_row(api: Api, desk: Desk) -> None:
    create(api, desk, "big", description="d" * 100_000)
    refused = api.call("PATCH", f"{ITEMS}/big", {"url": "u" * 100_000}, token=desk.fd1)
    assert (refused.status, refused.json["code"]) == (400, "validation_failed")
    for key, patch in enumerate(({"url": '"' * 44_000}, {"description": '"' * 49_000}, {"description": "e" * 100_000})):
        grown = api.call("PATCH", f"{ITEMS}/big", patch, token=desk.fd1, key=str(key))
        assert grown.status == 200
        assert replayed(grown, api.call("PATCH", f"{ITEMS}/big", patch, token=desk.fd1, key=str(key)))


def test_approvals_count_for_the_integrator_that_an_item_is_linked_to_now(api: Api, desk: Desk) -> None:
    users = [desk.user_id(name) for name in demo.PEOPLE]
    approved = {desk.user_id(name) for name in ("alice", "bob", "carol", "dave")}
    assert approved_users("fd1", users) == approved
    assert approved_users("fd1", users[:1] * 3) == {users[0]}
    assert approved_users("hr", users) == set()
    assert approved_users("fd1", []) == set()

    api.call("PATCH", f"{ITEMS}/fd1", {"linked_tools_token_id": demo.identifier("tools", "hr")}, token=desk.fd1)
    assert (approved_users("fd1", users), approved_users("hr", users)) == (set(), approved)
    api.call("PATCH", f"{ITEMS}/fd1", {"linked_tools_token_id": None}, token=desk.fd1)
    assert approved_users("hr", users) == set()
    api.call("PATCH", f"{ITEMS}/fd1", {"linked_tools_token_id": demo.identifier("tools", "fd1")}, token=desk.fd1)
    api.call("DELETE", f"{ITEMS}/fd1", token=desk.fd1)
    assert approved_users("fd1", users) == approved, "an archived item's approvals still count"


def test_approved_users_are_found_among_many_users_and_items(api: Api, desk: Desk) -> None:
    for number in range(3):
        create(api, desk, f"more-{number}", linked_tools_token_id=demo.identifier("tools", "fd1"))
    assign(api, desk, "more-1", "erin")
    users = [*(inputs.uuid(number) for number in range(120)), desk.user_id("erin"), desk.user_id("bob")]
    assert approving_items("fd1", users) == {
        desk.user_id("erin"): "more-1",
        desk.user_id("bob"): "fd1",
    }


# Delete


def test_archiving_again_reports_already_archived(api: Api, desk: Desk) -> None:
    first = api.call("DELETE", f"{ITEMS}/fd1", token=desk.fd1)
    assert first.status == 200
    assert (first.json["ok"], first.json["mode"], first.json["slug"]) == (True, "soft", "fd1")
    assert first.json["already_archived"] is False
    assert first.json["item"]["archived_at"] is not None
    again = api.call("DELETE", f"{ITEMS}/fd1?hard=false", token=desk.fd1)
    assert (again.status, again.json["already_archived"]) == (200, True)
    assert again.json["item"] == first.json["item"]
    assert "fd1" not in slugs(api.get(ITEMS, desk.fd1))
    assert "fd1" in slugs(api.get(f"{ITEMS}?active_only=false", desk.fd1))


def test_removal_is_refused_with_the_counts_of_dependents(api: Api, desk: Desk) -> None:
    refused = api.call("DELETE", f"{ITEMS}/fd1?hard=true", token=desk.fd1)
    assert (refused.status, refused.json["code"]) == (409, "catalog_item_in_use")
    assert refused.json["blockers"] == {"liveApprovals": 4, "liveAssets": 4, "liveTokens": 2}
    pending = api.call("DELETE", f"{ITEMS}/network-vpn-access?hard=true", token=desk.fd1)
    assert pending.json["blockers"] == {"liveApprovals": 1, "liveAssets": 0, "liveTokens": 0}
    assert api.get(f"{ITEMS}/fd1", desk.fd1).status == 200

    for left, name in enumerate(("alice", "bob", "carol"), 1):
        revoke(api, desk, "fd1", name)
        refused = api.call("DELETE", f"{ITEMS}/fd1?hard=true", token=desk.fd1)
        tokens = max(0, 2 - left)
        assert refused.json["blockers"] == {"liveApprovals": 4 - left, "liveAssets": 4 - left, "liveTokens": tokens}
    revoke(api, desk, "fd1", "dave")
    removed = api.call("DELETE", f"{ITEMS}/fd1?hard=true", token=desk.fd1)
    assert (removed.status, removed.json["mode"], removed.json["item"]) == (200, "hard", None)
    assert api.get(f"{ITEMS}/fd1", desk.fd1).status == 404
    assert api.call("DELETE", f"{ITEMS}/fd1?hard=true", token=desk.fd1).status == 404
    assert "fd1" not in slugs(api.get(f"{ITEMS}?active_only=false", desk.fd1))


def test_removed_item_frees_its_slug(api: Api, desk: Desk) -> None:
    removed = api.call("DELETE", f"{ITEMS}/legacy-wiki?hard=true", token=desk.fd1)
    assert (removed.status, removed.json["already_archived"]) == (200, True)
    create(api, desk, "legacy-wiki")


def test_new_item_with_a_freed_slug_starts_without_history(api: Api, desk: Desk) -> None:
    linked = {"linked_tools_token_id": demo.identifier("tools", "hr")}
    create(api, desk, "x", **linked)
    assign(api, desk, "x", "erin")
    revoke(api, desk, "x", "erin")
    assert api.call("DELETE", f"{ITEMS}/x?hard=true", token=desk.fd1).status == 200
    assign_again = api.post(APPROVALS, {"email": "erin@example.com", "catalog_slug": "x"}, desk.fd1)
    assert assign_again.status == 404
    create(api, desk, "x", **linked)
    assert approved_users("hr", [desk.user_id("erin")]) == set()
    assign(api, desk, "x", "erin")
    assert approved_users("hr", [desk.user_id("erin")]) == {desk.user_id("erin")}
    refused = api.call("DELETE", f"{ITEMS}/x?hard=true", token=desk.fd1)
    assert refused.json["blockers"] == {"liveApprovals": 1, "liveAssets": 1, "liveTokens": 0}


def test_item_with_an_approval_is_never_removed(api: Api, desk: Desk) -> None:
    for round_ in range(6):
        slug = f"race-{round_}"
        create(api, desk, slug, linked_tools_token_id=demo.identifier("tools", "fd1"))
        body = {"email": "erin@example.com", "catalog_slug": slug}
        calls: list[tuple[str, str, Any]] = [("DELETE", f"{ITEMS}/{slug}?hard=true", None), ("POST", APPROVALS, body)]
        removed, assigned = at_once(api, desk, calls)
        assert (removed, assigned) in ((200, 404), (409, 201))
        assert api.get(f"{ITEMS}/{slug}", desk.fd1).status == (404 if removed == 200 else 200)


def test_one_of_concurrent_removals_succeeds(api: Api, desk: Desk) -> None:
    create(api, desk, "gone")
    statuses = run_concurrently(6, lambda _: api.call("DELETE", f"{ITEMS}/gone?hard=true", token=desk.fd1).status)
    assert sorted(statuses) == [200] + [404] * 5


# Idempotency keys


def test_repeated_call_returns_the_first_reply_and_changes_nothing(api: Api, desk: Desk) -> None:
    body = {"slug": "k", "name": "K", "type": "other", "use_cases": [1e22, "é\u2028"]}
    created = api.post(ITEMS, body, desk.fd1, key="create")
    assert replayed(created, api.post(ITEMS, body, desk.fd1, key="create"))
    patch = {"name": "L"}
    updated = api.call("PATCH", f"{ITEMS}/k", patch, token=desk.fd1, key="patch")
    api.call("PATCH", f"{ITEMS}/k", {"name": "M"}, token=desk.fd1)
    assert replayed(updated, api.call("PATCH", f"{ITEMS}/k", patch, token=desk.fd1, key="patch"))
    assert api.get(f"{ITEMS}/k", desk.fd1).json["item"]["name"] == "M"
    archived = api.call("DELETE", f"{ITEMS}/k", token=desk.fd1, key="soft")
    assert replayed(archived, api.call("DELETE", f"{ITEMS}/k", token=desk.fd1, key="soft"))
    again = api.call("DELETE", f"{ITEMS}/k", token=desk.fd1, key="soft-again")
    assert again.json["already_archived"] is True
    removed = api.call("DELETE", f"{ITEMS}/k?hard=true", token=desk.fd1, key="hard")
    assert replayed(removed, api.call("DELETE", f"{ITEMS}/k?hard=true", token=desk.fd1, key="hard"))
    assert replayed(updated, api.call("PATCH", f"{ITEMS}/k", patch, token=desk.fd1, key="patch"))


def test_another_body_or_other_parameters_under_the_same_key_are_a_conflict(api: Api, desk: Desk) -> None:
    body = {"slug": "k", "name": "K", "type": "other"}
    api.post(ITEMS, body, desk.fd1, key="k")
    api.call("PATCH", f"{ITEMS}/k", {"name": "L"}, token=desk.fd1, key="k")
    api.call("DELETE", f"{ITEMS}/k", token=desk.fd1, key="k")
    for refused in (
        api.post(ITEMS, body | {"name": "Other"}, desk.fd1, key="k"),
        api.call("PATCH", f"{ITEMS}/k", {"name": "M"}, token=desk.fd1, key="k"),
        api.call("DELETE", f"{ITEMS}/k?hard=true", token=desk.fd1, key="k"),
    ):
        assert (refused.status, refused.json["code"]) == (409, "idempotency_conflict")
    assert api.get(f"{ITEMS}?active_only=false&limit=200", desk.fd1).text.count('"slug":"k"') == 1


def test_concurrent_calls_under_one_key_create_once(api: Api, desk: Desk) -> None:
    body = {"slug": "once", "name": "Once", "type": "other"}
    replies = run_concurrently(6, lambda _: api.post(ITEMS, body, desk.fd1, key="k"))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1


def test_refused_removal_stores_no_reply(api: Api, desk: Desk) -> None:
    create(api, desk, "k")
    assign(api, desk, "k", "erin")
    path = f"{ITEMS}/k?hard=true"
    assert api.call("DELETE", path, token=desk.fd1, key="k").status == 409
    revoke(api, desk, "k", "erin")
    assert api.call("DELETE", path, token=desk.fd1, key="k").status == 200


# Store calls


def test_store_calls_by_operation(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        api.get(ITEMS, desk.fd1)
        new = {"name": "New", "type": "other"}
        linked = {"linked_tools_token_id": demo.identifier("tools", "fd1"), "contact_user_id": desk.user_id("bob")}
        write = "TransactWriteItems"
        assert api.get(ITEMS, desk.fd1).calls == [SPEND, "Query", "BatchGetItem"]
        assert api.get(f"{ITEMS}?category=none", desk.fd1).calls == [SPEND, "Query"]
        assert api.get(f"{ITEMS}/fd1", desk.fd1).calls == [SPEND, "GetItem"]
        assert api.post(ITEMS, new | {"slug": "a"}, desk.fd1).calls == [SPEND, TRANSACTION]
        assert api.post(ITEMS, new | {"slug": "b"}, desk.fd1, key="k").calls == [SPEND, write]
        assert api.post(ITEMS, new | linked | {"slug": "c"}, desk.fd1).calls == [
            SPEND,
            "GetItem",
            "BatchGetItem",
            write,
        ]
        path = f"{ITEMS}/a"
        assert api.call("PATCH", path, {"name": "A"}, token=desk.fd1).calls == [SPEND, "GetItem", TRANSACTION]
        assert api.call("PATCH", path, {}, token=desk.fd1).calls == [SPEND, "GetItem"]
        assert api.call("PATCH", path, {"name": "A"}, token=desk.fd1, key="k").calls == [SPEND, "GetItem", write]
        assert api.call("DELETE", path, token=desk.fd1).calls == [SPEND, "GetItem", TRANSACTION]
        assert api.call("DELETE", path, token=desk.fd1).calls == [SPEND, "GetItem"]
        assert api.call("DELETE", f"{path}?hard=true", token=desk.fd1).calls == [SPEND, "GetItem", TRANSACTION]
        assert api.call("DELETE", f"{ITEMS}/c?hard=true", token=desk.fd1).calls == [SPEND, "GetItem", write]
        blocked = api.call("DELETE", f"{ITEMS}/fd1?hard=true", token=desk.fd1)
        assert blocked.calls == [SPEND, "GetItem", write, "Query", "BatchGetItem"]
        assert api.post(ITEMS, new, desk.hr).calls == [SPEND] * 2, "the first call of its day, and no more"


def test_address_of_an_item_that_would_sign_its_reader_in_is_refused(api: Api, desk: Desk) -> None:
    body = {"slug": "wiki", "name": "Wiki", "type": "other", "url": "https://desk.example.com/#key=dvd_abc"}
    refused = api.post(ITEMS, body, desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, ["url"])
    create(api, desk, "wiki", url="https://wiki.example.com/#key-points")
    patched = api.call("PATCH", f"{ITEMS}/wiki", {"url": "http://desk/#key=x"}, token=desk.fd1)
    assert (patched.status, list(patched.json["fieldErrors"])) == (400, ["url"])
