"""For every operation one valid request: bob's or an operator's, about things with a word that nobody else may read."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chalicelib
from chalicelib.edge.route import Route
from infra import demo
from tests.support import inputs, instances, mcp, peer
from tests.support.api import ROUTES
from tests.support.instances import Member
from tests.support.sample_data import FEDERATION, ITEM, PEER, WORD, Ask, Scene

NAMED = {route.__name__: route for route in ROUTES.values()}
_BOB = {"email": "bob@example.com"}
_CAROL = {"email": "carol@example.com"}

Asking = Callable[[Scene], Ask]


def _mine(**more: Any) -> Asking:
    """A request with bob's key; what depends on the scene is given as functions of it."""
    return lambda scene: Ask(scene.key, **{name: _made(value, scene) for name, value in more.items()})


def _publishers(**more: Any) -> Asking:
    return lambda scene: Ask(scene.token, **{name: _made(value, scene) for name, value in more.items()})


def _admins(**more: Any) -> Asking:
    return lambda scene: Ask(scene.admin, **{name: _made(value, scene) for name, value in more.items()})


def _operators(**more: Any) -> Asking:
    return lambda scene: Ask(scene.operator, **{name: _made(value, scene) for name, value in more.items()})


def _made(value: Any, scene: Scene) -> Any:
    return value(scene) if callable(value) else copy.deepcopy(value)


def _peers(what: Callable[[Scene], Any], body: Callable[[Any], Any]) -> Asking:
    """A request of the desk that bob is connected with, about `what` there is then."""
    return lambda scene: Ask(body=body(what(scene)), credential=peer.TOKEN, header=FEDERATION)


def _members(what: Callable[[Scene], Member] = Scene.member, **more: Any) -> Asking:
    return lambda scene: Ask(what(scene).token, **copy.deepcopy(more))


def _id(what: Callable[[Scene], str]) -> Callable[[Scene], dict[str, str]]:
    return lambda scene: {"id": what(scene)}


def _delivery(scene: Scene) -> dict[str, str]:
    return {"deliveryId": scene.delivery()}


def _ready(scene: Scene) -> dict[str, str]:
    return {"id": scene.item(ready=True)}


def _hub_event(scene: Scene) -> Ask:
    body = {"event": "agent_approval", "agentId": "scribe", "status": "disabled"}
    return Ask(scene.member().key, body, header=FEDERATION)


def _inbox_page(scene: Scene) -> Ask:
    for _ in range(3):
        scene.delivery()
    cursor = scene.api.get("/api/v1/inbox?limit=1", scene.key).json["nextCursor"]
    return Ask(scene.key, query={"limit": "5", "cursor": cursor})


def _chat_page(scene: Scene) -> Ask:
    for _ in range(3):
        scene.make("/api/v2/shared-chat/send", {"content": WORD})
    page = scene.api.get("/api/v2/shared-chat/messages?limit=1", scene.key).json["data"]
    return Ask(scene.key, query={"limit": "5", "cursor": page["pagination"]["cursor"]})


def _feedback_page(scene: Scene) -> Ask:
    for _ in range(3):
        scene.make("/api/v2/feedback", {"message": WORD})
    page = scene.api.get("/api/v2/feedback?limit=1", scene.key).json["data"]
    return Ask(scene.key, query={"limit": "5", "cursor": page["nextCursor"]})


def _with(what: Callable[[Scene], object], asking: Asking | None = None) -> Asking:
    """A request that is made, by default with bob's key alone, when `what` has been done."""

    def made(scene: Scene) -> Ask:
        what(scene)
        return asking(scene) if asking else Ask(scene.key)

    return made


def _connecting(scene: Scene) -> Ask:
    peer.allow(approval=True)
    return Ask(body=peer.request(toUserEmail="bob@example.com", fromUserName=WORD))


def _approval(scene: Scene) -> dict[str, str]:
    return {"email": "bob@example.com", "catalogSlug": scene.catalog_item()}


def _call_of_a_tool(scene: Scene) -> Ask:
    body = mcp.message("tools/call", name="task_get", arguments={"id": scene.item()})
    return Ask(scene.key, body, headers={"MCP-Protocol-Version": mcp.HANDSHAKE})


def _console_asset(_: Scene) -> Ask:
    built = Path(chalicelib.__path__[0], "web", "console", "manifest.json")
    return Ask(path={"asset": json.loads(built.read_text(encoding="utf-8"))["assets"]["app.js"]})


def _slug(what: Callable[[Scene], str]) -> Callable[[Scene], dict[str, str]]:
    return lambda scene: {"slug": what(scene)}


_HR_TOKEN = {"tokenId": demo.identifier("tools", "hr")}

OPERATING: dict[str, Asking] = {
    "approve_instance": _operators(
        path=lambda scene: {"instanceId": instances.register(scene.api).instance_id}, body={"withoutChallenge": True}
    ),
    "count_dead_letters": _with(Scene.dead_letter, _operators()),
    "create_integrator": _operators(body={"slug": "ci", "name": WORD, "eventPrefix": "ci."}),
    "issue_tools_token": _operators(body={"integrator": "hr", "owner": "bob@example.com"}),
    "list_all_event_types": _with(Scene.delivery, _operators()),
    "list_all_integrators": _operators(),
    "list_callbacks": _operators(query=lambda scene: {"deliveryId": scene.clicked()}),
    "list_dead_letters": _operators(path=lambda scene: {"queue": scene.dead_letter()}),
    "list_instances": _with(Scene.member, _operators()),
    "list_people": _operators(),
    "list_persons_relays": _with(Scene.relay, _operators(query=lambda scene: {"userId": scene.desk.user_id("bob")})),
    "list_tools_tokens": _operators(),
    "operate_assign_approval": _operators(body=_approval),
    "operate_create_item": _operators(body=ITEM),
    "operate_delete_item": _operators(path=_slug(Scene.catalog_item)),
    "operate_list_approvals": _with(Scene.applied, _operators(query={"catalog_slug": "printer"})),
    "operate_list_items": _with(Scene.catalog_item, _operators()),
    "operate_review_request": _operators(
        body=lambda scene: {"requestId": scene.applied(), "decision": "approve", "note": WORD}
    ),
    "operate_revoke_approval": _operators(query={"email": "bob@example.com", "catalogSlug": "fd1"}),
    "operate_update_item": _operators(path=_slug(Scene.catalog_item), body={"description": WORD}),
    "redrive_dead_letters": _operators(path=lambda scene: {"queue": scene.dead_letter()}, body={"all": True}),
    "revoke_tools_token": _operators(path=_HR_TOKEN),
    "rotate_tools_token": _operators(path=_HR_TOKEN, body={"atOnce": True}),
    "show_budgets": _operators(query=lambda scene: {"userId": scene.desk.user_id("bob")}),
    "suspend_instance": _operators(path=lambda scene: {"instanceId": scene.member().instance_id}),
    "update_integrator": _operators(path={"slug": "hr"}, body={"name": WORD}),
}

ASKS: dict[str, Asking] = OPERATING | {
    "acknowledge_relay": _peers(Scene.relay, lambda made: {
        "relayId": made, "peerRelayId": made, "status": "completed"
    }),
    "add_checklist_item": _mine(path=_id(Scene.card), body={"text": WORD}),
    "add_queue_item": _mine(body={"title": WORD, "priority": "urgent"}),
    "ask_for_connection": _mine(body={"peerInstanceUrl": PEER, "peerUserEmail": "nora@other.example.org"}),
    "assign_catalog_approval": _admins(body=lambda scene: _BOB | {"catalog_slug": scene.catalog_item()}),
    "call_mcp": _call_of_a_tool,
    "change_connection": _mine(path=_id(Scene.connection), body={"action": "block"}),
    "change_inbox_delivery": _mine(path=_delivery, body={"archived": True}),
    "change_settings": _with(_ready, _mine(body={"mode": "chief_of_staff"})),
    "claim_token": _admins(body=_CAROL | {"label": "CI"}),
    "claim_tokens": _admins(body={"claims": [_CAROL, _BOB]}),
    "click_action": _mine(path=lambda scene: _delivery(scene) | {"index": "0"}),
    "complete_queue_item": _mine(path=_ready, body={"result": WORD}),
    "confirm_connection": lambda scene: Ask(
        scene.asked_connection(), {"connectionId": "c-9", "acceptedByName": "Tim"}, header=FEDERATION
    ),
    "confirm_queue_item": _mine(path=_id(Scene.item), body={"action": "approve"}),
    "create_card": _mine(body={"title": WORD}),
    "create_catalog_item": _admins(body=ITEM | {
        "contact_user_id": demo.identifier("user", "bob"), "linked_tools_token_id": demo.identifier("tools", "hr"),
    }),
    "create_contact": _mine(body={"name": WORD, "email": "ada@example.com"}),
    "create_key": _mine(body={"name": WORD}),
    "delete_card": _mine(path=lambda scene: {"id": scene.linked()["id"]}),
    "delete_catalog_item": _admins(path=lambda scene: {"slug": scene.catalog_item()}),
    "delete_checklist_item": _mine(path=Scene.checked),
    "delete_contact": _mine(path=lambda scene: {"id": scene.linked()["contactId"]}),
    "delete_key": _mine(query=_id(Scene.new_key)),
    "delete_synced_agent": _members(Scene.offering, path={"remoteId": "a"}),
    "describe_desk": lambda _: Ask(),
    "discover_network": _members(Scene.offering),
    "end_connection": _peers(Scene.connection, lambda _: {"connectionId": "c-9"}),
    "get_agent_card": lambda _: Ask(),
    "get_card": _mine(path=_id(Scene.card)),
    "get_catalog_item": _admins(path=lambda scene: {"slug": scene.catalog_item()}),
    "get_console": lambda _: Ask(),
    "get_console_asset": _console_asset,
    "get_console_worker": lambda _: Ask(),
    "get_contact": _mine(path=_id(Scene.contact)),
    "get_docs": lambda _: Ask(),
    "get_docs_asset": lambda _: Ask(path={"asset": "start.js"}),
    "get_event": _publishers(path=_delivery),
    "get_health": lambda _: Ask(),
    "get_inbox_delivery": _mine(path=_delivery),
    "get_me": _with(Scene.browser),
    "get_openapi": lambda _: Ask(),
    "get_profile": _with(lambda scene: scene.make("/api/v2/profile", {"bio": WORD}, method="PATCH")),
    "get_project": _mine(path=_slug(Scene.project)),
    "get_prompt_groups": _mine(),
    "get_queue_item": _mine(path=_id(Scene.item)),
    "get_settings": _mine(),
    "get_synced_agent": _members(Scene.offering, path={"remoteId": "a"}),
    "get_v2_docs": lambda _: Ask(),
    "get_v2_openapi": lambda _: Ask(),
    "link_contact": _mine(path=_id(Scene.card), body=lambda scene: {"contactId": scene.contact(), "role": WORD}),
    "link_marketplace": _members(body={"action": "disable"}),
    "list_cards": _with(Scene.linked),
    "list_catalog_approvals": _with(Scene.applied, _admins(query={"catalog_slug": "printer"})),
    "list_catalog_items": _with(Scene.catalog_item, _admins(query={"integrator_slug": "fd1"})),
    "list_connections": _with(Scene.connection),
    "list_contacts": _with(Scene.contact),
    "list_event_types": _with(Scene.delivery, _publishers(query={"integrator_slug": "fd1"})),
    "list_feedback": _feedback_page,
    "list_inbox": _inbox_page,
    "list_integrators": _admins(),
    "list_keys": _with(Scene.new_key),
    "list_mentions": _mine(),
    "list_messages": _chat_page,
    "list_project_members": _mine(path=_slug(Scene.project)),
    "list_projects": _with(Scene.project),
    "list_queue": _with(Scene.item),
    "list_relays": _with(Scene.relay),
    "list_synced_agents": _members(Scene.offering),
    "list_updates": lambda _: Ask(),
    "open_mcp_stream": lambda _: Ask(),
    "publish_bulk": _admins(body=lambda _: {
        "event": inputs.event(title=WORD), "recipients": [{"type": "email"} | each for each in (_BOB, _CAROL)]
    }),
    "publish_event": _publishers(body=lambda _: inputs.event(title=WORD)),
    "put_synced_agent": _members(Scene.offering, path={"remoteId": "a"}, body={"name": WORD, "description": "New"}),
    "receive_marketplace_event": _hub_event,
    "receive_relay": _peers(Scene.connection, lambda _: {
        "relayId": "r-1", "toUserEmail": "bob@example.com", "intent": "assign_task", "subject": WORD
    }),
    "register_instance": lambda _: Ask(body=instances.registration()),
    "request_catalog_item": _mine(body=lambda scene: {"catalog_slug": scene.catalog_item(), "note": WORD}),
    "request_connection": _connecting,
    "resolve_event": _publishers(path=_delivery, body={"resolution_note": WORD}),
    "review_catalog_request": _admins(body=lambda scene: {"request_id": scene.applied(), "decision": "approve"}),
    "revoke_catalog_approval": _admins(body=_BOB | {"catalog_slug": "fd1"}),
    "send_heartbeat": _members(body={"version": "1.2.3", "userCount": 4}),
    "send_message": _mine(body={"content": WORD}),
    "send_relay": _mine(body=lambda scene: {
        "connectionId": scene.connection(), "cardId": scene.card(), "queueItemId": scene.item(), "subject": WORD
    }),
    "set_queue_item_status": _mine(path=_ready, body={"status": "in_progress"}),
    "show_push": _with(Scene.browser),
    "stream_events": _with(lambda scene: scene.make("/api/v2/shared-chat/send", {"content": WORD})),
    "submit_feedback": _mine(body={"message": WORD, "kind": "idea"}),
    "subscribe_to_push": _mine(body={"endpoint": f"https://push.example.com/{WORD}"}),
    "summarize_inbox": _with(Scene.delivery),
    "supplement_event": _publishers(path=_delivery, body={"markdown_body": WORD}),
    "switch_key": _mine(body=lambda scene: {"id": scene.new_key(), "isActive": False}),
    "sync_agents": _members(body={"agents": [{"id": "a", "name": WORD}, {"id": "b", "name": "B"}]}),
    "unlink_contact": _mine(path=Scene.linked),
    "unsubscribe_from_push": _mine(path=lambda scene: {"subscriptionId": scene.browser()}),
    "update_card": _mine(path=lambda scene: {"id": scene.linked()["id"]}, body={"title": f"New {WORD}", "order": 5}),
    "update_card_contact": _mine(path=Scene.linked, body={"role": "signs"}),
    "update_catalog_item": _admins(path=lambda scene: {"slug": scene.catalog_item()}, body={"description": "New"}),
    "update_checklist_item": _mine(path=Scene.checked, body={"completed": True}),
    "update_contact": _mine(path=lambda scene: {"id": scene.linked()["contactId"]}, body={"name": f"New {WORD}"}),
    "update_profile": _mine(body={"bio": WORD}),
    "validate_payment": _members(body={
        "transactionType": "marketplace", "grossAmount": 10, "proposedFeePercent": 3,
        "agentId": "a", "executionId": "x", "contractId": "c",
    }),
}  # fmt: skip


def asked_of(name: str, scene: Scene) -> tuple[Route, Ask]:
    """The operation of this name, and bob's request of it."""
    return NAMED[name], ASKS[name](scene)
