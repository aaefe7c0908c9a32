"""The Model Context Protocol endpoint: what its clients are told, and that tools are the operations themselves."""

import json
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
import time_machine
from jsonschema import Draft202012Validator
from mcp_types import CallToolResult, ListToolsResult, TextContent

from chalicelib.api.mcp import endpoint
from chalicelib.api.mcp.protocol import Code, Fault, parse_message
from chalicelib.api.mcp.tools import TOOLS
from chalicelib.core.domain.origins import is_own
from chalicelib.edge.operation import Operation
from tests.conftest import Desk
from tests.support import inputs, mcp
from tests.support.api import Api
from tests.support.api_keys import new_api_key
from tests.support.mcp import HANDSHAKE, PATH, STATELESS, call_tool, list_tools, new_message, post_message, problem_of

MODES = pytest.mark.parametrize("mode", [STATELESS, "auto", "legacy"])
ERAS = pytest.mark.parametrize("stateless", [True, False])


@MODES
def test_the_official_client_connects_lists_and_calls(desk: Desk, mode: str) -> None:
    async def session() -> tuple[ListToolsResult, list[CallToolResult], list[tuple[str, int]]]:
        async with mcp.connect_client(desk.alice_key, mode) as (client, seen):
            tools = await client.list_tools()
            wanted = {"title": "Water the plants", "idempotency_key": "k"}
            results = [
                await client.call_tool("task_create", wanted),
                await client.call_tool("task_create", wanted),
                await client.call_tool("task_list", {"limit": 5}),
                await client.call_tool("task_get", {"id": inputs.uuid(1)}),
            ]
            return tools, results, seen

    tools, (made, again, found, missing), seen = anyio.run(session)
    assert {"task_list", "inbox_list", "chat_send", "card_create"} <= {tool.name for tool in tools.tools}
    assert not made.is_error
    assert made.structured_content["data"]["title"] == "Water the plants"
    assert again.structured_content == made.structured_content
    assert (again.meta or {})["fluxden/idempotent-replayed"] is True
    assert made.structured_content["data"]["id"] in {each["id"] for each in found.structured_content["data"]["items"]}
    assert missing.is_error
    assert missing.structured_content is None, "clients would validate it against the output schema"
    (text,) = missing.content
    assert isinstance(text, TextContent)
    problem = json.loads(text.text)
    assert (problem["code"], problem["status"]) == ("not_found", 404)
    assert {status for _, status in seen} <= {200, 202}
    assert ("initialize" in dict(seen)) == (mode == "legacy")


def test_tools_token_and_api_key_cover_all_tools_together(api: Api, desk: Desk) -> None:
    integrator, person = list_tools(api, desk.fd1), list_tools(api, desk.alice_key)
    assert {*integrator, *person} == set(TOOLS)
    assert len(TOOLS) >= 24
    for tool in (integrator | person).values():
        assert len(tool["description"]) > 20, tool["name"]
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            assert schema["type"] == "object", tool["name"]
            Draft202012Validator.check_schema(schema)
    assert integrator["assign_catalog_to_employee"]["inputSchema"]["required"] == ["email", "catalog_slug"]
    assert list(person) == list(list_tools(api, desk.bob_key)), "the order is the same at every call"


def test_list_contains_callable_tools_and_other_calls_are_refused(api: Api, desk: Desk) -> None:
    narrow = new_api_key(desk, "alice", "queue")
    for token in (desk.hr, narrow):
        for name in set(TOOLS) - list_tools(api, token).keys():
            assert problem_of(call_tool(api, token, name))["code"] == "forbidden", name
    for token in (desk.fd1, desk.alice_key):
        for name in list_tools(api, token):
            # Without arguments some are refused, but none as forbidden or for a fault of ours.
            result = call_tool(api, token, name)
            assert not result["isError"] or problem_of(result)["status"] in (400, 404), name
    assert "task_list" in list_tools(api, narrow)
    assert not {"chat_send", "relay_send", "integrator_list"} & {*list_tools(api, narrow)}
    assert {*list_tools(api, desk.fd1)} - {*list_tools(api, desk.hr)} >= {"catalog_item_list", "integrator_list"}


def test_annotations_distinguish_reads_changes_and_deletions(api: Api, desk: Desk) -> None:
    tools = list_tools(api, desk.alice_key) | list_tools(api, desk.fd1)
    hints = {name: tool["annotations"] for name, tool in tools.items()}
    for name, read_only, destructive, idempotent in (
        ("task_list", True, False, True),
        ("task_create", False, False, False),
        ("card_update", False, False, True),
        ("card_delete", False, True, True),
        ("task_confirm", False, True, False),
    ):
        assert hints[name] == {
            "readOnlyHint": read_only,
            "destructiveHint": destructive,
            "idempotentHint": idempotent,
            "openWorldHint": False,
        }, name
    assert hints["relay_send"]["openWorldHint"]
    for name, tool in tools.items():
        keyed = "idempotency_key" in tool["inputSchema"]["properties"]
        assert keyed == TOOLS[name].load().accepts_idempotency_key, name


def test_arguments_reach_path_query_and_body(api: Api, desk: Desk) -> None:
    made = call_tool(api, desk.fd1, "catalog_item_create", slug="lamp", name="Lamp", type="other", category="hardware")[
        "structuredContent"
    ]
    assert made["item"]["slug"] == "lamp"
    changed = call_tool(api, desk.fd1, "catalog_item_update", slug="lamp", name="Desk lamp")["structuredContent"]
    assert changed["item"]["name"] == "Desk lamp"
    call_tool(api, desk.fd1, "assign_catalog_to_employee", email="bob@example.com", catalog_slug="lamp")
    blocked = call_tool(api, desk.fd1, "catalog_item_delete", slug="lamp", hard=True)
    assert problem_of(blocked)["blockers"]["liveApprovals"] == 1
    ended = call_tool(api, desk.fd1, "revoke_catalog_from_employee", email="bob@example.com", catalog_slug="lamp")
    assert ended["structuredContent"]["revoked"] is True
    assert call_tool(api, desk.fd1, "catalog_item_list", limit=1)["structuredContent"]["items"]
    wrong = problem_of(call_tool(api, desk.fd1, "catalog_item_list", limit=0))
    assert (wrong["status"], list(wrong["fieldErrors"])) == (400, ["limit"])


def test_invalid_arguments_are_named(api: Api, desk: Desk) -> None:
    cases: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("task_get", {}, "id"),
        ("task_get", {"id": ""}, "id"),
        ("task_get", {"id": None}, "id"),
        ("task_get", {"id": {"a": 1}}, "id"),
        ("task_get", {"id": "x", "more": 1}, "more"),
        ("settings_get", {"more": 1}, "more"),
        ("task_list", {"limit": [1]}, "limit"),
        ("task_list", {"colour": "red"}, "colour"),
        ("task_create", {}, "title"),
        ("task_create", {"title": 7}, "title"),
        ("task_create", {"title": "x", "idempotency_key": {}}, "idempotency_key"),
        ("task_create", {"title": "x", "idempotency_key": ""}, "idempotency_key"),
        ("card_get", {"id": "x", "idempotency_key": "k"}, "idempotency_key"),
    )
    for tool, arguments, field in cases:
        problem = problem_of(call_tool(api, desk.alice_key, tool, **arguments))
        assert (problem["status"], list(problem["fieldErrors"])) == (400, [field]), (tool, arguments)
    other = problem_of(call_tool(api, desk.alice_key, "inbox_action_click", deliveryId=inputs.uuid(1), index=True))
    assert other["status"] == 404


def test_null_arguments_count_as_left_out_and_clear_only_what_is_changed(api: Api, desk: Desk) -> None:
    for params in ({"name": "task_list", "arguments": None}, {"name": "task_list"}):
        listed = post_message(api, new_message("tools/call", **params), desk.alice_key).json["result"]
        assert not listed["isError"]
    plain = {**new_message("tools/list"), "params": None}
    for sent in (new_message("tools/list", cursor=None), plain):
        assert api.call("POST", PATH, sent, token=desk.alice_key).json["result"]["tools"]
    event = inputs.new_event() | {"summary": None, "labels": None, "actions": None}
    recipient = {"type": "email", "email": "alice@example.com", "user_id": None}
    assert not call_tool(api, desk.fd1, "event_publish", event=event, recipient=recipient)["isError"]
    made = call_tool(api, desk.alice_key, "task_create", title="x", source=None, metadata={"own": None})
    task = made["structuredContent"]["data"]
    assert (task["source"], task["metadata"]) == ("agent", '{"own": null}')
    card = call_tool(api, desk.alice_key, "card_create", title="x", dueDate="2026-12-01T00:00:00Z", description="d")
    card_id = card["structuredContent"]["data"]["id"]
    changed = call_tool(api, desk.alice_key, "card_update", id=card_id, title=None, dueDate=None)["structuredContent"]
    assert (changed["data"]["title"], changed["data"]["dueDate"], changed["data"]["description"]) == ("x", None, "d")


def test_an_empty_filter_finds_what_no_filter_finds(api: Api, desk: Desk) -> None:
    call_tool(api, desk.alice_key, "task_create", title="x")
    found = call_tool(api, desk.alice_key, "task_list", status="", priority="", type="")["structuredContent"]
    assert found == call_tool(api, desk.alice_key, "task_list")["structuredContent"]
    assert found["data"]["items"]
    assert call_tool(api, desk.alice_key, "task_list", status="lost")["structuredContent"]["data"]["items"] == []


def test_tool_and_operation_share_limits_and_idempotency(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=False):
        api.get("/api/v2/settings", desk.alice_key)
        by_tool = post_message(api, new_message("tools/call", name="task_list", arguments={}), desk.alice_key)
        by_http = api.get("/api/v2/queue", desk.alice_key)
        assert by_tool.json["result"]["structuredContent"] == by_http.json
        assert (by_tool.calls, by_tool.steps) == (by_http.calls, by_http.steps)
        assert by_tool.headers["x-ratelimit-remaining"] == "118"
        assert by_http.headers["x-ratelimit-remaining"] == "117"
        assert post_message(api, new_message("tools/list"), desk.alice_key).calls == ["UpdateItem"]
    made = api.post("/api/v2/queue", {"title": "Once"}, desk.alice_key, key="same")
    again = call_tool(api, desk.alice_key, "task_create", title="Once", idempotency_key="same")
    assert again["structuredContent"] == made.json
    other = call_tool(api, desk.alice_key, "task_create", title="Twice", idempotency_key="same")
    assert problem_of(other)["code"] == "idempotency_conflict"


def test_long_result_is_in_structured_content_only(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = call_tool(api, desk.alice_key, "settings_get")
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    monkeypatch.setattr(endpoint, "_LONGEST_TEXT", 50)
    long = call_tool(api, desk.alice_key, "settings_get")
    assert long["structuredContent"] == found["structuredContent"]
    assert "structuredContent" in long["content"][0]["text"]


def test_event_is_published_to_one_or_many(api: Api, desk: Desk) -> None:
    to_alice = {"type": "email", "email": "alice@example.com"}
    one = call_tool(api, desk.fd1, "event_publish", event=inputs.new_event(), recipient=to_alice)["structuredContent"]
    (row,) = one["results"]
    many = call_tool(api, desk.fd1, "event_publish_bulk", event=inputs.new_event(), recipients=[to_alice])[
        "structuredContent"
    ]
    assert row["deliveryId"]
    assert len(many["results"]) == 1
    refused = call_tool(api, desk.fd1, "event_publish", event=inputs.new_event(), recipient={"type": "nobody"})
    assert problem_of(refused)["status"] == 400


def test_event_type_of_one_name_is_refused_by_the_tools_that_publish(api: Api, desk: Desk) -> None:
    to_alice = {"type": "email", "email": "alice@example.com"}
    short = inputs.new_event(event_type="fd1.failed")
    assert call_tool(api, desk.fd1, "event_publish", event=short, recipient=to_alice)["isError"]
    assert call_tool(api, desk.fd1, "event_publish_bulk", event=short, recipients=[to_alice])["isError"]


def test_rate_limited_call_states_the_time_to_wait(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "1")
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, 15, tzinfo=UTC), tick=False):
        assert not call_tool(api, desk.alice_key, "task_list")["isError"]
        refused = problem_of(call_tool(api, desk.alice_key, "task_list"))
        assert (refused["code"], refused["retryAfterSeconds"]) == ("rate_limited", 45)
        listing = post_message(api, new_message("tools/list"), desk.alice_key)
        assert (listing.status, listing.headers["retry-after"]) == (429, "45")
        assert (listing.json["id"], listing.json["error"]["data"]["code"]) == (1, "rate_limited")


@ERAS
@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
def test_failed_authentication_has_an_http_status(api: Api, desk: Desk, method: str, stateless: bool) -> None:
    sent = new_message(method, stateless=stateless, **({"name": "event_get"} if method == "tools/call" else {}))
    for token in (None, "dvd_unknown", f"{desk.alice_key[:-9]}aaaaaaaaa"):
        refused = post_message(api, sent, token)
        assert (refused.status, refused.json["error"]["data"]["code"]) == (401, "unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer ")
    personal = post_message(api, sent, desk.alice)
    assert (personal.status, personal.json["error"]["data"]["code"]) == (403, "forbidden")
    off = api.post("/api/v2/keys", {"name": "k"}, desk.alice_key).json["data"]
    api.call("PATCH", "/api/v2/keys", {"id": off["id"], "isActive": False}, token=desk.alice_key)
    assert post_message(api, new_message("tools/call", name="task_list"), off["key"]).status == 401


def test_unauthenticated_callers_learn_nothing_about_their_message(api: Api, desk: Desk) -> None:
    for raw, headers, status in (
        ("{", {}, 400),
        ("[]", {}, 400),
        ("{}", {"Content-Type": "text/plain"}, 415),
        ('{"x": "\\u0000"}', {}, 400),
        ("{}", {"MCP-Protocol-Version": "1999-01-01"}, 400),
    ):
        assert api.call("POST", PATH, raw=raw, headers=headers).status == 401
        assert api.call("POST", PATH, raw=raw, headers=headers, token=desk.alice_key).status == status
    assert api.call("POST", PATH, raw="x" * 262_145).status == 413


@pytest.mark.parametrize(
    ("raw", "code", "about"),
    [
        (b"{", Code.PARSE_ERROR, None),
        (b'"\\ud800"', Code.PARSE_ERROR, None),
        (b"\xff\xfe", Code.PARSE_ERROR, None),
        (b"[" * 5000, Code.PARSE_ERROR, None),
        (b"[]", Code.INVALID_REQUEST, None),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', Code.INVALID_REQUEST, None),
        (b'{"id": 7, "method": "ping"}', Code.INVALID_REQUEST, 7),
        (b'{"jsonrpc": "2.0", "id": "a"}', Code.INVALID_REQUEST, "a"),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', Code.INVALID_REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', Code.INVALID_REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', Code.INVALID_REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', Code.INVALID_REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', Code.INVALID_REQUEST, 1),
    ],
)
def test_invalid_message_is_refused(raw: bytes, code: Code, about: Any) -> None:
    with pytest.raises(Fault) as refused:
        parse_message(raw, {})
    assert (refused.value.status, refused.value.code, refused.value.about) == (400, code, about)


@pytest.mark.parametrize(
    ("sent", "headers", "code"),
    [
        (new_message("tools/list"), {"mcp-protocol-version": "2024-11-05"}, Code.UNSUPPORTED_VERSION),
        (new_message("x", about=None), {"mcp-protocol-version": "2099-01-01"}, Code.UNSUPPORTED_VERSION),
        (new_message("tools/list"), {"mcp-protocol-version": STATELESS}, Code.INVALID_PARAMS),
        (new_message("tools/list", stateless=True), {}, Code.HEADER_MISMATCH),
        (new_message("tools/list", stateless=True), {"mcp-protocol-version": "2099-01-01"}, Code.HEADER_MISMATCH),
        (new_message("tools/list", stateless=True), {"mcp-protocol-version": STATELESS}, Code.HEADER_MISMATCH),
        (
            new_message("tools/call", stateless=True, name="task_list"),
            {"mcp-protocol-version": STATELESS, "mcp-method": "tools/call", "mcp-name": "=?base64?x?="},
            Code.HEADER_MISMATCH,
        ),
    ],
)
def test_headers_must_match_the_revision_of_the_message(
    sent: dict[str, Any], headers: dict[str, str], code: Code
) -> None:
    with pytest.raises(Fault) as refused:
        parse_message(json.dumps(sent).encode(), headers)
    assert (refused.value.status, refused.value.code, refused.value.about) == (400, code, sent.get("id"))


def test_error_states_why_a_message_cannot_be_answered(api: Api, desk: Desk) -> None:
    for sent, code, status in (
        (new_message("tools/call", stateless=True, name="gone"), Code.INVALID_PARAMS, 400),
        (new_message("tools/call", name="gone"), Code.INVALID_PARAMS, 200),
        (new_message("tools/call", name="task_list", arguments=[]), Code.INVALID_PARAMS, 200),
        (new_message("tools/call"), Code.INVALID_PARAMS, 200),
        (new_message("tools/list", cursor="x"), Code.INVALID_PARAMS, 200),
        (new_message("initialize"), Code.INVALID_PARAMS, 200),
        (new_message("resources/list", about="r"), Code.METHOD_NOT_FOUND, 200),
        (new_message("server/discover"), Code.METHOD_NOT_FOUND, 200),
        (new_message("initialize", stateless=True), Code.METHOD_NOT_FOUND, 404),
        (new_message("ping", stateless=True), Code.METHOD_NOT_FOUND, 404),
    ):
        refused = post_message(api, sent, desk.alice_key)
        assert (refused.status, refused.json["error"]["code"], refused.json["id"]) == (status, code, sent["id"]), sent
    unspoken = post_message(api, new_message("tools/list"), desk.alice_key, **{"MCP-Protocol-Version": "2024-11-05"})
    assert unspoken.status == 400
    assert unspoken.json["error"]["data"]["supported"] == [STATELESS, HANDSHAKE, "2025-06-18"]


def test_handshake_and_discovery_follow_the_revision(api: Api, desk: Desk) -> None:
    for wanted, given in ((HANDSHAKE, HANDSHAKE), ("2025-06-18", "2025-06-18"), ("2024-11-05", HANDSHAKE)):
        answer = api.call("POST", PATH, new_message("initialize", protocolVersion=wanted), token=desk.fd1)
        assert answer.json["result"]["protocolVersion"] == given
        assert "mcp-session-id" not in answer.headers
    assert post_message(api, new_message("ping"), desk.fd1).json["result"] == {}
    discovered = post_message(api, new_message("server/discover", stateless=True, about="d"), desk.fd1).json
    result = discovered["result"]
    assert (discovered["id"], result["resultType"], result["cacheScope"]) == ("d", "complete", "private")
    assert result["supportedVersions"][0] == STATELESS
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "fluxden"
    assert post_message(api, new_message("tools/list", stateless=True), desk.fd1).json["result"]["ttlMs"] > 0
    named = new_message("tools/call", stateless=True, name="task_list")
    assert post_message(api, named, desk.alice_key, **{"Mcp-Name": "=?base64?dGFza19saXN0?="}).status == 200


@ERAS
def test_notification_gets_no_reply(api: Api, desk: Desk, stateless: bool) -> None:
    taken = post_message(api, new_message("notifications/initialized", about=None, stateless=stateless), desk.fd1)
    assert (taken.status, taken.text) == (202, "")


def test_event_stream_is_not_supported(api: Api, desk: Desk) -> None:
    refused = api.get(PATH, desk.alice_key)
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


LOCAL, PUBLIC = "http://127.0.0.1:8000", "https://desk.example"


@pytest.mark.parametrize(
    ("base", "host", "origin", "own"),
    [
        (LOCAL, "127.0.0.1:8000", None, True),
        (LOCAL, "LOCALHOST:8000", "http://localhost:8000", True),
        (LOCAL, "[::1]:8000", None, True),
        (LOCAL, "127.0.0.1:8000", "http://localhost:9000", False),
        (LOCAL, "127.0.0.1:8000", "https://evil.example", False),
        (LOCAL, "127.0.0.1:8000", "null", False),
        (LOCAL, "127.0.0.1:9000", None, False),
        (LOCAL, "evil.example:8000", "http://evil.example:8000", False),
        (LOCAL, "", None, False),
        (PUBLIC, "desk.example", "https://desk.example", True),
        (PUBLIC, "desk.example:443", "https://desk.example", True),
        (PUBLIC, "Desk.Example", "https://desk.example:443", True),
        (PUBLIC, "desk.example:80", None, False),
        (PUBLIC, "desk.example:", None, False),
        (PUBLIC, "mallory@desk.example", None, False),
        (PUBLIC, "desk.example", "https://desk.example:80", False),
        (PUBLIC, "desk.example", "file://desk.example", False),
        ("https://desk.example:443", "desk.example", "https://desk.example", True),
        ("http://desk.example", "desk.example:80", "http://desk.example", True),
        ("http://[2001:db8::1]:8000", "[2001:DB8::1]:8000", None, True),
        (PUBLIC, "desk.example", "http://desk.example", False),
        (PUBLIC, "localhost", "http://localhost", False),
        ("", "gateway.example", "https://gateway.example", True),
        ("", "gateway.example", "https://evil.example", False),
        ("", "gateway.example:443", "https://gateway.example", True),
        ("", "gateway.example:443", "http://gateway.example", False),
    ],
)
def test_own_hosts_and_origins_are_recognized(base: str, host: str, origin: str | None, own: bool) -> None:
    assert is_own({"host": host} | ({"origin": origin} if origin is not None else {}), base) == own


def test_foreign_hosts_and_origins_are_refused_first(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", LOCAL)
    for sent in (new_message("ping"), new_message("tools/call", name="task_list", arguments={})):
        for headers in ({"Host": "evil.example"}, {"Host": "127.0.0.1:8000", "Origin": "http://evil.example"}):
            for token in (desk.alice_key, None):
                refused = post_message(api, sent, token, **headers)
                assert (refused.status, refused.json["id"], refused.calls) == (403, None, [])
        assert post_message(api, sent, desk.alice_key, Host="localhost:8000").status == 200


def test_a_host_with_the_default_port_is_the_same_host(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", PUBLIC)
    for headers in ({"Host": "desk.example:443"}, {"Host": "desk.example", "Origin": "https://desk.example:443"}):
        assert post_message(api, new_message("ping"), desk.alice_key, **headers).status == 200
    assert post_message(api, new_message("ping"), desk.alice_key, Host="desk.example:8443").status == 403


def test_every_tool_has_its_own_operation() -> None:
    operations = {name: tool.load() for name, tool in TOOLS.items()}
    assert all(isinstance(each, Operation) for each in operations.values())
    assert len({(each.function.__module__, each.__name__) for each in operations.values()}) == len(TOOLS)
