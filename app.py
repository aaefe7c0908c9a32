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
app.experimental_feature_flags.update(["WEBSOCKETS"])
for module in (actions, approvals, bulk, catalog, event_types, events, inbox, integrators, introspection, tokens, keys):
    app.register_blueprint(module.bp)
for module in (chat, queue):
    app.register_blueprint(module.bp)
for module in (callbacks, fan_out, socket_work, due, desk):
    app.register_blueprint(module.bp)

if os.environ.get("FLUXDEN_STAGE") == "local":
    from infra.local import cloud

    cloud.start(app)
