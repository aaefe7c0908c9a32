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
from chalicelib.api.v2 import keys
from chalicelib.queues import callbacks, fan_out
from chalicelib.schedules import due

app = Chalice("fluxden", configure_logs=False)
for module in (actions, approvals, bulk, catalog, event_types, events, inbox, integrators, introspection, tokens, keys):
    app.register_blueprint(module.bp)
for module in (callbacks, fan_out, due):
    app.register_blueprint(module.bp)

if os.environ.get("FLUXDEN_STAGE") == "local":
    from infra.local import cloud

    cloud.start(app)
