"""Fluxden: every blueprint on one Chalice app."""

import os

from chalicelib.api import console
from chalicelib.api.mcp import endpoint
from chalicelib.api.v1 import (
    actions,
    approvals,
    bulk,
    catalog,
    event_types,
    events,
    inbox,
    integrators,
    introspection,
    tokens,
)
from chalicelib.api.v2 import (
    card_contacts,
    chat,
    connection_requests,
    connections,
    contacts,
    docs,
    federation,
    federation_agents,
    feedback,
    kanban,
    keys,
    marketplace,
    me,
    mentions,
    network,
    operate,
    operate_catalog,
    operate_network,
    operate_queues,
    operate_tokens,
    profile,
    projects,
    prompt_groups,
    push,
    queue,
    relays,
    sent_relays,
    updates,
    well_known,
)
from chalicelib.edge.route import App
from chalicelib.queues import callbacks, fan_out, notices, outbox, peer_notices, socket_work, web_push
from chalicelib.schedules import due, due_notices, due_outbox, expiry, hubs, members, peer_keys
from chalicelib.sockets import desk

V1 = (actions, approvals, bulk, catalog, event_types, events, inbox, integrators, introspection, tokens)
V2 = (card_contacts, chat, contacts, docs, kanban, keys, mentions, profile, prompt_groups, push, queue, updates)
OPERATE = (me, operate, operate_catalog, operate_network, operate_queues, operate_tokens)
NETWORK = (
    connection_requests,
    connections,
    federation,
    federation_agents,
    marketplace,
    network,
    relays,
    sent_relays,
    well_known,
)
FOR_AGENTS = (endpoint, feedback, projects)
QUEUES = (callbacks, fan_out, notices, outbox, peer_notices, socket_work, web_push)
SCHEDULES = (due, due_notices, due_outbox, expiry, hubs, members, peer_keys)
SOCKETS = (desk,)

app = App("fluxden", configure_logs=False)
# Chalice has called its support of them an experiment for years, and wants that acknowledged.
app.experimental_feature_flags.add("WEBSOCKETS")
for module in V1 + V2 + OPERATE + NETWORK + FOR_AGENTS + QUEUES + SCHEDULES + SOCKETS + (console,):
    app.register_blueprint(module.bp)

if os.environ.get("FLUXDEN_STAGE") == "local":
    from infra.local import cloud

    cloud.start(app)
