"""The catalog and its approvals, managed by administrators."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")


def test_administrators_manage_the_catalog_and_its_approvals(api: Api, desk: Desk, audited: Any) -> None:
    items, approvals = f"{ADMIN}/catalog/items", f"{ADMIN}/catalog/approvals"
    made = api.post(items, {"slug": "printer", "name": "Printer", "type": "other"}, desk.alice_key, key="k")
    assert data(made, 201)["slug"] == "printer"
    assert (
        api.post(items, {"slug": "printer", "name": "Printer", "type": "other"}, desk.alice_key, key="k").json
        == made.json
    )
    changed = api.call("PATCH", f"{items}/printer", {"name": "The printer"}, token=desk.alice_key)
    assert data(changed)["name"] == "The printer"
    assert "printer" in [each["slug"] for each in data(api.get(items, desk.alice_key))["items"]]

    carol = {"email": "carol@example.com", "catalogSlug": "printer"}
    assigned = data(api.post(approvals, carol, desk.alice_key), 201)
    assert (assigned["status"], assigned["reviewedByEmail"]) == ("approved", "alice@example.com")
    waiting = data(api.get(f"{approvals}?status=pending", desk.alice_key))["items"]
    verdict = {"requestId": waiting[0]["id"], "decision": "reject", "note": "Not now."}
    assert data(api.post(f"{approvals}/review", verdict, desk.alice_key))["status"] == "rejected"
    path = f"{approvals}?email=carol@example.com&catalogSlug=printer"
    assert data(api.call("DELETE", path, token=desk.alice_key))["revoked"] is True
    assert data(api.call("DELETE", f"{items}/printer?hard=true", token=desk.alice_key))["mode"] == "hard"
    assert [what for what, _ in audited()] == [
        "catalogItem.create",
        "catalogItem.update",
        "approval.assign",
        "approval.reject",
        "approval.revoke",
        "catalogItem.remove",
    ]


def test_a_refused_removal_states_the_counts_beside_the_error(api: Api, desk: Desk) -> None:
    refused = api.call("DELETE", f"{ADMIN}/catalog/items/fd1?hard=true", token=desk.alice_key)
    assert refused.status == 409
    assert (refused.json["success"], refused.json["blockers"]) == (
        False,
        {"liveApprovals": 4, "liveAssets": 4, "liveTokens": 2},
    )
    pending = api.call("DELETE", f"{ADMIN}/catalog/items/network-vpn-access?hard=true", token=desk.alice_key)
    assert pending.json == {
        "success": False,
        "error": pending.json["error"],
        "blockers": {"liveApprovals": 1, "liveAssets": 0, "liveTokens": 0},
    }
