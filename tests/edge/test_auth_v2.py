"""Authentication and authorization of every v2 operation."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey
from chalicelib.edge.route import Route
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Answer, Api
from tests.support.api_keys import new_api_key

NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
KEYS = "/api/v2/keys"
GUARDED = [route for route in ROUTES.values() if route.path.startswith("/api/v2/") and route.callers == (ApiKey,)]
AREAS = ("queue", "chat", "kanban", "contacts", "inbox", "a2a", "mcp")

by_operation = pytest.mark.parametrize("route", GUARDED, ids=[route.__name__ for route in GUARDED])


def test_there_are_operations_for_every_permission() -> None:
    assert {"queue", "chat", "kanban", "contacts", "all"} <= {route.permission for route in GUARDED}


@by_operation
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dvd_x", "Bearer dvd_unknown", "dvd_x"])
def test_missing_or_unknown_key_gets_a_challenge(api: Api, desk: Desk, route: Route, header: str | None) -> None:
    refused = call(api, route, None, header)
    assert (refused.status, refused.json["success"]) == (401, False)
    assert refused.headers["www-authenticate"].startswith("Bearer ")


@by_operation
def test_key_is_limited_to_its_one_permission(api: Api, desk: Desk, route: Route) -> None:
    others = [area for area in AREAS if area != route.permission]
    refused = call(api, route, new_api_key(desk, "alice", *others))
    if route.permission == ANY_PERMISSION:
        assert refused.status != 403
        return
    assert (refused.status, route.permission in refused.json["error"]) == (403, True)
    if route.permission != "all":
        assert call(api, route, new_api_key(desk, "alice", route.permission)).status != 403


@by_operation
def test_another_kind_of_token_is_refused(api: Api, desk: Desk, route: Route) -> None:
    for token in (desk.alice, desk.fd1):
        assert call(api, route, token).status == 403


def test_disabled_or_expired_key_is_forbidden_with_the_reason(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        off, brief = (
            api.post(KEYS, {"name": "k"} | more, desk.alice_key).json["data"] for more in ({}, {"expiresInDays": 1})
        )
        api.call("PATCH", KEYS, {"id": off["id"], "isActive": False}, token=desk.alice_key)
        clock.shift(timedelta(days=1))
        for key in (off["key"], brief["key"]):
            for route in GUARDED:
                refused = call(api, route, key)
                assert (refused.status, refused.json["success"]) == (403, False), route.__name__


def test_121st_call_of_a_minute_is_refused_on_every_operation(api: Api, desk: Desk) -> None:
    paths = itertools.cycle(["/api/v2/queue", "/api/v2/kanban", "/api/v2/contacts", "/api/v2/shared-chat/messages"])
    with time_machine.travel(NOON + timedelta(seconds=15), tick=False):
        for left in range(119, -1, -1):
            answer = api.get(next(paths), desk.alice_key)
            assert answer.status == 200
            assert answer.headers["x-ratelimit-limit"] == "120"
            assert answer.headers["x-ratelimit-remaining"] == f"{left}"
            assert answer.headers["x-ratelimit-reset"] == f"{int(NOON.timestamp()) + 60}"
        refused = api.get(next(paths), desk.alice_key)
        assert (refused.status, refused.headers["retry-after"]) == (429, "45")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert api.get("/api/v2/queue", desk.bob_key).status == 200


def call(api: Api, route: Route, token: str | None, header: str | None = None) -> Answer:
    path = route.path
    while "{" in path:
        path = path[: path.index("{")] + inputs.uuid(1) + path[path.index("}") + 1 :]
    headers: dict[str, Any] = {"Last-Event-ID": ""} | ({"Authorization": header} if header is not None else {})
    query = "?id=x" if route.__name__ == "delete_key" else ""
    body: dict[str, Any] | None = {} if route.method in ("POST", "PATCH") else None
    return api.call(route.method, path + query, body, token=token, headers=headers)


@pytest.mark.parametrize("length", [901, 5_000])
@pytest.mark.parametrize("path", ["queue/{}", "contacts/{}", "kanban/{}", "projects/{}"])
def test_name_longer_than_a_stored_key_is_not_found(api: Api, desk: Desk, path: str, length: int) -> None:
    answer = api.get(f"/api/v2/{path.format('x' * length)}", desk.alice_key)
    assert (answer.status, set(answer.calls)) == (404, {"UpdateItem", "TransactWriteItems"}), "only the budget"
