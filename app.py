"""Fluxden: every entry point on one Chalice app, by area."""

import os
from importlib import import_module

from chalicelib.edge.route import App

# The modules of `chalicelib` whose operations, workers and schedules serve an area, each with the further areas that
# it loads. Every entry point may load `core`, `people` and `tokens`. tests/laws/test_architecture.py holds both lists.
ENTRY_POINTS: dict[str, dict[str, str]] = {
    "people": {
        "api.v1.integrators": "",
        "api.v2.me": "live",
        "api.v2.profile": "",
        "api.v2.projects": "",
    },
    "tokens": {
        "api.v2.keys": "live",
        "api.v2.security_log": "",
        "api.v2.passkey_sign_in": "live",
        "api.v2.passkeys": "",
        "api.v2.sessions": "live",
        "api.v2.sign_in": "live",
    },
    "board": {
        "api.v2.card_contacts": "live",
        "api.v2.contacts": "live",
        "api.v2.kanban": "chat inbox live tasks federation.connections federation.relays",
    },
    "catalog": {
        "api.v1.approvals": "",
        "api.v1.catalog": "",
        "api.v1.declared_types": "",
        "api.v1.tokens": "",
        "api.v2.catalog": "",
        "api.v2.declared_types": "",
    },
    "live": {
        "api.v2.push": "",
        "queues.socket_work": "",
        "schedules.heartbeats": "",
        "queues.web_push": "catalog inbox",
    },
    "chat": {
        "api.v2.chat": "live",
        "sockets.desk": "live",
    },
    "inbox": {
        "api.v1.actions": "",
        "api.v1.bulk": "catalog live",
        "api.v1.callback_endpoints": "",
        "api.v1.event_types": "",
        "api.v1.events": "live reach",
        "api.v1.inbox": "live",
        "api.v1.inbox_bulk": "live",
        "api.v1.inbox_views": "",
        "api.v1.sent": "",
        "api.v2.operate_endpoints": "",
        "queues.callback_replays": "",
        "queues.callbacks": "live",
        "queues.fan_out": "live reach",
        "queues.snoozes": "live reach",
        "queues.inbox_changes": "live",
        "schedules.callback_endpoints": "",
        "schedules.due": "federation.connections federation.network",
        "schedules.due_snoozes": "live reach",
        "schedules.event_types": "",
    },
    "ingest": {
        "api.v1.ingest": "catalog inbox live reach",
        "api.v1.ingest_tokens": "inbox",
    },
    "reach": {
        "api.v1.channels": "live",
        "queues.chat": "inbox live",
        "queues.personal_webhook": "inbox live",
        "api.v1.preferences": "inbox live",
        "api.v1.email": "",
        "queues.email": "inbox live",
        "queues.mail_reports": "inbox",
        "queues.reach": "catalog inbox live",
    },
    "tasks": {
        "api.v1.employee_tasks": "catalog inbox live",
        "api.v2.approvals": "chat inbox live",
        "api.v2.standing_approvals": "inbox live",
        "api.v2.delegations": "inbox live",
        "api.v2.delegated_tasks": "board chat inbox live federation.connections federation.relays",
        "api.v2.queue": "board chat inbox live federation.connections federation.relays reach",
        "schedules.proposals": "inbox live",
    },
    "agents": {
        "api.v2.prompt_groups": "",
    },
    "federation.connections": {
        "api.v2.connection_requests": "board chat live",
        "api.v2.connections": "board chat live federation.network",
        "api.v2.well_known": "federation.network",
        "queues.peer_notices": "board chat live federation.relays",
        "schedules.due_notices": "",
        "schedules.expiry": "chat live",
        "schedules.peer_keys": "",
    },
    "federation.relays": {
        "api.v2.relays": "board chat inbox live tasks federation.connections",
        "api.v2.sent_relays": "board chat inbox live tasks federation.connections",
        "queues.outbox": "board chat inbox live tasks federation.connections",
        "schedules.due_outbox": "",
        "schedules.ends": "inbox live tasks",
    },
    "federation.network": {
        "api.v2.federation": "agents federation.connections",
        "api.v2.federation_agents": "agents federation.connections",
        "api.v2.marketplace": "agents federation.connections",
        "api.v2.network": "agents federation.connections",
        "queues.notices": "agents federation.connections",
        "schedules.hubs": "agents federation.connections",
        "schedules.members": "federation.connections",
    },
    "operate": {
        "api.v1.delivery_log": "inbox reach",
        "api.v2.operate": "inbox",
        "api.v2.operate_access": "live",
        "api.v2.operate_audit": "",
        "api.v2.operate_catalog": "catalog",
        "api.v2.operate_deliveries": "inbox reach",
        "api.v2.operate_employee_files": "",
        "api.v2.operate_employees": "live provisioning federation.connections",
        "api.v2.operate_federation": "chat live federation.connections federation.network",
        "api.v2.operate_network": "agents federation.connections federation.relays federation.network",
        "api.v2.operate_queues": "inbox",
        "api.v2.operate_tokens": "",
    },
    "personal_data": {
        "api.v2.my_data": "",
        "schedules.erasures": "board catalog chat inbox live tasks operate federation.connections",
    },
    "provisioning": {
        "api.scim.bulk": "live operate",
        "api.scim.discovery": "live operate",
        "api.scim.groups": "live operate",
        "api.scim.users": "live operate",
    },
    "mentions": {
        "api.v2.mentions": "agents chat live federation.connections",
    },
    "feedback": {
        "api.v2.feedback": "",
        "api.v2.updates": "",
    },
    "core": {
        "api.console": "",
        "api.mcp.endpoint": "",
        "api.v1.introspection": "",
        "api.v2.docs": "",
    },
}

if "AWS_CHALICE_CLI_MODE" in os.environ:
    # Chalice's own commands run here, such as `chalice local`, and no function of a deployment.
    from infra.local import server

    server.install()

app = App("fluxden", configure_logs=False)
# Chalice has called its support of them an experiment for years, and wants that acknowledged.
app.experimental_feature_flags.add("WEBSOCKETS")
for modules in ENTRY_POINTS.values():
    for module in modules:
        app.register_blueprint(import_module(f"chalicelib.{module}").bp)
