"""What operators do in the console: theirs alone, each change told in the log, and no secret shown twice."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib.edge.operation import Operation
from chalicelib.resources import CALLBACKS, QUEUES
from infra.queues import DEFINITIONS
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Answer, Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

OPERATE, EVENTS = "/api/v2/operate", "/api/v1/events"
OPERATIONS: list[Operation] = [route for route in ROUTES.values() if route.path.startswith(OPERATE)]
NEW = {"slug": "ci", "name": "Build farm", "eventPrefix": "ci."}


@pytest.fixture(autouse=True)
def _running_minute(api: Api, desk: Desk) -> Any:
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=True):
        api.get("/api/v2/me", desk.alice_key)
        yield


def _broken(*_: Any, **__: Any) -> None:
    raise KeyError("a secret")


def data(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.text
    return answer.json["data"]


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> Any:
    """What the log tells of operators' changes since the last look, as (what, row)."""
    caplog.set_level(logging.INFO, "fluxden")

    def look() -> list[tuple[str, str]]:
        lines = [json.loads(each.message) for each in caplog.records if each.message.startswith('{"audit"')]
        caplog.clear()
        return [(line["audit"], line["row"]) for line in lines]

    return look


def test_an_operators_operation_is_refused_to_everybody_else(api: Api, desk: Desk) -> None:
    narrow = api.post("/api/v2/keys", {"name": "n", "permissions": ["inbox"]}, desk.alice_key).json["data"]["key"]
    for operation in OPERATIONS:
        path = operation.path.replace("{queue}", "fan-out").replace("{slug}", "fd1")
        for name in ("{tokenId}", "{instanceId}"):
            path = path.replace(name, inputs.uuid(1))
        body: Any = {} if operation.body else None
        refused = api.call(operation.method, path, body, token=desk.bob_key)
        assert (refused.status, refused.json["success"]) == (403, False), operation.__name__
        assert refused.json["error"] == "This operation needs a key of somebody who operates this desk."
        assert api.call(operation.method, path, body, token=narrow).status == 403
        assert api.call(operation.method, path, body, token=desk.fd1).status == 403


def test_me_tells_a_front_end_all_it_starts_with_in_two_steps(api: Api, desk: Desk) -> None:
    api.call(
        "PATCH", "/api/v2/profile", {"timezone": "Asia/Tokyo", "languages": ["日本語", "ja"]}, token=desk.alice_key
    )
    answer = api.get("/api/v2/me", desk.alice_key)
    me = data(answer)
    assert answer.steps == 2
    assert (me["id"], me["name"], me["email"]) == (desk.user_id("alice"), "Alice", "alice@example.com")
    assert (me["operator"], me["locale"], me["timezone"]) == (True, "ja", "Asia/Tokyo")
    assert (me["webPush"], me["key"]["permissions"]) == ({"available": True, "subscriptions": 0}, "all")
    assert me["urls"] == {"base": "http://desk.test", "socket": None}
    assert data(api.get("/api/v2/me", desk.bob_key))["operator"] is False


def test_people_are_listed_with_what_they_may_do(api: Api, desk: Desk) -> None:
    answer = api.get(f"{OPERATE}/people", desk.alice_key)
    found = [(each["email"], each["active"], each["operator"]) for each in data(answer)]
    assert found[0] == ("alice@example.com", True, True)
    assert ("dave@example.com", False, False) in found
    assert answer.calls[1:] == ["BatchGetItem", "Query", "BatchGetItem"]


def test_an_integrator_is_registered_changed_and_listed(api: Api, desk: Desk, audited: Any) -> None:
    made = api.post(f"{OPERATE}/integrators", NEW, desk.alice_key, key="k")
    assert (data(made, 201)["allowedEventPrefix"], made.calls[2:]) == ("ci.", ["Query", "TransactWriteItems"])
    assert api.post(f"{OPERATE}/integrators", NEW, desk.alice_key, key="k").json == made.json
    assert api.post(f"{OPERATE}/integrators", NEW, desk.alice_key).status == 409
    overlapping = NEW | {"slug": "other", "eventPrefix": "fd1.x."}
    assert api.post(f"{OPERATE}/integrators", overlapping, desk.alice_key).status == 409

    path = f"{OPERATE}/integrators/ci"
    changed = api.call("PATCH", path, {"homepageUrl": "https://ci.example.com"}, token=desk.alice_key)
    assert (data(changed)["homepageUrl"], data(changed)["name"]) == ("https://ci.example.com", "Build farm")
    assert changed.calls[2:] == ["BatchGetItem", "UpdateItem"]
    for bad in ({}, {"slug": "x"}, {"homepageUrl": "https://127.0.0.1/"}, {"name": None}):
        assert api.call("PATCH", path, bad, token=desk.alice_key).status == 400
    assert api.call("PATCH", f"{OPERATE}/integrators/none", {"name": "x"}, token=desk.alice_key).status == 404
    assert [each["slug"] for each in data(api.get(f"{OPERATE}/integrators", desk.alice_key))] == ["ci", "fd1", "hr"]
    assert audited() == [("integrator.create", "ci"), ("integrator.update", "ci")]


def test_a_tools_token_is_issued_once_rotated_and_revoked(
    api: Api, desk: Desk, audited: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {"integrator": "hr", "owner": "bob@example.com"}
    issued = api.post(f"{OPERATE}/tools-tokens", wanted, desk.alice_key, key="k")
    token = data(issued, 201)
    assert issued.steps == 6
    assert api.post(f"{OPERATE}/tools-tokens", wanted, desk.alice_key, key="k").json == issued.json
    assert api.get("/api/v1/event-types", token["token"]).status == 200
    assert token["token"] not in caplog.text

    path = f"{OPERATE}/tools-tokens/{token['id']}"
    rotated = api.post(f"{path}/rotate", None, desk.alice_key)
    assert rotated.calls[2:] == ["UpdateItem"]
    assert data(rotated)["priorUntil"].startswith("2026-05-22T12:00")
    assert api.get("/api/v1/event-types", token["token"]).status == 200
    last = data(api.post(f"{path}/rotate", {"atOnce": True}, desk.alice_key))
    assert (last["priorUntil"], api.get("/api/v1/event-types", data(rotated)["token"]).status) == (None, 401)
    assert api.get("/api/v1/event-types", last["token"]).status == 200

    listed = {each["id"]: each for each in data(api.get(f"{OPERATE}/tools-tokens", desk.alice_key))}
    assert (listed[token["id"]]["ownerEmail"], listed[token["id"]]["status"]) == ("bob@example.com", "active")
    assert "flux-tools" not in json.dumps(listed)
    assert data(api.call("DELETE", path, token=desk.alice_key))["status"] == "revoked"
    assert api.get("/api/v1/event-types", last["token"]).status == 401
    what = ["toolsToken.issue", "toolsToken.rotate", "toolsToken.rotate", "toolsToken.revoke"]
    assert audited() == [(each, token["id"]) for each in what]
    for missing in ("nothing", inputs.uuid(1)):
        assert api.call("DELETE", f"{OPERATE}/tools-tokens/{missing}", token=desk.alice_key).status == 404
        assert api.post(f"{OPERATE}/tools-tokens/{missing}/rotate", None, desk.alice_key).status == 404


def test_budgets_show_the_running_windows(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    shown = api.get(f"{OPERATE}/budgets?userId={desk.user_id('alice')}", desk.alice_key)
    assert shown.steps == 4
    by_kind = {(each["kind"], each["integrator"]): each for each in data(shown)["tokens"]}
    sent = by_kind["personal", "fd1"]
    assert (sent["minuteUsed"], sent["minuteLimit"], sent["dailyLeft"], sent["dailyLimit"]) == (2, 120, 999, 1000)
    assert (by_kind["key", None]["dailyLeft"], by_kind["key", None]["minuteUsed"]) == (None, 2)
    tools = data(api.get(f"{OPERATE}/budgets", desk.alice_key))
    assert {each["integrator"] for each in tools["tokens"]} == {"fd1", "hr"}
    assert {each["minuteUsed"] for each in tools["tokens"]} == {0}
    assert api.get(f"{OPERATE}/budgets?userId=x", desk.alice_key).status == 400


def test_event_types_are_counted_by_integrator(api: Api, desk: Desk) -> None:
    for _ in range(2):
        api.post(EVENTS, inputs.new_event(event_type="fd1.build.failed"), desk.alice)
    answer = api.get(f"{OPERATE}/event-types", desk.alice_key)
    assert answer.steps == 4
    assert [(each["integrator"], [row["count"] for row in each["eventTypes"]]) for each in data(answer)] == [
        ("fd1", [2]),
        ("hr", []),
    ]
    assert data(answer)[0]["eventTypes"][0]["daily"] == [0] * 89 + [2]


def test_the_catalog_and_its_approvals_are_run_by_operators(api: Api, desk: Desk, audited: Any) -> None:
    items, approvals = f"{OPERATE}/catalog/items", f"{OPERATE}/catalog/approvals"
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


def test_dead_letters_are_listed_with_their_reason_and_sent_back(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, audited: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    delivery = api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice).json["deliveryId"]
    api.post(f"/api/v1/inbox/{delivery}/actions/0", None, desk.alice_key)
    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.inbox.services.callbacks.attempt_callback", _broken)
        pump.drain(CALLBACKS)

    counts = {each["queue"]: each["count"] for each in data(api.get(f"{OPERATE}/dead-letters", desk.alice_key))}
    assert (counts["callbacks"], sum(counts.values())) == (1, 1)
    (letter,) = data(api.get(f"{OPERATE}/dead-letters/callbacks", desk.alice_key))
    assert (letter["reason"], letter["received"] >= 5) == ("KeyError", True)
    assert (letter["job"]["deliveryId"], letter["job"]["index"]) == (delivery, 0)
    path = f"{OPERATE}/dead-letters/callbacks/redrive"
    unclear: list[Any] = [{}, {"all": True, "messageIds": ["x"]}, {"messageIds": []}, {"messageIds": [1]}]
    for bad in unclear:
        assert api.post(path, bad, desk.alice_key).status == 400
    assert data(api.post(path, {"messageIds": ["none"]}, desk.alice_key)) == {"sent": 0, "missing": ["none"]}
    assert data(api.post(path, {"messageIds": [letter["messageId"]]}, desk.alice_key)) == {"sent": 1, "missing": []}
    assert data(api.post(path, {"all": True}, desk.alice_key))["sent"] == 0
    assert data(api.get(f"{OPERATE}/dead-letters/callbacks", desk.alice_key)) == []
    assert pump.drain(CALLBACKS) == 1
    assert len(receiver.received) == 1
    assert audited()[1] == ("deadLetters.redrive", "callbacks: 1")
    assert api.get(f"{OPERATE}/dead-letters/none", desk.alice_key).status == 404


def test_callbacks_are_shown_with_their_attempts(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    clicked = [api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice).json["deliveryId"] for _ in range(3)]
    for delivery in clicked:
        api.post(f"/api/v1/inbox/{delivery}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    recent = api.get(f"{OPERATE}/callbacks?limit=2", desk.alice_key)
    assert (len(data(recent)), recent.steps) == (2, 4)
    assert {each["deliveryId"] for each in data(api.get(f"{OPERATE}/callbacks", desk.alice_key))} == set(clicked)
    one = api.get(f"{OPERATE}/callbacks?deliveryId={clicked[0]}", desk.alice_key)
    (shown,) = data(one)
    assert (shown["outcome"], [each["status"] for each in shown["attempts"]]) == ("delivered", [204])
    assert one.steps == 3


def test_an_instance_is_approved_and_suspended(api: Api, desk: Desk, audited: Any) -> None:
    found = data(api.get(f"{OPERATE}/instances", desk.alice_key))
    instance = next(each for each in found if each["status"] == "active")
    path = f"{OPERATE}/instances/{instance['id']}"
    assert data(api.post(f"{path}/suspend", None, desk.alice_key))["status"] == "suspended"
    approved = api.post(f"{path}/approve", {"withoutChallenge": True}, desk.alice_key)
    assert data(approved)["status"] == "active"
    assert audited() == [("instance.suspend", instance["id"]), ("instance.approve", instance["id"])]
    assert api.post(f"{OPERATE}/instances/none/suspend", None, desk.alice_key).status == 404


def test_relays_are_shown_without_what_they_say(api: Api, desk: Desk) -> None:
    answer = api.get(f"{OPERATE}/relays?userId={desk.user_id('alice')}", desk.alice_key)
    page = data(answer)
    assert page["pagination"]["total"] == len(page["relays"])
    assert not any({"subject", "payload", "responsePayload"} & each.keys() for each in page["relays"])
    assert api.get(f"{OPERATE}/relays", desk.alice_key).status == 400


def test_every_queue_is_one_that_operators_see() -> None:
    assert {definition.queue for definition in DEFINITIONS} == set(QUEUES)
