"""The catalog as an employee sees it: what they can apply for, and the decisions on their requests."""

from typing import Any

from tests.conftest import Desk
from tests.support.api import Api

CATALOG, ITEMS, REQUESTS = "/api/v2/catalog", "/api/v1/catalog/items", "/api/v1/catalog/requests"


def add(api: Api, desk: Desk, slug: str, **more: Any) -> None:
    item = {"slug": slug, "name": slug.title(), "type": "server_access"} | more
    assert api.post(ITEMS, item, desk.fd1).status == 201


def listed(api: Api, key: str) -> dict[str, Any]:
    reply = api.get(CATALOG, key)
    assert reply.status == 200, reply.text
    return {each["slug"]: each for each in reply.json["data"]}


def test_items_are_listed_with_pinned_ones_first_and_without_archived_ones(api: Api, desk: Desk) -> None:
    before = list(listed(api, desk.bob_key))
    for slug, more in (("b-farm", {}), ("a-farm", {}), ("c-farm", {"is_pinned": True}), ("old", {})):
        add(api, desk, slug, **more)
    assert api.call("DELETE", f"{ITEMS}/old", token=desk.fd1).status == 200
    found = [slug for slug in listed(api, desk.bob_key) if slug not in before]
    assert found == ["c-farm", "a-farm", "b-farm"]


def test_an_employee_sees_their_own_request_and_its_decision(api: Api, desk: Desk) -> None:
    add(api, desk, "farm", application_guide="Say why.")
    item = listed(api, desk.bob_key)["farm"]
    assert (item["access"], item["applicationGuide"], item["approvalRequired"]) == (None, "Say why.", True)
    made = api.post(REQUESTS, {"catalog_slug": "farm", "note": "For builds."}, desk.bob_key)
    access = listed(api, desk.bob_key)["farm"]["access"]
    assert (access["status"], access["note"], access["reviewedAt"]) == ("pending", "For builds.", None)
    assert listed(api, desk.alice_key)["farm"]["access"] is None
    review = {"request_id": made.json["id"], "decision": "reject"}
    assert api.post("/api/v1/catalog/approvals/review", review, desk.fd1).status == 200
    access = listed(api, desk.bob_key)["farm"]["access"]
    assert access["status"] == "rejected"
    assert access["reviewedAt"] is not None


def test_an_item_without_approval_is_granted_at_once(api: Api, desk: Desk) -> None:
    add(api, desk, "wiki", approval_required=False)
    assert api.post(REQUESTS, {"catalog_slug": "wiki"}, desk.bob_key).status == 201
    assert listed(api, desk.bob_key)["wiki"]["access"]["status"] == "approved"
