"""Fluxden: every blueprint on one Chalice app."""

import os

from chalice.app import Chalice

from chalicelib.api.v1 import approvals, catalog, event_types, events, inbox, integrators, introspection
from chalicelib.api.v2 import keys

app = Chalice("fluxden", configure_logs=False)
for module in (approvals, catalog, event_types, events, inbox, integrators, introspection, keys):
    app.register_blueprint(module.bp)

if os.environ.get("FLUXDEN_STAGE") == "local":
    from infra.local import cloud

    cloud.start()
