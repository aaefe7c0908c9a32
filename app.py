"""Fluxden: every blueprint on one Chalice app."""

import os

from chalice.app import Chalice

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
from chalicelib.api.v2 import chat, keys, queue
from chalicelib.queues import callbacks, fan_out, socket_work
from chalicelib.schedules import due
from chalicelib.sockets import desk

app = Chalice("fluxden", configure_logs=False)
# Chalice has called its support of them an experiment for years, and wants that acknowledged.
app.experimental_feature_flags.add("WEBSOCKETS")
for module in (actions, approvals, bulk, catalog, event_types, events, inbox, integrators, introspection, tokens):
    app.register_blueprint(module.bp)
for module in (chat, keys, queue):
    app.register_blueprint(module.bp)
for module in (callbacks, fan_out, socket_work, due, desk):
    app.register_blueprint(module.bp)

if os.environ.get("FLUXDEN_STAGE") == "local":
    from infra.local import cloud

    cloud.start(app)
