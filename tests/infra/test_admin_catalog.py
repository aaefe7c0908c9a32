"""The admin commands for the catalog and its approvals, from nothing to the first event."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.infra.test_admin import ALICE, BOB, DAVE, done, read, refused
from tests.support import inputs
from tests.support.api import Api

BULK, CLAIM, REQUESTS = "/api/v1/events/bulk", "/api/v1/tokens/claim", "/api/v1/catalog/requests"


@pytest.fixture
def token(desk: Desk) -> str:
    """Return a tools token of the new integrator `ci`, which is linked to the new catalog item `farm`."""
    done("integrators", "create", "ci", "--name", "Build farm")
    made = read("tools-tokens", "create", "--integrator", "ci", "--owner", ALICE, "--admin")
    done("catalog", "create", "farm", "--name", "Build farm", "--integrator", "ci")
    return str(made["token"])


def _publish(api: Api, token: str, email: str) -> Any:
    event = inputs.new_event(event_type="ci.build.failed")
    (row,) = api.post(BULK, {"recipients": [{"type": "email", "email": email}], "event": event}, token).json["results"]
    return row


def test_an_integrator_reaches_an_employee_once_access_is_granted(api: Api, token: str) -> None:
    assert _publish(api, token, BOB)["error"] == "no_approved_request"
    granted = read("approvals", "grant", "farm", BOB, "--by", ALICE)
    assert (granted["status"], granted["reviewedBy"]) == ("approved", ALICE)
    assert _publish(api, token, BOB)["autoClaimed"]
    personal = api.post(CLAIM, {"email": BOB}, token).json["token"]
    assert api.post("/api/v1/events", inputs.new_event(event_type="ci.build.failed"), personal).status == 202


def test_access_is_revoked_with_the_tokens_that_depend_on_it(api: Api, token: str) -> None:
    done("approvals", "grant", "farm", BOB)
    assert _publish(api, token, BOB)["autoClaimed"]
    assert "Ended 1 personal token." in done("approvals", "revoke", "farm", BOB)
    assert _publish(api, token, BOB)["error"] == "no_approved_request"
    assert done("approvals", "revoke", "farm", BOB) == f"{BOB} has no access to farm.\n"
    assert [each["status"] for each in read("approvals", "list", "--item", "farm")] == ["revoked"]


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("reject", "rejected")])
def test_a_request_is_decided_once(api: Api, desk: Desk, token: str, decision: str, status: str) -> None:
    assert api.post(REQUESTS, {"catalog_slug": "farm"}, desk.bob_key).status == 201
    (asked,) = read("approvals", "list", "--status", "pending", "--owner", BOB)
    decided = read("approvals", "review", asked["id"], decision, "--by", DAVE, "--note", "As agreed.")
    assert (decided["status"], decided["reviewedBy"]) == (status, DAVE)
    other = "reject" if decision == "approve" else "approve"
    assert refused("approvals", "review", asked["id"], other) == f"Error: The request was already {status}."


def test_an_item_without_approval_grants_access_to_everybody_who_applies(api: Api, desk: Desk, token: str) -> None:
    done("catalog", "create", "open", "--name", "Open farm", "--integrator", "ci", "--without-approval")
    assert api.post(REQUESTS, {"catalog_slug": "open"}, desk.bob_key).json["status"] == "approved"
    assert _publish(api, token, BOB)["autoClaimed"]


def test_an_item_is_linked_listed_and_archived(api: Api, token: str) -> None:
    done("catalog", "create", "logs", "--name", "Logs", "--type", "server_access")
    assert read("catalog", "link", "logs", "--integrator", "ci")["integrator"] == "ci"
    done("approvals", "grant", "logs", BOB)
    assert _publish(api, token, BOB)["autoClaimed"]
    assert done("catalog", "archive", "logs") == "Archived logs.\n"
    assert "logs" not in {each["slug"] for each in read("catalog", "list")}
    (archived,) = (each for each in read("catalog", "list", "--archived") if each["slug"] == "logs")
    assert archived["archivedAt"]
    assert refused("approvals", "grant", "logs", DAVE) == "Error: Catalog item not found, or archived."


def test_every_approval_is_listed(desk: Desk, token: str) -> None:
    for email in (ALICE, BOB, DAVE):
        done("approvals", "grant", "farm", email)
    assert {each["email"] for each in read("approvals", "list", "--item", "farm")} == {ALICE, BOB, DAVE}


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("catalog", "create", "farm", "--name", "Again"), "Another catalog item has this slug."),
        (("catalog", "create", "No Slug", "--name", "x"), "slug"),
        (("catalog", "create", "x", "--name", "x", "--integrator", "nobody"), "nobody has no enabled tools token."),
        (("catalog", "link", "nothing", "--integrator", "ci"), "Catalog item not found"),
        (("catalog", "archive", "nothing"), "Catalog item not found"),
        (("approvals", "grant", "nothing", BOB), "Catalog item not found, or archived."),
        (("approvals", "grant", "farm", "nobody@example.com"), "Employee not found."),
        (("approvals", "grant", "farm", BOB, "--by", "nobody@example.com"), "nobody@example.com"),
        (("approvals", "review", "2c9d2b6e-93a5-5b52-9c69-0e3c3f5c4a11", "approve"), "Access request not found."),
    ],
)
def test_what_breaks_a_rule_is_refused(token: str, args: tuple[str, ...], error: str) -> None:
    before = read("catalog", "list", "--archived"), read("approvals", "list")
    assert error in refused(*args)
    assert (read("catalog", "list", "--archived"), read("approvals", "list")) == before
