"""One valid request for every operation, made by Bob or an operator, about data that nobody else may read."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import chalicelib
from chalicelib.aws import dynamodb
from chalicelib.edge.route import Route
from chalicelib.resources import DELIVERIES
from chalicelib.tokens.domain.passkeys import BROWSER_COOKIE
from infra import demo
from tests.support import alerts, authenticator, inputs, instances, mcp, passkeys, peer, sessions
from tests.support.api import ROUTES
from tests.support.directories import USER_SCHEMA, Directory, new_group, new_user, patch
from tests.support.instances import Member, run_admin
from tests.support.sample_data import (
    CANARY,
    CATALOG_ITEM,
    FEDERATION,
    PEER_URL,
    WEBHOOK_URL,
    SampleData,
    SampleRequest,
    in_a_day,
)

ROUTES_BY_NAME = {route.__name__: route for route in ROUTES.values()}
_BOB = {"email": "bob@example.com"}
_CAROL = {"email": "carol@example.com"}
_REPLAY = {"origin": WEBHOOK_URL, "since": "2026-05-01T00:00:00Z", "until": "2026-05-08T00:00:00Z"}

RequestFactory = Callable[[SampleData], SampleRequest]


def _with_key(**more: Any) -> RequestFactory:
    """Return a request with Bob's key. Arguments may be functions of the sample data."""
    return lambda data: SampleRequest(data.api_key, **{name: _resolve(value, data) for name, value in more.items()})


def _with_personal_token(**more: Any) -> RequestFactory:
    return lambda data: SampleRequest(data.token, **{name: _resolve(value, data) for name, value in more.items()})


def _with_admin_token(**more: Any) -> RequestFactory:
    return lambda data: SampleRequest(data.admin_token, **{name: _resolve(value, data) for name, value in more.items()})


def _with_operator_key(**more: Any) -> RequestFactory:
    return lambda data: SampleRequest(
        data.operator_key, **{name: _resolve(value, data) for name, value in more.items()}
    )


def _resolve(value: Any, data: SampleData) -> Any:
    return value(data) if callable(value) else copy.deepcopy(value)


def _with_connection_token(create: Callable[[SampleData], Any], body: Callable[[Any], Any]) -> RequestFactory:
    """Return a request of the desk that Bob is connected with, about what `create` returns."""
    return lambda data: SampleRequest(body=body(create(data)), credential=peer.TOKEN, header=FEDERATION)


def _with_instance_token(create: Callable[[SampleData], Member] = SampleData.add_member, **more: Any) -> RequestFactory:
    return lambda data: SampleRequest(create(data).token, **copy.deepcopy(more))


def _with_session(**more: Any) -> RequestFactory:
    return lambda data: SampleRequest(data.sign_in(), **{name: _resolve(value, data) for name, value in more.items()})


def _with_scim_token(**more: Any) -> RequestFactory:
    """Return a request of a directory. Arguments may be functions of the directory."""

    def made(data: SampleData) -> SampleRequest:
        directory = data.add_directory()
        given = {name: value(directory) if callable(value) else copy.deepcopy(value) for name, value in more.items()}
        return SampleRequest(directory.token, **given)

    return made


def _provisioned_user(directory: Directory) -> dict[str, str]:
    return {"id": directory.add_user(displayName=CANARY, emails=[{"value": "f@example.com", "type": "work"}])}


def _provisioned_group(directory: Directory) -> dict[str, str]:
    """Add a group with a member, whose name is mapped to a project and to operators."""
    run_admin("scim", "groups", "map", CANARY, "--project", "apollo", "--operator")
    return {"id": directory.add_group(CANARY, directory.add_user())}


def _group_with_another_member(directory: Directory) -> dict[str, Any]:
    return patch({"op": "add", "path": "members", "value": [{"value": directory.add_user("gina@example.com")}]})


def _id_of(create: Callable[[SampleData], str]) -> Callable[[SampleData], dict[str, str]]:
    return lambda data: {"id": create(data)}


def _new_delivery(data: SampleData) -> dict[str, str]:
    return {"deliveryId": data.add_delivery()}


def _approved_queue_item(data: SampleData) -> dict[str, str]:
    return {"id": data.add_queue_item(ready=True)}


def _hub_event(data: SampleData) -> SampleRequest:
    body = {"event": "agent_approval", "agentId": "scribe", "status": "disabled"}
    return SampleRequest(data.desk.demo["federation"]["instance_api_key"], body, header=FEDERATION)


def _failed_callback(data: SampleData) -> dict[str, str]:
    """Return a callback whose next attempt is years away."""
    delivery_id = data.add_clicked_delivery()
    key = {"pk": {"S": delivery_id}, "sk": {"S": "ACTION#0"}}
    dynamodb().update_item(
        TableName=DELIVERIES.physical_name,
        Key=key,
        UpdateExpression="SET nextAttemptAt = :later",
        ExpressionAttributeValues={":later": {"S": "2040-01-01T00:00:00.000000Z"}},
    )
    return {"deliveryId": delivery_id, "index": "0"}


def _audit_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_key()
    path = "/api/v2/operate/audit?limit=1&kind=key."
    cursor = data.api.get(path, data.operator_key).json["data"]["nextCursor"]
    return SampleRequest(data.operator_key, query={"limit": "5", "kind": "key.", "cursor": cursor})


def _security_log_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_key()
    cursor = data.api.get("/api/v2/me/security-log?limit=1", data.api_key).json["data"]["nextCursor"]
    return SampleRequest(data.api_key, query={"limit": "5", "cursor": cursor})


def _inbox_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_delivery()
    cursor = data.api.get("/api/v1/inbox?limit=1", data.api_key).json["nextCursor"]
    return SampleRequest(data.api_key, query={"limit": "5", "cursor": cursor})


def _export_page(data: SampleData) -> SampleRequest:
    data.add_card()
    cursor = data.api.get("/api/v2/me/data", data.api_key).json["data"]["nextCursor"]
    return SampleRequest(data.api_key, query={"cursor": cursor})


def _sent_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_delivery()
    filters = {"limit": "1", "label": f"repo:{CANARY}", "email": "bob@example.com", "status": "open"}
    query = "&".join(f"{name}={text}" for name, text in filters.items())
    cursor = data.api.get(f"/api/v1/events?{query}", data.admin_token).json["nextCursor"]
    return SampleRequest(data.admin_token, query=filters | {"limit": "5", "cursor": cursor})


def _page_after_first(create: Callable[[SampleData], object], path: str) -> RequestFactory:
    """Return a request of the second page of Bob's rows, of which there are three."""

    def made(data: SampleData) -> SampleRequest:
        for _ in range(3):
            create(data)
        page = data.api.get(f"{path}?limit=1", data.api_key).json["data"]
        return SampleRequest(data.api_key, query={"limit": "5", "cursor": page["pagination"]["cursor"]})

    return made


def _persons_relays_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_relay()
    first = SampleRequest(data.operator_key, query={"userId": data.desk.user_id("bob"), "limit": "1"})
    page = first.send(data.api, ROUTES_BY_NAME["list_persons_relays"]).json["data"]
    return replace(first, query=first.query | {"limit": "5", "cursor": page["pagination"]["cursor"]})


def _chat_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.create("/api/v2/shared-chat/send", {"content": CANARY})
    page = data.api.get("/api/v2/shared-chat/messages?limit=1", data.api_key).json["data"]
    return SampleRequest(data.api_key, query={"limit": "5", "cursor": page["pagination"]["cursor"]})


def _feedback_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.create("/api/v2/feedback", {"message": CANARY})
    page = data.api.get("/api/v2/feedback?limit=1", data.api_key).json["data"]
    return SampleRequest(data.api_key, query={"limit": "5", "cursor": page["nextCursor"]})


def _employee_task_page(data: SampleData) -> SampleRequest:
    for _ in range(3):
        data.add_shown_queue_item()
    first = SampleRequest(data.admin_token, query=_BOB | {"limit": "1"})
    cursor = first.send(data.api, ROUTES_BY_NAME["list_employee_tasks"]).json["nextCursor"]
    return replace(first, query=_BOB | {"limit": "5", "cursor": cursor})


def _after(create: Callable[[SampleData], object], factory: RequestFactory | None = None) -> RequestFactory:
    """Return a request that is sent after `create`, by default with Bob's key and nothing else."""

    def made(data: SampleData) -> SampleRequest:
        create(data)
        return factory(data) if factory else SampleRequest(data.api_key)

    return made


def _connection_request(data: SampleData) -> SampleRequest:
    peer.allow_federation(approval=True)
    return SampleRequest(body=peer.connection_request(toUserEmail="bob@example.com", fromUserName=CANARY))


def _approval_body(data: SampleData) -> dict[str, str]:
    return {"email": "bob@example.com", "catalogSlug": data.add_catalog_item()}


def _tool_call(data: SampleData) -> SampleRequest:
    body = mcp.new_message("tools/call", name="task_get", arguments={"id": data.add_queue_item()})
    return SampleRequest(data.api_key, body, headers={"MCP-Protocol-Version": mcp.HANDSHAKE})


def _new_passkey(data: SampleData) -> SampleRequest:
    browser = data.visitor()
    _, credential = authenticator.create(browser.ask_for_new(), browser.page)
    body = {"name": CANARY, "credential": credential}
    cookie = {"Cookie": f"{BROWSER_COOKIE}={browser.cookies[BROWSER_COOKIE]}"}
    return SampleRequest(data.api_key, body, headers=cookie)


def _passkey_sign_in(data: SampleData) -> SampleRequest:
    passkey, browser = data.visitor().add(CANARY), passkeys.Visitor(data.api)
    credential = authenticator.get(browser.ask(), browser.page, passkey)
    return SampleRequest(body={"credential": credential}, headers=browser.headers())


def _console_asset(_: SampleData) -> SampleRequest:
    built = Path(chalicelib.__path__[0], "web", "console", "manifest.json")
    return SampleRequest(path={"asset": json.loads(built.read_text(encoding="utf-8"))["assets"]["app.js"]})


def _slug_of(create: Callable[[SampleData], str]) -> Callable[[SampleData], dict[str, str]]:
    return lambda data: {"slug": create(data)}


_HR_TOKEN = {"tokenId": demo.identifier("tools", "hr")}

_BOBS_ID = {"userId": demo.identifier("user", "bob")}
_CSV = f"email,name,operator,projects\nzoe@example.com,{CANARY},false,\n"


_DECLARED = {"eventType": "fd1.deploy", "name": CANARY, "description": CANARY, "defaultWay": "inbox"}

OPERATOR_REQUESTS: dict[str, RequestFactory] = {
    "activate_employee": _with_operator_key(path={"userId": demo.identifier("user", "dave")}),
    "approve_instance": _with_operator_key(
        path=lambda data: {"instanceId": instances.register_instance(data.api).instance_id},
        body={"withoutChallenge": True},
    ),
    "count_dead_letters": _after(SampleData.add_dead_letter, _with_operator_key()),
    "create_sign_in_link": _with_operator_key(path=_BOBS_ID),
    "deactivate_employee": _with_operator_key(path=_BOBS_ID),
    "delete_employee_key": _with_operator_key(path=_BOBS_ID, query=_id_of(SampleData.add_key)),
    "end_employee_sessions": _with_operator_key(path=_BOBS_ID, query=_id_of(SampleData.add_session)),
    "export_employees": _with_operator_key(),
    "get_employee": _with_operator_key(path=_BOBS_ID),
    "import_employees": _with_operator_key(body={"csv": _CSV}),
    "invite_employee": _with_operator_key(body={"email": "zoe@example.com", "name": CANARY}),
    "list_employees": _with_operator_key(query={"limit": "50"}),
    "switch_employee_key": _with_operator_key(
        path=_BOBS_ID, body=lambda data: {"id": data.add_key(), "isActive": False}
    ),
    "switch_employee_token": _with_operator_key(
        path=_BOBS_ID, body=lambda data: {"id": data.add_integration(), "isActive": False}
    ),
    "update_employee": _with_operator_key(path=_BOBS_ID, body={"name": CANARY, "operator": True}),
    "create_integrator": _with_operator_key(body={"slug": "ci", "name": CANARY, "eventPrefix": "ci."}),
    "issue_tools_token": _with_operator_key(body={"integrator": "hr", "owner": "bob@example.com"}),
    "list_all_event_types": _after(SampleData.add_delivery, _with_operator_key()),
    "list_all_integrators": _with_operator_key(),
    "list_callbacks": _with_operator_key(query=lambda data: {"deliveryId": data.add_clicked_delivery()}),
    "list_dead_letters": _with_operator_key(path=lambda data: {"queue": data.add_dead_letter()}),
    "get_logged_delivery": _with_operator_key(path=lambda data: {"deliveryId": data.add_clicked_delivery()}),
    "list_logged_deliveries": _after(
        SampleData.add_delivery, _after(SampleData.add_delivery, _with_operator_key(query={"integrator": "fd1"}))
    ),
    "list_catalog_for_me": _after(SampleData.apply_for_item),
    "get_own_logged_delivery": _with_admin_token(path=lambda data: {"deliveryId": data.add_clicked_delivery()}),
    "list_own_logged_deliveries": _after(SampleData.add_delivery, _after(SampleData.add_delivery, _with_admin_token())),
    "get_callback_replay": _with_operator_key(path=SampleData.replay_callbacks),
    "get_own_callback_replay": _with_admin_token(path=SampleData.replay_callbacks),
    "list_callback_endpoints": _after(SampleData.pause_endpoint, _with_operator_key()),
    "list_own_callback_endpoints": _after(SampleData.pause_endpoint, _with_admin_token()),
    "pause_callback_endpoint": _with_operator_key(body={"integrator": "fd1", "origin": WEBHOOK_URL}),
    "pause_own_callback_endpoint": _with_admin_token(body={"origin": WEBHOOK_URL}),
    "replay_failed_callbacks": _with_operator_key(body={"integrator": "fd1", **_REPLAY}),
    "replay_own_failed_callbacks": _with_admin_token(body=_REPLAY),
    "resume_callback_endpoint": _with_operator_key(body=lambda data: {"integrator": "fd1", **data.pause_endpoint()}),
    "resume_own_callback_endpoint": _with_admin_token(body=SampleData.pause_endpoint),
    "resend_callback": _with_operator_key(path=_failed_callback),
    "list_instances": _after(SampleData.add_member, _with_operator_key()),
    "list_people": _with_operator_key(),
    "list_persons_relays": _persons_relays_page,
    "list_tools_tokens": _with_operator_key(),
    "operate_assign_approval": _with_operator_key(body=_approval_body),
    "operate_create_item": _with_operator_key(body=CATALOG_ITEM),
    "operate_delete_item": _with_operator_key(path=_slug_of(SampleData.add_catalog_item)),
    "operate_list_approvals": _after(
        SampleData.add_catalog_request, _with_operator_key(query={"catalog_slug": "printer"})
    ),
    "operate_list_items": _after(SampleData.add_catalog_item, _with_operator_key()),
    "operate_review_request": _with_operator_key(
        body=lambda data: {"requestId": data.add_catalog_request(), "decision": "approve", "note": CANARY}
    ),
    "operate_revoke_approval": _with_operator_key(query={"email": "bob@example.com", "catalogSlug": "fd1"}),
    "operate_update_item": _with_operator_key(path=_slug_of(SampleData.add_catalog_item), body={"description": CANARY}),
    "redrive_dead_letters": _with_operator_key(path=lambda data: {"queue": data.add_dead_letter()}, body={"all": True}),
    "restore_queue_item": _with_key(path=_id_of(SampleData.add_rejected_item)),
    "revoke_tools_token": _with_operator_key(path=_HR_TOKEN),
    "rotate_tools_token": _with_operator_key(path=_HR_TOKEN, body={"atOnce": True}),
    "show_budgets": _with_operator_key(query=lambda data: {"userId": data.desk.user_id("bob")}),
    "block_origin": _with_operator_key(body={"origin": PEER_URL}),
    "unblock_origin": _with_operator_key(body={"origin": PEER_URL}),
    "list_origins": _with_operator_key(),
    "list_persons_connections": _after(
        SampleData.add_connection, _with_operator_key(query=lambda data: {"userId": data.desk.user_id("bob")})
    ),
    "remove_persons_connection": _with_operator_key(path=lambda data: {"connectionId": data.add_connection()}),
    "remove_instance": _with_operator_key(
        path=lambda data: {"instanceId": instances.register_instance(data.api).instance_id}
    ),
    "suspend_instance": _with_operator_key(path=lambda data: {"instanceId": data.add_member().instance_id}),
    "operate_declare_types": _with_operator_key(
        path={"slug": "hr"}, body={"types": [_DECLARED | {"eventType": "hr.leave"}]}
    ),
    "list_declared_types": _after(SampleData.declare_types),
    "get_declared_types": _after(SampleData.declare_types, _with_admin_token()),
    "replace_declared_types": _with_admin_token(
        body=lambda data: {"types": [_DECLARED], "version": data.declare_types()}
    ),
    "update_integrator": _with_operator_key(path={"slug": "hr"}, body={"name": CANARY}),
}

_DEACTIVATE = {"op": "replace", "path": "active", "value": False}
_SEARCH_BODY = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 50}
_BULK_BODY = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
    "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "frank", "data": new_user(displayName=CANARY)},
        {"method": "POST", "path": "/Groups", "bulkId": "team", "data": new_group(CANARY, "bulkId:frank")},
    ],
}

DIRECTORY_REQUESTS: dict[str, RequestFactory] = {
    "change_scim_group": _with_scim_token(path=_provisioned_group, body=_group_with_another_member),
    "change_scim_user": _with_scim_token(path=_provisioned_user, body=patch(_DEACTIVATE)),
    "create_scim_group": _with_scim_token(body=lambda directory: new_group(CANARY, directory.add_user())),
    "create_scim_user": _with_scim_token(body=new_user(displayName=CANARY)),
    "delete_scim_group": _with_scim_token(path=_provisioned_group),
    "delete_scim_user": _with_scim_token(path=_provisioned_user),
    "get_scim_config": _with_scim_token(),
    "get_scim_group": _with_scim_token(path=_provisioned_group),
    "get_scim_openapi": lambda _: SampleRequest(),
    "get_scim_resource_type": _with_scim_token(path={"name": "User"}),
    "get_scim_schema": _with_scim_token(path={"urn": USER_SCHEMA}),
    "get_scim_user": _with_scim_token(path=_provisioned_user),
    "list_scim_groups": _with_scim_token(query=lambda directory: {"count": str(len(_provisioned_group(directory)))}),
    "list_scim_resource_types": _with_scim_token(),
    "list_scim_schemas": _with_scim_token(),
    "list_scim_users": _with_scim_token(query={"startIndex": "1", "count": "50"}),
    "replace_scim_group": _with_scim_token(path=_provisioned_group, body=new_group(f"{CANARY} again")),
    "replace_scim_user": _with_scim_token(path=_provisioned_user, body=new_user(displayName=CANARY, active=False)),
    "run_scim_bulk": _with_scim_token(body=_BULK_BODY),
    "search_scim": _with_scim_token(body=_SEARCH_BODY),
    "search_scim_groups": _with_scim_token(body=_SEARCH_BODY),
    "search_scim_users": _with_scim_token(body=_SEARCH_BODY),
}

SAMPLE_REQUESTS: dict[str, RequestFactory] = OPERATOR_REQUESTS | {
    "acknowledge_relay": _with_connection_token(
        SampleData.add_relay, lambda made: {"relayId": made, "peerRelayId": made, "status": "completed"}
    ),
    "add_checklist_item": _with_key(path=_id_of(SampleData.add_card), body={"text": CANARY}),
    "add_comment": _with_key(path=_id_of(SampleData.add_queue_item), body={"text": CANARY}),
    "add_standing_approval": _with_key(
        body=lambda data: {"taskId": data.propose(), "until": in_a_day(), "uses": 5, "required": {"amount": 1}}
    ),
    "list_delegations": _after(SampleData.delegate),
    "add_delegation": _with_key(body=lambda _: {"to": "carol@example.com", "until": in_a_day()}),
    "end_delegation": _with_key(path=_id_of(SampleData.delegate)),
    "list_delegated_tasks": _after(SampleData.add_delegated_task),
    "confirm_delegated_task": _with_key(
        path=_id_of(SampleData.add_delegated_task), body={"action": "approve", "arguments": {"amount": 2}}
    ),
    "end_standing_approval": _with_key(path=_id_of(SampleData.add_standing_approval)),
    "list_standing_approvals": _after(SampleData.add_standing_approval),
    "get_approval": _with_key(path=_id_of(SampleData.add_queue_item)),
    "add_queue_item": _with_key(body={"title": CANARY, "priority": "urgent"}),
    "add_passkey": _new_passkey,
    "ask_for_connection": _with_key(body={"peerInstanceUrl": PEER_URL, "peerUserEmail": "nora@other.example.org"}),
    "ask_for_passkey": _after(SampleData.add_passkey),
    "ask_to_sign_in": lambda _: SampleRequest(headers=sessions.OWN_PAGE),
    "assign_catalog_approval": _with_admin_token(body=lambda data: _BOB | {"catalog_slug": data.add_catalog_item()}),
    "call_mcp": _tool_call,
    "change_connection": _with_key(path=_id_of(SampleData.add_connection), body={"action": "block"}),
    "change_inbox_delivery": _with_key(path=_new_delivery, body={"archived": True}),
    "change_inbox_deliveries": _with_key(
        body=lambda data: {"action": "archive", "ids": [data.add_delivery() for _ in range(2)]}
    ),
    "change_settings": _after(_approved_queue_item, _with_key(body={"mode": "chief_of_staff"})),
    "claim_token": _with_admin_token(body=_CAROL | {"label": "CI"}),
    "claim_tokens": _with_admin_token(body={"claims": [_CAROL, _BOB]}),
    "click_action": _with_key(path=lambda data: _new_delivery(data) | {"index": "0"}),
    "complete_queue_item": _with_key(path=_approved_queue_item, body={"result": CANARY}),
    "confirm_connection": lambda data: SampleRequest(
        data.add_requested_connection(), {"connectionId": "c-9", "acceptedByName": "Tim"}, header=FEDERATION
    ),
    "confirm_queue_item": _with_key(path=_id_of(SampleData.add_queue_item), body={"action": "approve"}),
    "create_card": _with_key(body={"title": CANARY}),
    "create_catalog_item": _with_admin_token(
        body=CATALOG_ITEM
        | {
            "contact_user_id": demo.identifier("user", "bob"),
            "linked_tools_token_id": demo.identifier("tools", "hr"),
        }
    ),
    "create_contact": _with_key(body={"name": CANARY, "email": "ada@example.com"}),
    "create_key": _with_key(body={"name": CANARY}),
    "create_socket_ticket": _with_session(),
    "delete_card": _with_key(path=lambda data: {"id": data.link_contact()["id"]}),
    "delete_catalog_item": _with_admin_token(path=lambda data: {"slug": data.add_catalog_item()}),
    "delete_checklist_item": _with_key(path=SampleData.add_checklist_item),
    "delete_contact": _with_key(path=lambda data: {"id": data.link_contact()["contactId"]}),
    "delete_key": _with_key(query=_id_of(SampleData.add_key)),
    "delete_synced_agent": _with_instance_token(SampleData.add_offering_member, path={"remoteId": "a"}),
    "describe_desk": lambda _: SampleRequest(),
    "discover_network": _with_instance_token(SampleData.add_offering_member),
    "end_sessions": _with_session(query=_id_of(SampleData.add_session)),
    "end_connection": _with_connection_token(SampleData.add_connection, lambda _: {"connectionId": "c-9"}),
    "finish_sign_in": lambda _: SampleRequest(path={"providerId": "company"}, query={"state": "x", "code": "x"}),
    "get_agent_card": lambda _: SampleRequest(),
    "get_card": _with_key(path=_id_of(SampleData.add_card)),
    "get_catalog_item": _with_admin_token(path=lambda data: {"slug": data.add_catalog_item()}),
    "get_console": lambda _: SampleRequest(),
    "get_console_asset": _console_asset,
    "get_console_worker": lambda _: SampleRequest(),
    "get_contact": _with_key(path=_id_of(SampleData.add_contact)),
    "get_docs": lambda _: SampleRequest(),
    "get_docs_asset": lambda _: SampleRequest(path={"asset": "start.js"}),
    "get_employee_task": _with_admin_token(
        path=lambda data: {"taskId": data.add_shown_queue_item()}, query=lambda _: {**_BOB}
    ),
    "get_event": _with_personal_token(path=_new_delivery),
    "get_health": lambda _: SampleRequest(),
    "get_inbox_bulk_change": _with_key(path=lambda data: {"jobId": data.change_inbox()}),
    "get_inbox_delivery": _with_key(path=_new_delivery),
    "get_me": _after(SampleData.add_browser),
    "export_my_data": _export_page,
    "get_openapi": lambda _: SampleRequest(),
    "get_profile": _after(lambda data: data.create("/api/v2/profile", {"bio": CANARY}, method="PATCH")),
    "get_project": _with_key(path=_slug_of(SampleData.add_project)),
    "get_prompt_groups": _with_key(),
    "get_held_event": _with_operator_key(path=_id_of(SampleData.hold_event)),
    "get_queue_item": _with_key(path=_id_of(SampleData.add_queue_item)),
    "get_settings": _with_key(),
    "get_synced_agent": _with_instance_token(SampleData.add_offering_member, path={"remoteId": "a"}),
    "get_v2_docs": lambda _: SampleRequest(),
    "get_v2_openapi": lambda _: SampleRequest(),
    "link_contact": _with_key(
        path=_id_of(SampleData.add_card), body=lambda data: {"contactId": data.add_contact(), "role": CANARY}
    ),
    "link_marketplace": _with_instance_token(body={"action": "disable"}),
    "list_cards": _page_after_first(SampleData.link_contact, "/api/v2/kanban"),
    "list_catalog_approvals": _after(
        SampleData.add_catalog_request, _with_admin_token(query={"catalog_slug": "printer"})
    ),
    "list_catalog_items": _after(SampleData.add_catalog_item, _with_admin_token(query={"integrator_slug": "fd1"})),
    "list_connections": _after(SampleData.add_connection),
    "list_contacts": _page_after_first(SampleData.add_contact, "/api/v2/contacts"),
    "list_employee_tasks": _employee_task_page,
    "list_event_types": _after(SampleData.add_delivery, _with_personal_token(query={"integrator_slug": "fd1"})),
    "list_feedback": _feedback_page,
    "list_inbox": _inbox_page,
    "list_integrations": _after(SampleData.add_integration),
    "list_integrators": _with_admin_token(),
    "list_keys": _after(SampleData.add_key),
    "list_mentions": _with_key(),
    "list_messages": _chat_page,
    "list_project_members": _with_key(path=_slug_of(SampleData.add_project)),
    "list_passkeys": _after(SampleData.add_passkey),
    "list_projects": _after(SampleData.add_project),
    "list_queue": _page_after_first(SampleData.add_queue_item, "/api/v2/queue"),
    "list_relays": _page_after_first(SampleData.add_relay, "/api/v2/relays"),
    "list_sent_events": _sent_page,
    "list_sessions": _with_session(),
    "list_audit_entries": _audit_page,
    "export_audit_entries": _after(SampleData.add_key, _with_operator_key(query={"kind": "key."})),
    "list_security_log": _security_log_page,
    "list_sign_in_providers": lambda _: SampleRequest(),
    "list_synced_agents": _with_instance_token(SampleData.add_offering_member),
    "list_updates": lambda _: SampleRequest(),
    "open_mcp_stream": lambda _: SampleRequest(),
    "propose_employee_task": _after(
        SampleData.add_shown_queue_item, _with_admin_token(body=_BOB | {"title": CANARY, "details": {"note": CANARY}})
    ),
    "ingest_events": _with_personal_token(
        path={"adapter": "alertmanager"}, body=lambda _: alerts.new_group(alerts.new_alert(summary=CANARY))
    ),
    "create_ingest_token": _with_personal_token(body={"adapter": "alertmanager", "name": CANARY}),
    "end_ingest_token": _with_personal_token(path=lambda data: {"tokenId": data.add_ingest_token()["tokenId"]}),
    "list_channels": _after(SampleData.add_channel),
    "add_channel": _with_key(body={"kind": "webhook", "label": CANARY, "url": "https://hooks.example.com/notices"}),
    "test_channel": _with_key(path=lambda data: {"channelId": data.add_channel()}),
    "remove_channel": _with_key(path=lambda data: {"channelId": data.add_channel()}),
    "replace_ingest_rules": _with_admin_token(
        path=lambda data: {"tokenId": data.add_routed_token()["tokenId"]},
        body=lambda _: {
            "rules": [{"when": {"severity": "critical", "labels.team": CANARY}, "to": [_BOB["email"], "group:apollo"]}]
        },
    ),
    "list_ingest_tokens": _after(SampleData.add_ingest_token, _with_personal_token()),
    "preview_ingest_mapping": _with_personal_token(body={"mapping": {"title": "a"}, "sample": {"a": CANARY}}),
    "ingest_by_put": lambda data: SampleRequest(
        path={"adapter": "alertmanager", "token": data.add_ingest_token()["token"]},
        body=alerts.new_group(alerts.new_alert(summary=CANARY)),
    ),
    "ingest_by_address": lambda data: SampleRequest(
        path={"adapter": "alertmanager", "token": data.add_ingest_token()["token"]},
        body=alerts.new_group(alerts.new_alert(summary=CANARY)),
    ),
    "publish_bulk": _with_admin_token(
        body=lambda _: {
            "event": inputs.new_event(title=CANARY, labels={"repo": CANARY}),
            "recipients": [{"type": "email"} | each for each in (_BOB, _CAROL)],
        }
    ),
    "publish_event": _with_personal_token(body=lambda _: inputs.new_event(title=CANARY)),
    "put_synced_agent": _with_instance_token(
        SampleData.add_offering_member, path={"remoteId": "a"}, body={"name": CANARY, "description": "New"}
    ),
    "receive_marketplace_event": _hub_event,
    "receive_relay": _with_connection_token(
        SampleData.add_connection,
        lambda _: {"relayId": "r-1", "toUserEmail": "bob@example.com", "intent": "assign_task", "subject": CANARY},
    ),
    "register_instance": lambda _: SampleRequest(body=instances.new_registration()),
    "remove_passkey": _with_key(query=_id_of(SampleData.add_passkey)),
    "rename_passkey": _with_key(body=lambda data: {"id": data.add_passkey(), "name": f"New {CANARY}"}),
    "request_catalog_item": _with_key(body=lambda data: {"catalog_slug": data.add_catalog_item(), "note": CANARY}),
    "request_connection": _connection_request,
    "resolve_event": _with_personal_token(path=_new_delivery, body={"resolution_note": CANARY}),
    "review_catalog_request": _with_admin_token(
        body=lambda data: {"request_id": data.add_catalog_request(), "decision": "approve"}
    ),
    "revoke_catalog_approval": _with_admin_token(body=_BOB | {"catalog_slug": "fd1"}),
    "send_heartbeat": _with_instance_token(body={"version": "1.2.3", "userCount": 4}),
    "send_message": _with_key(body={"content": CANARY}),
    "send_relay": _with_key(
        body=lambda data: {
            "connectionId": data.add_connection(),
            "cardId": data.add_card(),
            "queueItemId": data.add_queue_item(),
            "subject": CANARY,
        }
    ),
    "set_queue_item_status": _with_key(path=_approved_queue_item, body={"status": "in_progress"}),
    "show_push": _after(SampleData.add_browser),
    "sign_in": lambda data: SampleRequest(
        body={"code": sessions.new_code(data.desk.user_id("bob"))}, headers=sessions.OWN_PAGE
    ),
    "sign_in_with_passkey": _passkey_sign_in,
    "sign_out": _with_session(),
    "start_sign_in": lambda _: SampleRequest(path={"providerId": "company"}),
    "stream_events": _after(lambda data: data.create("/api/v2/shared-chat/send", {"content": CANARY})),
    "submit_feedback": _with_key(body={"message": CANARY, "kind": "idea"}),
    "subscribe_to_push": _with_key(body={"endpoint": f"https://push.example.com/{CANARY}"}),
    "get_preferences": _after(SampleData.save_preferences),
    "replace_preferences": _with_key(
        body={"rules": [{"integrator": CANARY, "ways": ["mute"]}], "timeZone": "Europe/Berlin", "version": 0}
    ),
    "list_inbox_views": _after(SampleData.save_view),
    "show_email": _with_key(),
    "change_email": _with_key(body={"enabled": False}),
    "test_email": _after(SampleData.set_up_mail),
    "show_unsubscribe": lambda data: SampleRequest(path={"token": data.unsubscribe_token()}),
    "unsubscribe_from_email": lambda data: SampleRequest(path={"token": data.unsubscribe_token()}),
    "replace_inbox_views": _with_key(body={"views": [{"name": CANARY, "filter": {"q": CANARY}}], "version": 0}),
    "summarize_inbox": _after(SampleData.add_delivery),
    "supplement_event": _with_personal_token(path=_new_delivery, body={"markdown_body": CANARY}),
    "switch_integration": _with_key(
        path=lambda data: {"integrationId": data.add_integration()}, body={"isActive": False}
    ),
    "switch_key": _with_key(body=lambda data: {"id": data.add_key(), "isActive": False}),
    "sync_agents": _with_instance_token(body={"agents": [{"id": "a", "name": CANARY}, {"id": "b", "name": "B"}]}),
    "unlink_contact": _with_key(path=SampleData.link_contact),
    "unsubscribe_from_push": _with_key(path=lambda data: {"subscriptionId": data.add_browser()}),
    "undo_inbox_bulk_change": _with_key(path=lambda data: {"jobId": data.change_inbox()}),
    "update_card": _with_key(
        path=lambda data: {"id": data.link_contact()["id"]}, body={"title": f"New {CANARY}", "order": 5}
    ),
    "update_card_contact": _with_key(path=SampleData.link_contact, body={"role": "signs"}),
    "update_catalog_item": _with_admin_token(
        path=lambda data: {"slug": data.add_catalog_item()}, body={"description": "New"}
    ),
    "update_checklist_item": _with_key(path=SampleData.add_checklist_item, body={"completed": True}),
    "update_contact": _with_key(
        path=lambda data: {"id": data.link_contact()["contactId"]}, body={"name": f"New {CANARY}"}
    ),
    "update_profile": _with_key(body={"bio": CANARY}),
    "validate_payment": _with_instance_token(
        body={
            "transactionType": "marketplace",
            "grossAmount": 10,
            "proposedFeePercent": 3,
            "agentId": "a",
            "executionId": "x",
            "contractId": "c",
        }
    ),
}
SAMPLE_REQUESTS |= DIRECTORY_REQUESTS


def sample_request(name: str, data: SampleData) -> tuple[Route, SampleRequest]:
    """Return the operation and its sample request."""
    return ROUTES_BY_NAME[name], SAMPLE_REQUESTS[name](data)
