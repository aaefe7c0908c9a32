"""API keys: create, list, enable, disable and delete them."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from chalice.local import LambdaContext

from chalicelib import aws, sealing
from chalicelib.core.domain import bounds
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.ids import parse_token
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import AUDIT, SOCKETS, TOKENS, Table
from infra.local import gateway
from infra.tables import DEFINITIONS
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Answer, Api, gateway_event
from tests.support.concurrency import run_concurrently
from tests.support.listeners import frame_types, open_client
from tests.support.log_lines import read_texts
from tests.support.pump import Pumps
from tests.support.sockets import Sockets

KEYS, INBOX = "/api/v2/keys", "/api/v1/inbox"
# Later than the demo organisation's own keys, which are made by the real clock.
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def create(api: Api, token: str, **wanted: Any) -> dict[str, Any]:
    reply = api.post(KEYS, {"name": "laptop"} | wanted, token)
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json["data"]
    return made


def switch(api: Api, token: str, key_id: str, *, active: bool, **more: Any) -> Answer:
    return api.call("PATCH", KEYS, {"id": key_id, "isActive": active}, token=token, **more)


def delete(api: Api, token: str, key_id: str, **more: Any) -> Answer:
    return api.call("DELETE", f"{KEYS}?id={key_id}", token=token, **more)


def names(api: Api, token: str) -> list[str]:
    return [each["name"] for each in api.get(KEYS, token).json["data"]]


def stored(*besides: Table) -> str:
    """Every row of every other table."""
    tables = [each.table.physical_name for each in DEFINITIONS if each.table not in besides]
    return str([aws.dynamodb().scan(TableName=table)["Items"] for table in tables])


# Making and listing


def test_new_key_is_shown_once_and_works(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        reply = api.post(KEYS, {"name": "laptop"}, desk.alice_key)
        made = reply.json["data"]
        assert reply.status == 201
        assert reply.json["success"] is True
        assert re.fullmatch(r"dvd_[A-Za-z0-9_-]{49}", made["key"])
        assert made == {
            "id": made["id"],
            "name": "laptop",
            "key": made["key"],
            "keyPrefix": made["key"][:12] + "...",
            "permissions": "all",
            "expiresAt": None,
            "createdAt": "2040-05-21T12:00:10.000Z",
        }
        assert api.get(INBOX, made["key"]).status == 200
        listed = api.get(KEYS, desk.alice_key)
    assert made["key"] not in listed.text
    assert listed.json["data"][0] == {
        "id": made["id"],
        "name": "laptop",
        "keyPrefix": made["keyPrefix"],
        "permissions": "all",
        "isActive": True,
        "expiresAt": None,
        "lastUsedAt": "2040-05-21T12:00:10.000Z",
        "lastUsedFrom": "127.0.0.1",
        "usageCount": 1,
        "createdAt": made["createdAt"],
        "createdBy": listed.json["data"][-1]["id"],
    }


def test_keys_are_listed_newest_first_with_null_for_unused_keys(api: Api, desk: Desk) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        with time_machine.travel(now + timedelta(seconds=number + 1), tick=False):
            create(api, desk.alice_key, name=f"key {number}")
    assert names(api, desk.alice_key) == ["key 2", "key 1", "key 0", "alice's demo key"]
    newest = api.get(KEYS, desk.alice_key).json["data"][0]
    assert (newest["lastUsedAt"], newest["usageCount"]) == (None, 0)


def test_hundreds_of_keys_from_before_their_number_was_bounded_are_listed_in_full(api: Api, desk: Desk) -> None:
    uncounted = {"pk": {"S": f"KEYS#{desk.user_id('alice')}"}}
    for number in range(101):
        create(api, desk.alice_key, name=f"key {number}")
        aws.dynamodb().delete_item(TableName=TOKENS.physical_name, Key=uncounted)
    assert len(names(api, desk.alice_key)) == 102


@pytest.mark.parametrize(
    ("permissions", "shown"),
    [
        ("all", "all"),
        (["queue"], ["queue"]),
        (["mcp", "queue", "queue", "inbox"], ["queue", "inbox", "mcp"]),
        (["queue", "chat", "kanban", "contacts", "inbox", "a2a", "mcp"],) * 2,
    ],
)
def test_key_has_the_requested_permissions(api: Api, desk: Desk, permissions: Any, shown: Any) -> None:
    made = create(api, desk.alice_key, permissions=permissions)
    assert made["permissions"] == shown
    listed = {each["id"]: each for each in api.get(KEYS, desk.alice_key).json["data"]}
    assert listed[made["id"]]["permissions"] == shown
    assert api.get(INBOX, made["key"]).status == (200 if "inbox" in shown or shown == "all" else 403)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": None},
        {"name": 1},
        {"name": "x", "permissions": []},
        {"name": "x", "permissions": "queue"},
        {"name": "x", "permissions": ["all"]},
        {"name": "x", "permissions": ["queue", "money"]},
        {"name": "x", "permissions": ["queue", 1]},
        {"name": "x", "permissions": [["queue"]]},
        {"name": "x", "permissions": None},
        {"name": "x", "permissions": {"queue": True}},
        {"name": "x", "expiresInDays": 0},
        {"name": "x", "expiresInDays": -1},
        {"name": "x", "expiresInDays": "7"},
        {"name": "x", "expiresInDays": True},
        {"name": "x", "expiresInDays": None},
        {"name": "x", "expiresInDays": 1e12},
        {"name": "x", "expires_in_days": 1},
        {"name": "x", "key": "dvd_mine"},
        [],
    ],
    ids=json.dumps,
)
def test_invalid_key_request_is_refused_and_creates_no_key(api: Api, desk: Desk, body: Any) -> None:
    reply = api.post(KEYS, body, desk.alice_key)
    assert reply.status == 400
    assert set(reply.json) == {"success", "error"}
    assert reply.json["success"] is False
    assert names(api, desk.alice_key) == ["alice's demo key"]


@pytest.mark.parametrize("raw", ["{", '{"name": "x", "expiresInDays": 1e999}', '{"name": "x", "expiresInDays": NaN}'])
def test_body_that_is_not_json_is_refused(api: Api, desk: Desk, raw: str) -> None:
    assert api.post(KEYS, raw=raw, token=desk.alice_key).status == 400


def test_key_expires_to_the_second(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = create(api, desk.alice_key, expiresInDays=1.5)
        assert made["expiresAt"] == "2040-05-23T00:00:10.000Z"
        clock.shift(36 * 3600 - 1)
        assert api.get(KEYS, made["key"]).status == 200
        clock.shift(1)
        assert api.get(KEYS, made["key"]).status == 403
        assert api.get(INBOX, made["key"]).status == 401
        assert api.get(KEYS, desk.alice_key).json["data"][0]["isActive"] is True


# Who may


def test_key_without_all_permissions_manages_no_keys(api: Api, desk: Desk) -> None:
    narrow = create(api, desk.alice_key, permissions=["queue", "inbox"])
    for reply in (
        api.get(KEYS, narrow["key"]),
        api.post(KEYS, {"name": "more"}, narrow["key"]),
        switch(api, narrow["key"], narrow["id"], active=False),
        delete(api, narrow["key"], narrow["id"]),
    ):
        assert reply.status == 403
        assert reply.json["success"] is False
    assert names(api, desk.alice_key) == ["laptop", "alice's demo key"]


def test_other_tokens_are_forbidden_and_a_missing_token_is_unauthorized(api: Api, desk: Desk) -> None:
    for token in (desk.alice, desk.fd1):
        assert api.get(KEYS, token).status == 403
    for unknown in (None, "dvd_nonsense"):
        reply = api.get(KEYS, unknown)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="Fluxden"')
        assert reply.json["success"] is False


def test_gateway_errors_have_the_error_shape_of_the_path() -> None:
    for path, shape in ((KEYS, {"success", "error"}), (INBOX, {"type", "title", "status", "detail", "code"})):
        answer = gateway.error_response(NotFound("There is nothing at this path."), path)
        assert answer["statusCode"] == 404
        assert shape <= set(json.loads(answer["body"]))
        assert ("problem" in answer["headers"]["Content-Type"]) is (path == INBOX)


def test_people_see_and_change_only_their_own_keys(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    assert names(api, desk.bob_key) == ["bob's demo key"]
    for key_id in (made["id"], inputs.uuid(1), "nothing", made["key"]):
        assert switch(api, desk.bob_key, key_id, active=False).status == 404
        assert delete(api, desk.bob_key, key_id).status == 404
    assert api.get(INBOX, made["key"]).status == 200


# Off, on, gone


def test_disabled_key_is_forbidden_on_v2_and_unauthorized_on_v1(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    off = switch(api, desk.alice_key, made["id"], active=False)
    assert (off.status, off.json) == (200, {"success": True, "data": {"id": made["id"], "isActive": False}})

    refused = api.get(KEYS, made["key"])
    assert (refused.status, refused.json["success"]) == (403, False)
    assert "www-authenticate" not in refused.headers
    refused = api.get(INBOX, made["key"])
    assert (refused.status, refused.json["code"]) == (401, "unauthorized")
    assert "www-authenticate" in refused.headers
    assert api.get(KEYS, desk.alice_key).json["data"][0]["isActive"] is False

    for _ in range(2):
        assert switch(api, desk.alice_key, made["id"], active=True).json["data"]["isActive"] is True
    assert api.get(KEYS, made["key"]).status == 200


def test_key_can_disable_itself(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    assert switch(api, made["key"], made["id"], active=False).status == 200
    assert switch(api, made["key"], made["id"], active=True).status == 403


def test_deleted_key_is_unknown_at_once(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    gone = delete(api, desk.alice_key, made["id"])
    assert (gone.status, gone.json) == (200, {"success": True})
    for path in (KEYS, INBOX):
        assert api.get(path, made["key"]).status == 401
    assert names(api, desk.alice_key) == ["alice's demo key"]
    assert delete(api, desk.alice_key, made["id"]).status == 404
    assert switch(api, desk.alice_key, made["id"], active=True).status == 404
    # The log of events still tells that it was created.
    assert made["id"] not in stored(AUDIT, SOCKETS)


@pytest.mark.parametrize("query", ["", "?id=", "?id=a&id=b", "?key=x", f"?id={inputs.uuid(1)}&force=1"])
def test_deletion_needs_exactly_one_key_id(api: Api, desk: Desk, query: str) -> None:
    assert api.call("DELETE", KEYS + query, token=desk.alice_key).status == 400


@pytest.mark.parametrize("body", [{}, {"id": "x"}, {"isActive": True}, {"id": "x", "isActive": "yes"}, {"id": 1}])
def test_switch_needs_a_key_id_and_a_state(api: Api, desk: Desk, body: Any) -> None:
    assert api.call("PATCH", KEYS, body, token=desk.alice_key).status == 400


def test_one_of_concurrent_deletions_succeeds(api: Api, desk: Desk) -> None:
    for _ in range(5):
        made = create(api, desk.alice_key)
        replies = run_concurrently(6, lambda _, made=made: delete(api, desk.alice_key, made["id"]))  # type: ignore[misc]
        assert Counter(reply.status for reply in replies) == {200: 1, 404: 5}
        assert api.get(KEYS, made["key"]).status == 401


def test_deleted_key_stays_deleted_despite_concurrent_use_and_switches(api: Api, desk: Desk) -> None:
    for _ in range(5):
        made = create(api, desk.alice_key)

        calls: list[tuple[str, str, Any, str]] = [
            ("DELETE", f"{KEYS}?id={made['id']}", None, desk.alice_key),
            ("PATCH", KEYS, {"id": made["id"], "isActive": True}, desk.alice_key),
            ("GET", INBOX, None, made["key"]),
        ]

        def act(number: int, calls: list[tuple[str, str, Any, str]] = calls) -> int:
            method, path, body, token = calls[number % 3]
            headers = {"Authorization": f"Bearer {token}"}
            event = gateway_event(method, path, headers, json.dumps(body) if body else None)
            route = ROUTES[method, path.partition("?")[0]]
            return int(route(event, LambdaContext(route.__name__, 256))["statusCode"])

        assert set(run_concurrently(6, act)) <= {200, 401, 404}
        assert api.get(KEYS, made["key"]).status == 401
        # The log of events still tells that it was created.
    assert made["id"] not in stored(AUDIT, SOCKETS)


def test_inactive_person_cannot_create_or_enable_keys(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    switch(api, desk.alice_key, made["id"], active=False)
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert api.post(KEYS, {"name": "late"}, desk.alice_key).status == 403
    assert switch(api, desk.alice_key, made["id"], active=True).status == 403
    assert switch(api, desk.alice_key, made["id"], active=False).status == 200
    assert names(api, desk.alice_key) == ["laptop", "alice's demo key"]


# Idempotency keys


def test_repeated_creation_returns_the_same_key(api: Api, desk: Desk) -> None:
    first = api.post(KEYS, {"name": "laptop"}, desk.alice_key, key="k")
    again = api.post(KEYS, {"name": "laptop"}, desk.alice_key, key="k")
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert names(api, desk.alice_key) == ["laptop", "alice's demo key"]
    assert api.post(KEYS, {"name": "other"}, desk.alice_key, key="k").status == 409


def test_concurrent_creations_with_one_idempotency_key_create_one_key(api: Api, desk: Desk) -> None:
    replies = run_concurrently(6, lambda _: api.post(KEYS, {"name": "laptop"}, desk.alice_key, key="k"))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert names(api, desk.alice_key) == ["laptop", "alice's demo key"]


def test_stored_secret_is_returned_only_to_the_token_that_created_it(api: Api, desk: Desk) -> None:
    other = create(api, desk.alice_key, name="other")
    first = api.post(KEYS, {"name": "laptop"}, desk.alice_key, key="k")
    refused = api.post(KEYS, {"name": "laptop"}, other["key"], key="k")
    assert (refused.status, refused.json["success"]) == (409, False)
    assert "idempotent-replayed" not in refused.headers
    assert first.json["data"]["key"] not in refused.text
    assert names(api, desk.alice_key) == ["laptop", "other", "alice's demo key"]


def test_no_secret_is_stored_or_logged(api: Api, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secrets = [api.post(KEYS, {"name": "k"}, desk.alice_key, key=each).json["data"]["key"] for each in "ab"]
    api.post(KEYS, {"name": "k"}, desk.alice_key, key="a")
    presented = parse_token(desk.alice_key)
    assert presented is not None
    rows = stored()
    own = str(read_texts(caplog))
    for secret in (*secrets, desk.alice_key):
        for place in (rows, own):
            assert secret not in place
            assert secret[16:40] not in place
    assert presented.sealing_key.hex() not in rows
    assert str(presented.sealing_key) not in repr(presented)


def test_repeated_switch_or_deletion_returns_the_first_reply(api: Api, desk: Desk) -> None:
    made, other = create(api, desk.alice_key), create(api, desk.alice_key)
    for first, again in (
        [switch(api, desk.alice_key, made["id"], active=False, key="k") for _ in range(2)],
        [delete(api, desk.alice_key, made["id"], key="k") for _ in range(2)],
    ):
        assert (first.status, again.status, again.text) == (200, 200, first.text)
        assert again.headers["idempotent-replayed"] == "true"
    assert switch(api, desk.alice_key, other["id"], active=False, key="k").status == 409
    assert delete(api, desk.alice_key, other["id"], key="k").status == 409
    assert api.get(KEYS, other["key"]).status == 200


# Sealing


def test_sealed_bytes_open_with_their_own_key_only() -> None:
    key, other = b"k" * 32, b"o" * 32
    sealed = sealing.seal(b"plain", key)
    assert sealing.unseal(sealed, key) == b"plain"
    assert sealing.seal(b"plain", key) != sealed
    assert b"plain" not in sealed
    for wrong, under in ((sealed, other), (sealed[:-1] + bytes([sealed[-1] ^ 1]), key), (b"", key), (sealed[:20], key)):
        with pytest.raises(ValueError, match="sealed"):
            sealing.unseal(wrong, under)


def test_sealed_reply_opens_for_its_token_and_plain_reply_for_all() -> None:
    reply = {"key": "dvd_x", "name": "Ä"}
    kept = sealing.seal_reply(reply, b"k" * 32)
    assert "dvd_x" not in str(kept)
    assert sealing.open_reply(kept, b"k" * 32) == reply
    assert sealing.open_reply(reply, b"o" * 32) == reply
    with pytest.raises(Conflict):
        sealing.open_reply(kept, b"o" * 32)


# Limits and costs


def test_key_operations_share_the_budget_of_the_minute(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "2")
    with time_machine.travel(NOON, tick=False):
        assert [api.get(KEYS, desk.alice_key).status for _ in range(2)] == [200, 200]
        refused = api.get(KEYS, desk.alice_key)
    assert (refused.status, refused.json["success"], refused.headers["retry-after"]) == (429, False, "50")
    assert refused.headers["x-ratelimit-remaining"] == "0"


def test_store_calls_of_key_operations(api: Api, desk: Desk) -> None:
    spend, transaction = "UpdateItem", "TransactWriteItems"
    with time_machine.travel(NOON, tick=False):
        api.get(KEYS, desk.alice_key)
        assert api.get(KEYS, desk.alice_key).calls == [spend, "Query", "BatchGetItem"]
        plain = api.post(KEYS, {"name": "k"}, desk.alice_key)
        keyed = api.post(KEYS, {"name": "k"}, desk.alice_key, key="k")
        assert plain.calls == keyed.calls == [spend, transaction, "Query", "PutItem"]
        assert api.post(KEYS, {"name": "k"}, desk.alice_key, key="k").calls == [spend, transaction]
        one, other = plain.json["data"]["id"], keyed.json["data"]["id"]
        assert switch(api, desk.alice_key, one, active=False).calls == [spend, "GetItem", transaction, "Query"]
        assert switch(api, desk.alice_key, one, active=True).calls == [spend, "GetItem", transaction]
        assert switch(api, desk.alice_key, one, active=False, key="k").calls == [spend, "GetItem", transaction, "Query"]
        assert delete(api, desk.alice_key, one).calls == [spend, "GetItem", transaction, "Query"]
        assert delete(api, desk.alice_key, other, key="k").calls == [spend, "GetItem", transaction, "Query"]
        assert delete(api, desk.alice_key, inputs.uuid(1)).calls == [spend, "GetItem"]
        assert delete(api, desk.bob_key, other).calls == [spend, transaction, "GetItem"], "a minute begins"


# What a key can pass on


def test_key_that_expires_makes_only_keys_that_expire_with_it_or_before(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        short = create(api, desk.alice_key, expiresInDays=0.01)
        assert create(api, short["key"])["expiresAt"] == short["expiresAt"]
        shorter = create(api, short["key"], expiresInDays=0.005)
        assert shorter["expiresAt"] < short["expiresAt"]
        assert create(api, shorter["key"])["expiresAt"] == shorter["expiresAt"]


def test_key_that_would_outlive_its_maker_is_refused(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        short = create(api, desk.alice_key, expiresInDays=1)
        before = names(api, desk.alice_key)
        refused = api.post(KEYS, {"name": "long", "expiresInDays": 2}, short["key"])
        assert (refused.status, short["expiresAt"] in refused.json["error"]) == (400, True)
        assert names(api, desk.alice_key) == before


def test_list_says_which_key_made_a_key_and_where_it_was_last_used_from(api: Api, desk: Desk) -> None:
    made = create(api, desk.alice_key)
    grandchild = create(api, made["key"])
    listed = {each["id"]: each for each in api.get(KEYS, desk.alice_key).json["data"]}
    by_operator = next(each for each in listed.values() if each["createdBy"] is None)
    assert listed[made["id"]]["createdBy"] == by_operator["id"]
    assert listed[grandchild["id"]]["createdBy"] == made["id"]
    assert listed[made["id"]]["lastUsedFrom"] == "127.0.0.1"
    assert listed[grandchild["id"]]["lastUsedFrom"] is None


def test_person_has_at_most_fifty_keys_and_may_make_one_again_after_deleting_one(api: Api, desk: Desk) -> None:
    made = [create(api, desk.bob_key)["id"] for _ in range(bounds.KEYS.most - 1)]
    refused = api.post(KEYS, {"name": "one too many"}, desk.bob_key)
    assert (refused.status, "at most 50 keys" in refused.json["error"]) == (409, True)
    assert len(names(api, desk.bob_key)) == bounds.KEYS.most
    assert delete(api, desk.bob_key, made[0]).status == 200
    create(api, desk.bob_key)
    assert create(api, desk.alice_key)


def test_concurrent_calls_make_no_more_keys_than_allowed(api: Api, desk: Desk) -> None:
    for _ in range(bounds.KEYS.most - 4):
        create(api, desk.bob_key)
    statuses = run_concurrently(8, lambda number: api.status("POST", KEYS, {"name": f"key {number}"}, desk.bob_key))
    assert Counter(statuses) == {201: 3, 409: 5}


def test_new_key_is_announced_to_the_consoles_of_its_owner_only(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    queue_key = create(api, desk.alice_key, permissions=["queue"])["key"]
    console, agent, other = (open_client(sockets, key, pump) for key in (desk.alice_key, queue_key, desk.bob_key))
    made = create(api, desk.alice_key, name="laptop")
    (frame,) = [each for each in console.frames if each["type"] == "key_created"]
    listed = next(each for each in api.get(KEYS, desk.alice_key).json["data"] if each["id"] == made["id"])
    assert frame["key"] == listed
    assert made["key"] not in str(frame)
    assert not {"key_created"} & {*frame_types(agent), *frame_types(other)}
