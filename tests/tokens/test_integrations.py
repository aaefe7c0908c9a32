"""GET and PATCH /api/v2/me/integrations: an employee's view of the tokens that publish to them."""

from datetime import UTC, datetime
from typing import Any

import time_machine

from chalicelib import aws
from chalicelib.ids import TokenKind
from chalicelib.resources import TOKENS
from chalicelib.tokens.stores.grants import DynamoGrants
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api

INTEGRATIONS, EVENTS, CLAIM = "/api/v2/me/integrations", "/api/v1/events", "/api/v1/tokens/claim"
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
ALICE = {"email": "alice@example.com"}


def find(api: Api, key: str, integrator: str = "fd1") -> dict[str, Any]:
    (found,) = [each for each in api.get(INTEGRATIONS, key).json["data"] if each["integrator"] == integrator]
    return dict(found)


def switch(api: Api, key: str, integration_id: str, *, active: bool, idempotency: str | None = None) -> Answer:
    return api.call("PATCH", f"{INTEGRATIONS}/{integration_id}", {"isActive": active}, token=key, key=idempotency)


def publish(api: Api, token: str) -> int:
    return api.post(EVENTS, inputs.new_event(), token).status


def test_employee_sees_label_terms_and_use_of_each_token_in_three_store_calls(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        terms = {"label": "Alerts of CI", "daily_limit": 7, "severity_ceiling": "warn"}
        new = api.post(CLAIM, ALICE | terms, desk.fd1).json
        clock.shift(60)
        assert publish(api, new["token"]) == 202
        api.get("/api/v2/me", desk.alice_key)  # a key's first call of a minute takes one more
        answer = api.get(INTEGRATIONS, desk.alice_key)
        assert answer.steps == 3
        (shown,) = [each for each in answer.json["data"] if each["id"] == new["tokenId"]]
        assert shown == {
            "id": new["tokenId"],
            "label": "Alerts of CI",
            "integrator": "fd1",
            "status": "active",
            "disabledBy": None,
            "createdAt": shown["createdAt"],
            "lastUsedAt": "2040-05-21T12:01:10.000Z",
            "usageCount": 1,
            "dailyLimit": 7,
            "severityCeiling": "warn",
            "moderated": False,
            "supersededUntil": "2040-05-22T12:00:10.000Z",
            "expiresAt": None,
        }
        assert new["token"] not in answer.text
        clock.shift(24 * 3600)
        assert find(api, desk.alice_key)["supersededUntil"] is None


def test_disabled_integration_can_neither_publish_nor_be_claimed_nor_reached_in_bulk(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    assert publish(api, desk.alice) == 202
    answer = switch(api, desk.alice_key, mine, active=False)
    assert (answer.status, answer.json["data"]) == (200, {"id": mine, "isActive": False})
    assert answer.steps == 2
    assert publish(api, desk.alice) == 401
    claimed = api.post(CLAIM, ALICE, desk.fd1)
    assert (claimed.status, "token_disabled" in claimed.text) == (403, True)
    bulk = {"event": inputs.new_event(), "recipients": [{"type": "email"} | ALICE]}
    assert api.post(f"{EVENTS}/bulk", bulk, desk.fd1).json["results"][0]["error"] == "token_disabled"
    shown = find(api, desk.alice_key)
    assert (shown["status"], shown["disabledBy"]) == ("disabled", "employee")

    assert switch(api, desk.alice_key, mine, active=True).status == 200
    assert publish(api, desk.alice) == 202
    assert find(api, desk.alice_key)["disabledBy"] is None


def test_switching_to_the_present_state_changes_nothing(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    assert [switch(api, desk.alice_key, mine, active=to).status for to in (True, False, False, True, True)] == [200] * 5
    assert publish(api, desk.alice) == 202


def test_employee_cannot_enable_what_an_administrator_disabled(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    DynamoGrants().set_status(TokenKind.PERSONAL, mine, active=False)
    assert find(api, desk.alice_key)["disabledBy"] == "admin"
    assert switch(api, desk.alice_key, mine, active=False).status == 200
    refused = switch(api, desk.alice_key, mine, active=True)
    assert (refused.status, publish(api, desk.alice)) == (403, 401)
    assert "administrator" in refused.json["error"]
    DynamoGrants().set_status(TokenKind.PERSONAL, mine, active=True)
    assert publish(api, desk.alice) == 202


def test_administrators_disabling_overrides_the_employees(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    switch(api, desk.alice_key, mine, active=False)
    assert DynamoGrants().set_status(TokenKind.PERSONAL, mine, active=False)
    assert not DynamoGrants().set_status(TokenKind.PERSONAL, mine, active=False), "it is theirs already"
    assert switch(api, desk.alice_key, mine, active=True).status == 403


def test_token_disabled_before_the_desk_kept_by_whom_counts_as_an_administrators(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    aws.dynamodb().update_item(
        TableName=TOKENS.physical_name,
        Key={"pk": {"S": f"PERSONAL#{mine}"}},
        UpdateExpression="SET #s = :disabled REMOVE disabledBy",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":disabled": {"S": "disabled"}},
    )
    assert find(api, desk.alice_key)["disabledBy"] == "admin"
    assert switch(api, desk.alice_key, mine, active=True).status == 403


def test_revoked_token_is_listed_and_cannot_be_switched(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    revoked = api.call("DELETE", "/api/v1/catalog/approvals", ALICE | {"catalog_slug": "fd1"}, token=desk.fd1)
    assert revoked.json["revoked"] is True
    assert find(api, desk.alice_key)["status"] == "revoked"
    assert [switch(api, desk.alice_key, mine, active=to).status for to in (True, False)] == [409, 409]


def test_others_and_unknown_tokens_are_not_found(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    for wanted in (mine, inputs.uuid(4), "nothing"):
        assert switch(api, desk.bob_key, wanted, active=False).status == 404
    assert publish(api, desk.alice) == 202
    assert mine not in api.get(INTEGRATIONS, desk.bob_key).text


def test_switch_is_repeated_under_its_idempotency_key(api: Api, desk: Desk) -> None:
    mine = find(api, desk.alice_key)["id"]
    first = switch(api, desk.alice_key, mine, active=False, idempotency="once")
    switch(api, desk.alice_key, mine, active=True)
    again = switch(api, desk.alice_key, mine, active=False, idempotency="once")
    assert (first.status, again.status, again.json["data"]) == (200, 200, first.json["data"])
    assert publish(api, desk.alice) == 202


def test_a_key_without_full_access_is_refused(api: Api, desk: Desk) -> None:
    made = api.post("/api/v2/keys", {"name": "part", "permissions": ["inbox"]}, desk.alice_key).json["data"]["key"]
    assert api.get(INTEGRATIONS, made).status == 403
