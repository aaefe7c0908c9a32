"""Approvals: request, review, assign and revoke them, and the tokens that end with them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chalicelib import aws
from chalicelib.catalog.domain.approvals import ApprovalImpact, ApprovalIn
from chalicelib.catalog.services import approvals
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import approval_check
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.items import from_item, to_item, values
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import TokenKind, mint_token
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, TOKENS
from chalicelib.tokens.domain.tokens import KeyGrant, grant_id
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra import demo
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.approvals import approved_users
from tests.support.concurrency import run_concurrently

ITEMS, APPROVALS = "/api/v1/catalog/items", "/api/v1/catalog/approvals"
REVIEW, REQUESTS = f"{APPROVALS}/review", "/api/v1/catalog/requests"
EVENTS = "/api/v1/events"
SPEND = "UpdateItem"


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_TOOLS_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def pair(name: str, slug: str = "fd1") -> dict[str, str]:
    return {"email": f"{name}@example.com", "catalog_slug": slug}


def create(api: Api, desk: Desk, slug: str, **members: Any) -> None:
    made = api.post(ITEMS, {"slug": slug, "name": slug, "type": "other"} | members, desk.fd1)
    assert made.status == 201, made.text


def linked(slug: str) -> dict[str, str]:
    return {"linked_tools_token_id": demo.identifier("tools", slug)}


def key_of(desk: Desk, name: str, *permissions: str) -> str:
    """A new `dvd_` key of an employee."""
    token = mint_token(TokenKind.KEY)
    grant = KeyGrant(str(uuid4()), desk.user_id(name), "test", token.visible_prefix, frozenset(permissions or ("all",)))
    DynamoTokens().add_key(grant, token, now=datetime.now(UTC))
    return token.text


def assign(api: Api, desk: Desk, name: str, slug: str = "fd1") -> Any:
    made = api.post(APPROVALS, pair(name, slug), desk.fd1)
    assert made.status == 201, made.text
    return made.json


def revoke(api: Api, desk: Desk, name: str, slug: str = "fd1") -> tuple[bool, int]:
    reply = api.call("DELETE", APPROVALS, pair(name, slug), token=desk.fd1)
    assert reply.status == 200, reply.text
    return reply.json["revoked"], reply.json["tokensInvalidated"]


def rows(api: Api, desk: Desk, filters: str = "") -> list[tuple[str, str, str]]:
    page = api.get(f"{APPROVALS}?{filters}", desk.fd1).json
    assert page["nextCursor"] is None
    return [(each["email"].partition("@")[0], each["catalogSlug"], each["status"]) for each in page["items"]]


def counts(slug: str) -> tuple[int, int]:
    key = to_item({"pk": f"ITEM#{slug}", "sk": "ITEM"})
    row = from_item(dict(aws.dynamodb().get_item(TableName=CATALOG.physical_name, Key=key)["Item"]))
    return int(row["liveApprovals"]), int(row["liveAssets"])


def replayed(first: Answer, again: Answer) -> bool:
    same = (again.status, again.text) == (first.status, first.text)
    return same and again.headers.get("idempotent-replayed") == "true"


def publishes(api: Api, token: str) -> bool:
    return api.post(EVENTS, inputs.new_event(), token).status == 202


# List


def test_demo_organisations_approvals_are_listed(api: Api, desk: Desk) -> None:
    assert sorted(rows(api, desk)) == [
        ("alice", "fd1", "approved"),
        ("bob", "fd1", "approved"),
        ("carol", "fd1", "approved"),
        ("dave", "fd1", "approved"),
        ("erin", "network-vpn-access", "pending"),
    ]


def test_filters_combine(api: Api, desk: Desk) -> None:
    assign(api, desk, "alice", "design-suite")
    revoke(api, desk, "alice")
    assert sorted(rows(api, desk, "email=alice@example.com")) == [
        ("alice", "design-suite", "approved"),
        ("alice", "fd1", "revoked"),
    ]
    assert rows(api, desk, "email=ALICE@Example.com&catalog_slug=fd1") == [("alice", "fd1", "revoked")]
    assert rows(api, desk, "email=alice@example.com&status=approved") == [("alice", "design-suite", "approved")]
    assert rows(api, desk, "email=alice@example.com&status=approved&catalog_slug=fd1") == []
    assert rows(api, desk, "catalog_slug=fd1&status=revoked") == [("alice", "fd1", "revoked")]
    assert {name for name, _, _ in rows(api, desk, "catalog_slug=fd1")} == {"alice", "bob", "carol", "dave"}
    assert rows(api, desk, "status=pending") == [("erin", "network-vpn-access", "pending")]
    assert rows(api, desk, "status=rejected") == []
    assert rows(api, desk, "email=nobody@example.com") == rows(api, desk, "catalog_slug=nothing") == []
    assert rows(api, desk, "catalog_slug=Not a slug") == []


@pytest.mark.parametrize("query", ["status=maybe", "email=alice", "limit=0", "limit=1001", "cursor=x", "slug=fd1"])
def test_parameter_outside_its_range_is_refused(api: Api, desk: Desk, query: str) -> None:
    refused = api.get(f"{APPROVALS}?{query}", desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize("filters", ["", "catalog_slug=many&", "email=erin@example.com&", "status=approved&"])
def test_pages_contain_every_approval_once(api: Api, desk: Desk, filters: str) -> None:
    create(api, desk, "many")
    with time_machine.travel(datetime(2026, 5, 21, tzinfo=UTC), tick=False) as clock:
        for name in ("alice", "bob", "carol", "erin"):
            assign(api, desk, name, "many")
            clock.shift(1)
        assign(api, desk, "erin", "design-suite")
    whole = rows(api, desk, filters)
    assert len(set(whole)) == len(whole)
    found, cursor = [], ""
    while True:
        page = api.get(f"{APPROVALS}?{filters}limit=2{cursor}", desk.fd1).json
        found += [(each["email"].partition("@")[0], each["catalogSlug"], each["status"]) for each in page["items"]]
        if page["nextCursor"] is None:
            break
        assert len(page["items"]) == 2
        cursor = f"&cursor={page['nextCursor']}"
        assert api.get(f"{APPROVALS}?status=rejected{cursor}", desk.fd1).status == 400
    assert found == whole
    if "catalog_slug" not in filters:
        times = [each["requestedAt"] for each in api.get(f"{APPROVALS}?{filters}", desk.fd1).json["items"]]
        assert times == sorted(times, reverse=True)


# Assign


def test_assigning_approves_and_names_the_reviewer(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        made = api.post(APPROVALS, pair("erin") | {"email": "Erin@Example.COM"}, desk.fd1)
    assert made.status == 201
    assert made.json | {"id": ""} == {
        "id": "",
        "email": "erin@example.com",
        "catalogSlug": "fd1",
        "status": "approved",
        "requestedAt": "2026-05-21T12:00:00.000Z",
        "reviewedAt": "2026-05-21T12:00:00.000Z",
        "reviewedByEmail": "alice@example.com",
    }
    assert made.headers["x-request-id"]
    assert counts("fd1") == (5, 5)
    assert desk.user_id("erin") in approved_users("fd1", [desk.user_id("erin")])


def test_assigning_twice_gives_the_same_row(api: Api, desk: Desk) -> None:
    first = assign(api, desk, "erin")
    assert assign(api, desk, "erin") == first
    assert api.post(APPROVALS, pair("erin"), desk.fd1, key="k").json == first
    assert counts("fd1") == (5, 5)


def test_inactive_employee_can_be_assigned(api: Api, desk: Desk) -> None:
    assert assign(api, desk, "dave", "design-suite")["status"] == "approved"


@pytest.mark.parametrize(
    "body",
    [
        pair("nobody"),
        pair("erin", "nothing"),
        pair("erin", "legacy-wiki"),
        pair("erin", "Not a slug"),
    ],
)
def test_assigning_an_unknown_item_or_employee_is_not_found(api: Api, desk: Desk, body: dict[str, str]) -> None:
    assert api.post(APPROVALS, body, desk.fd1).status == 404
    assert len(rows(api, desk)) == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"catalog_slug": "fd1"}, "email"),
        ({"email": "erin@example.com"}, "catalog_slug"),
        (pair("erin") | {"email": "erin"}, "email"),
        (pair("erin") | {"email": None}, "email"),
        (pair("erin", ""), "catalog_slug"),
        (pair("erin", "s" * 81), "catalog_slug"),
        (pair("erin") | {"note": "x"}, "note"),
    ],
)
def test_invalid_member_is_refused(api: Api, desk: Desk, body: Any, field: str) -> None:
    for method in ("POST", "DELETE"):
        refused = api.call(method, APPROVALS, body, token=desk.fd1)
        assert (refused.status, list(refused.json["fieldErrors"])) == (400, [field])


def test_concurrent_assignments_make_one_row(api: Api, desk: Desk) -> None:
    replies = run_concurrently(8, lambda _: api.post(APPROVALS, pair("erin"), desk.fd1))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert counts("fd1") == (5, 5)


# Revoke


def test_revoking_ends_the_personal_token_at_once(api: Api, desk: Desk) -> None:
    assert publishes(api, desk.bob)
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        assert revoke(api, desk, "bob") == (True, 1)
    refused = api.post(EVENTS, inputs.new_event(), desk.bob)
    assert (refused.status, refused.json["detail"]) == (401, "The token has been revoked.")
    assert publishes(api, desk.alice)
    assert counts("fd1") == (3, 3)
    (row,) = api.get(f"{APPROVALS}?email=bob@example.com", desk.fd1).json["items"]
    assert (row["status"], row["reviewedAt"]) == ("revoked", "2026-05-21T12:00:00.000Z")
    assert revoke(api, desk, "bob") == (False, 0)
    assert counts("fd1") == (3, 3)


def test_revoking_an_approval_without_a_token_ends_no_token(api: Api, desk: Desk) -> None:
    assert revoke(api, desk, "carol") == (True, 0)
    assign(api, desk, "carol", "design-suite")
    assert revoke(api, desk, "carol", "design-suite") == (True, 0)
    assert publishes(api, desk.alice)


@pytest.mark.parametrize(
    "body", [pair("nobody"), pair("erin"), pair("erin", "nothing"), pair("erin", "Not a slug"), pair("bob", "hr")]
)
def test_revoking_a_missing_approval_changes_nothing(api: Api, desk: Desk, body: dict[str, str]) -> None:
    for key in (None, "k"):
        reply = api.call("DELETE", APPROVALS, body, token=desk.fd1, key=key)
        assert (reply.status, reply.json["revoked"], reply.json["tokensInvalidated"]) == (200, False, 0)
    assert replayed(reply, api.call("DELETE", APPROVALS, body, token=desk.fd1, key="k"))


def test_revoking_leaves_a_pending_request_pending(api: Api, desk: Desk) -> None:
    assert revoke(api, desk, "erin", "network-vpn-access") == (False, 0)
    assert rows(api, desk, "email=erin@example.com") == [("erin", "network-vpn-access", "pending")]


@pytest.mark.parametrize("status", ["revoked", "disabled", "expired"])
def test_unusable_token_is_not_counted_and_cannot_be_enabled_again(api: Api, desk: Desk, status: str) -> None:
    grant = grant_id("fd1", desk.user_id("bob"))
    change = {"expiresAt": 1} if status == "expired" else {"status": status}
    ((name, value),) = change.items()
    aws.dynamodb().update_item(
        TableName=TOKENS.physical_name,
        Key=to_item({"pk": f"PERSONAL#{grant}"}),
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues=values(value=value),
    )
    assert revoke(api, desk, "bob") == (True, 0)
    row = aws.dynamodb().get_item(TableName=TOKENS.physical_name, Key=to_item({"pk": f"PERSONAL#{grant}"}))["Item"]
    assert row["status"]["S"] == "revoked"


def test_token_stays_as_long_as_another_item_of_the_integrator_is_approved(api: Api, desk: Desk) -> None:
    create(api, desk, "fd1-extra", **linked("fd1"))
    create(api, desk, "hr-portal", **linked("hr"))
    assign(api, desk, "bob", "fd1-extra")
    assign(api, desk, "bob", "hr-portal")
    assert revoke(api, desk, "bob", "hr-portal") == (True, 0)
    assert revoke(api, desk, "bob") == (True, 0)
    assert publishes(api, desk.bob)
    assert revoke(api, desk, "bob", "fd1-extra") == (True, 1)
    assert not publishes(api, desk.bob)


def test_revoking_ends_tokens_of_integrators_that_the_item_was_linked_to_before(api: Api, desk: Desk) -> None:
    api.call("PATCH", f"{ITEMS}/fd1", linked("hr"), token=desk.fd1)
    token = desk.personal(
        grant_id=grant_id("hr", desk.user_id("bob")), integrator="hr", event_prefix="hr.", user_id=desk.user_id("bob")
    )
    api.call("PATCH", f"{ITEMS}/fd1", {"linked_tools_token_id": None}, token=desk.fd1)
    assert revoke(api, desk, "bob") == (True, 2)
    assert api.get(f"{EVENTS}/x", token).status == api.get(f"{EVENTS}/x", desk.bob).status == 401


def test_revoking_works_on_an_archived_item(api: Api, desk: Desk) -> None:
    api.call("DELETE", f"{ITEMS}/fd1", token=desk.fd1)
    assert publishes(api, desk.bob)
    assert revoke(api, desk, "bob") == (True, 1)
    assert not publishes(api, desk.bob)


def test_revocation_accepts_query_parameters(api: Api, desk: Desk) -> None:
    query = "email=BOB@example.com&catalog_slug=fd1"
    reply = api.call("DELETE", f"{APPROVALS}?{query}", token=desk.fd1, key="k")
    assert (reply.status, reply.json["tokensInvalidated"]) == (200, 1)
    assert replayed(reply, api.call("DELETE", f"{APPROVALS}?{query}", token=desk.fd1, key="k"))
    other = api.call("DELETE", f"{APPROVALS}?email=carol@example.com&catalog_slug=fd1", token=desk.fd1, key="k")
    assert (other.status, other.json["code"]) == (409, "idempotency_conflict")
    both = api.call("DELETE", f"{APPROVALS}?{query}", pair("bob"), token=desk.fd1)
    assert (both.status, both.json["revoked"]) == (200, False)
    partly = api.call("DELETE", f"{APPROVALS}?catalog_slug=fd1", pair("carol"), token=desk.fd1)
    assert partly.json["revoked"] is True


@pytest.mark.parametrize(
    ("query", "body", "fields"),
    [
        ("", None, ["email", "catalog_slug"]),
        ("?email=bob@example.com", None, ["catalog_slug"]),
        ("?catalog_slug=fd1", None, ["email"]),
        ("?email=bob&catalog_slug=fd1", None, ["email"]),
        ("?email=bob@example.com&catalog_slug=", None, ["catalog_slug"]),
        ("?email=alice@example.com", pair("bob"), ["email"]),
        ("?email=bob@example.com&catalog_slug=hr", pair("bob"), ["catalog_slug"]),
        ("?reason=x", pair("bob"), ["reason"]),
    ],
)
def test_incomplete_or_contradictory_revocation_is_refused(
    api: Api, desk: Desk, query: str, body: Any, fields: list[str]
) -> None:
    refused = api.call("DELETE", f"{APPROVALS}{query}", body, token=desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, fields)
    assert publishes(api, desk.bob)


@pytest.mark.parametrize("raw", ["{", "[]", "null", '"x"', "{}"])
def test_malformed_revocation_body_is_refused_with_any_query(api: Api, desk: Desk, raw: str) -> None:
    path = f"{APPROVALS}?email=bob@example.com&catalog_slug=fd1"
    assert api.call("DELETE", path, raw=raw, token=desk.fd1).status == 400
    assert publishes(api, desk.bob)


def test_one_of_concurrent_revocations_succeeds(api: Api, desk: Desk) -> None:
    replies = run_concurrently(6, lambda _: revoke(api, desk, "bob"))
    assert sorted(replies) == [(False, 0)] * 5 + [(True, 1)]
    assert counts("fd1") == (3, 3)


def test_token_ends_when_all_its_approvals_are_revoked(api: Api, desk: Desk) -> None:
    create(api, desk, "fd1-extra", **linked("fd1"))
    assign(api, desk, "bob", "fd1-extra")
    assign(api, desk, "alice", "fd1-extra")
    pairs = [(name, slug) for name in ("bob", "alice") for slug in ("fd1", "fd1-extra")]
    replies = run_concurrently(4, lambda number: revoke(api, desk, *pairs[number]))
    assert sorted(replies) == [(True, 0), (True, 0), (True, 1), (True, 1)]
    assert not publishes(api, desk.bob)
    assert not publishes(api, desk.alice)


def test_counts_stay_correct_under_opposite_calls(api: Api, desk: Desk) -> None:
    methods = ("POST", "DELETE") * 6
    statuses = run_concurrently(12, lambda number: api.status(methods[number], APPROVALS, pair("erin"), desk.fd1))
    assert set(statuses) <= {200, 201}
    ((_, _, status),) = rows(api, desk, "email=erin@example.com&catalog_slug=fd1")
    assert counts("fd1") == ((5, 5) if status == "approved" else (4, 4))


def test_approval_can_be_a_condition_of_a_transaction(api: Api, desk: Desk) -> None:
    put = {
        "Put": {"TableName": CATALOG.physical_name, "Item": to_item({"pk": "X", "sk": "X"})},
    }
    condition = approval_check("fd1", desk.user_id("bob"))
    commit([condition, put], claim=None, reply={})
    revoke(api, desk, "bob")
    for each in (condition, approval_check("fd1", desk.user_id("erin")), approval_check("x", "y")):
        with pytest.raises(Refused):
            commit([each, put], claim=None, reply={})


def test_token_claimed_during_a_revocation_ends_with_the_approval(api: Api, desk: Desk) -> None:
    """As the claim does it: the token is written on the condition that its owner is approved."""
    carol = desk.user_id("carol")
    condition = approval_check("fd1", carol)
    grant = {"pk": f"PERSONAL#{grant_id('fd1', carol)}", "status": "active"}
    put = {"Put": {"TableName": TOKENS.physical_name, "Item": to_item(grant)}}

    class Overtaken(DynamoApprovals):
        looks = 0

        def find_impact(self, slug: str, user_id: str, *, now: datetime) -> ApprovalImpact | None:
            found = super().find_impact(slug, user_id, now=now)
            self.looks += 1
            if self.looks == 1:
                commit([condition, put], claim=None, reply={})
            return found

    done = approvals.revoke(
        ApprovalIn(email="carol@example.com", catalog_slug="fd1"),
        reviewer_id=desk.user_id("alice"),
        context=RequestContext("req_1", datetime.now(UTC)),
        approvals=(overtaken := Overtaken()),
        people=DynamoDirectory(),
    )
    assert (done.revoked, done.tokens_invalidated, overtaken.looks) == (True, 1, 2)
    with pytest.raises(Refused):
        commit([condition, put], claim=None, reply={})


# Apply and review


def test_employee_requests_access_and_administrator_approves(api: Api, desk: Desk) -> None:
    erin = key_of(desk, "erin")
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        asked = api.post(REQUESTS, {"catalog_slug": "fd1", "note": "For the release."}, erin)
        assert asked.status == 201
        assert asked.json | {"id": ""} == {
            "id": "",
            "email": "erin@example.com",
            "catalogSlug": "fd1",
            "status": "pending",
            "requestedAt": "2026-05-21T12:00:00.000Z",
            "reviewedAt": None,
            "reviewedByEmail": None,
        }
        assert counts("fd1") == (5, 4)
        assert approved_users("fd1", [desk.user_id("erin")]) == set()
        clock.shift(60)
        body = {"request_id": asked.json["id"], "decision": "approve", "note": "Welcome."}
        decided = api.post(REVIEW, body, desk.fd1)
    assert decided.status == 200
    assert decided.json == asked.json | {
        "status": "approved",
        "reviewedAt": "2026-05-21T12:01:00.000Z",
        "reviewedByEmail": "alice@example.com",
    }
    assert counts("fd1") == (5, 5)
    assert approved_users("fd1", [desk.user_id("erin")]) == {desk.user_id("erin")}
    assert api.post(REVIEW, body, desk.fd1).json == decided.json


def test_rejected_request_can_be_repeated(api: Api, desk: Desk) -> None:
    erin = key_of(desk, "erin")
    asked = api.post(REQUESTS, {"catalog_slug": "fd1"}, erin).json
    body = {"request_id": asked["id"].upper(), "decision": "reject"}
    assert api.post(REVIEW, body, desk.fd1).json["status"] == "rejected"
    assert api.post(REVIEW, body, desk.fd1).status == 200
    refused = api.post(REVIEW, body | {"decision": "approve"}, desk.fd1)
    assert (refused.status, refused.json["code"]) == (409, "conflict")
    assert counts("fd1") == (4, 4)
    again = api.post(REQUESTS, {"catalog_slug": "fd1"}, erin)
    assert (again.status, again.json["status"], again.json["id"]) == (201, "pending", asked["id"])
    assert again.json["reviewedAt"] is None
    assert counts("fd1") == (5, 4)


def test_requesting_twice_returns_the_same_request(api: Api, desk: Desk) -> None:
    erin = key_of(desk, "erin")
    first = api.post(REQUESTS, {"catalog_slug": "fd1"}, erin).json
    assert api.post(REQUESTS, {"catalog_slug": "fd1", "note": "Please."}, erin).json == first
    replies = run_concurrently(6, lambda _: api.post(REQUESTS, {"catalog_slug": "design-suite"}, erin))
    assert sorted({reply.status for reply in replies}) in ([201], [201, 409])
    assert counts("fd1") == (5, 4)
    assert counts("design-suite") == (1, 1)


def test_item_without_review_is_approved_at_once(api: Api, desk: Desk) -> None:
    made = api.post(REQUESTS, {"catalog_slug": "design-suite"}, desk.bob_key).json
    assert (made["status"], made["reviewedByEmail"]) == ("approved", None)
    assert made["reviewedAt"] is not None


def test_requesting_an_approved_item_is_a_conflict(api: Api, desk: Desk) -> None:
    assert api.post(REQUESTS, {"catalog_slug": "fd1"}, desk.bob_key).status == 409
    revoke(api, desk, "bob")
    assert api.post(REQUESTS, {"catalog_slug": "fd1"}, desk.bob_key).json["status"] == "pending"


@pytest.mark.parametrize("slug", ["nothing", "legacy-wiki", "Not a slug"])
def test_requesting_an_unknown_or_archived_item_is_not_found(api: Api, desk: Desk, slug: str) -> None:
    assert api.post(REQUESTS, {"catalog_slug": slug}, desk.bob_key).status == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"catalog_slug": None}, {"catalog_slug": "fd1", "note": None}, {"catalog_slug": "fd1", "note": "n" * 501}],
)
def test_invalid_request_is_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.post(REQUESTS, body, desk.bob_key).status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "approve"}, "request_id"),
        ({"request_id": inputs.uuid(1)}, "decision"),
        ({"request_id": "x", "decision": "approve"}, "request_id"),
        ({"request_id": inputs.uuid(1), "decision": "maybe"}, "decision"),
        ({"request_id": inputs.uuid(1), "decision": "approve", "note": "n" * 501}, "note"),
        ({"request_id": inputs.uuid(1), "decision": "approve", "note": None}, "note"),
    ],
)
def test_invalid_review_is_refused(api: Api, desk: Desk, body: Any, field: str) -> None:
    refused = api.post(REVIEW, body, desk.fd1)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [field])


def test_reviewing_an_unknown_request_is_not_found(api: Api, desk: Desk) -> None:
    assert api.post(REVIEW, {"request_id": inputs.uuid(1), "decision": "approve"}, desk.fd1).status == 404


def test_only_employees_request_access(api: Api, desk: Desk) -> None:
    for token in (desk.fd1, desk.hr, desk.alice, key_of(desk, "erin", "queue")):
        assert api.post(REQUESTS, {}, token).status == 403
    assert api.post(REQUESTS, {"catalog_slug": "fd1"}, key_of(desk, "erin", "catalog")).status == 201


def test_assigning_approves_a_pending_request(api: Api, desk: Desk) -> None:
    (before,) = api.get(f"{APPROVALS}?email=erin@example.com", desk.fd1).json["items"]
    assigned = assign(api, desk, "erin", "network-vpn-access")
    assert (assigned["id"], assigned["requestedAt"]) == (before["id"], before["requestedAt"])
    assert counts("network-vpn-access") == (1, 1)
    body = {"request_id": before["id"], "decision": "reject"}
    assert api.post(REVIEW, body, desk.fd1).status == 409


def test_requests_for_an_archived_item_can_only_be_rejected(api: Api, desk: Desk) -> None:
    (row,) = api.get(f"{APPROVALS}?email=erin@example.com", desk.fd1).json["items"]
    api.call("DELETE", f"{ITEMS}/network-vpn-access", token=desk.fd1)
    body = {"request_id": row["id"], "decision": "approve"}
    assert api.post(REVIEW, body, desk.fd1).status == 409
    assert api.post(REVIEW, body | {"decision": "reject"}, desk.fd1).json["status"] == "rejected"
    assert api.call("DELETE", f"{ITEMS}/network-vpn-access?hard=true", token=desk.fd1).status == 200


def test_one_of_opposite_concurrent_reviews_wins(api: Api, desk: Desk) -> None:
    (row,) = api.get(f"{APPROVALS}?email=erin@example.com", desk.fd1).json["items"]
    decisions = ("approve", "reject") * 4
    replies = run_concurrently(
        8, lambda number: api.post(REVIEW, {"request_id": row["id"], "decision": decisions[number]}, desk.fd1)
    )
    assert sorted(reply.status for reply in replies) == [200] * 4 + [409] * 4
    ((_, _, status),) = rows(api, desk, "email=erin@example.com")
    assert counts("network-vpn-access") == ((1, 1) if status == "approved" else (0, 0))


# Idempotency keys


def test_repeated_call_returns_the_first_reply_and_changes_nothing(api: Api, desk: Desk) -> None:
    assigned = api.post(APPROVALS, pair("erin"), desk.fd1, key="assign")
    revoked = api.call("DELETE", APPROVALS, pair("erin"), token=desk.fd1, key="revoke")
    assert revoked.json["revoked"] is True
    assert replayed(assigned, api.post(APPROVALS, pair("erin"), desk.fd1, key="assign"))
    assert replayed(revoked, api.call("DELETE", APPROVALS, pair("erin"), token=desk.fd1, key="revoke"))
    erin = key_of(desk, "erin")
    asked = api.post(REQUESTS, {"catalog_slug": "fd1"}, erin, key="ask")
    body = {"request_id": asked.json["id"], "decision": "approve"}
    reviewed = api.post(REVIEW, body, desk.fd1, key="review")
    assert replayed(asked, api.post(REQUESTS, {"catalog_slug": "fd1"}, erin, key="ask"))
    revoke(api, desk, "erin")
    assert replayed(reviewed, api.post(REVIEW, body, desk.fd1, key="review"))
    assert rows(api, desk, "email=erin@example.com&catalog_slug=fd1") == [("erin", "fd1", "revoked")]


def test_another_body_under_the_same_key_is_a_conflict(api: Api, desk: Desk) -> None:
    api.post(APPROVALS, pair("erin"), desk.fd1, key="k")
    api.call("DELETE", APPROVALS, pair("erin"), token=desk.fd1, key="k")
    for refused in (
        api.post(APPROVALS, pair("erin", "design-suite"), desk.fd1, key="k"),
        api.call("DELETE", APPROVALS, pair("bob"), token=desk.fd1, key="k"),
    ):
        assert (refused.status, refused.json["code"]) == (409, "idempotency_conflict")
    assert publishes(api, desk.bob)


def test_concurrent_revocations_under_one_key_revoke_once(api: Api, desk: Desk) -> None:
    replies = run_concurrently(6, lambda _: api.call("DELETE", APPROVALS, pair("bob"), token=desk.fd1, key="k"))
    assert {(reply.status, reply.json["tokensInvalidated"]) for reply in replies} == {(200, 1)}
    assert len({reply.text for reply in replies}) == 1


# The demo organisation


def test_creating_the_demo_organisation_again_keeps_its_approvals(api: Api, desk: Desk) -> None:
    revoke(api, desk, "bob")
    demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {}))
    again = Desk(demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})))
    assert ("bob", "fd1", "revoked") in rows(api, again)
    assert not publishes(api, again.bob)
    assert publishes(api, again.alice)


# Store calls


def calls(reply: Answer) -> list[str]:
    """The reply's store calls; whether one row or several are read at once makes no difference here."""
    return ["get" if name in ("GetItem", "BatchGetItem") else name for name in reply.calls]


def test_store_calls_by_operation(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime.now(UTC).replace(hour=12) + timedelta(days=1), tick=False):
        api.get(ITEMS, desk.fd1)
        api.get("/api/v1/inbox", desk.bob_key)
        create(api, desk, "fd1-extra", **linked("fd1"))
        get, write = "get", "TransactWriteItems"
        assert calls(api.get(APPROVALS, desk.fd1)) == [SPEND, "Query"]
        assert calls(api.get(f"{APPROVALS}?email=bob@example.com&status=approved", desk.fd1)) == [SPEND, "Query"]
        assert calls(api.get(f"{APPROVALS}?catalog_slug=fd1", desk.fd1)) == [SPEND, "Query"]
        assert calls(api.post(APPROVALS, pair("erin"), desk.fd1)) == [SPEND, get, get, get, write]
        assert calls(api.post(APPROVALS, pair("erin"), desk.fd1)) == [SPEND, get, get, get, write]
        assert calls(api.post(APPROVALS, pair("bob", "fd1-extra"), desk.fd1, key="k")) == [SPEND, get, get, get, write]
        parties = [SPEND, get, get, get]
        revoked = api.call("DELETE", APPROVALS, pair("erin"), token=desk.fd1)
        assert calls(revoked) == [*parties, get, get, get, get, write]
        assert calls(api.call("DELETE", APPROVALS, pair("erin"), token=desk.fd1)) == [*parties, get]
        unlinked = api.post(REQUESTS, {"catalog_slug": "design-suite"}, desk.bob_key)
        assert calls(unlinked) == [SPEND, get, get, write]
        revoked = api.call("DELETE", APPROVALS, pair("bob", "design-suite"), token=desk.fd1)
        assert calls(revoked) == [*parties, get, write]
        asked = api.post(REQUESTS, {"catalog_slug": "network-vpn-access"}, desk.bob_key).json
        body = {"request_id": asked["id"], "decision": "reject"}
        assert calls(api.post(REVIEW, body, desk.fd1)) == [SPEND, get, get, get, write]
