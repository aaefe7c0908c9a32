"""The deployment template: a pure function of the app and of the output of `chalice package`."""

from typing import Any

from chalice.app import Chalice

from infra.template import settings
from infra.template.alarms import TOPIC, alarms
from infra.template.dashboard import dashboard
from infra.template.entry_points import EntryPoint, list_entry_points
from infra.template.functions import functions, gateway_role, scheduler_role
from infra.template.gateways import gateways
from infra.template.names import REST_API, SOCKET_API, STAGE, Resources, ref, sub
from infra.template.stores import stores

# Chalice's function for all routes. It is left out, because each route has its own function.
_SHARED = "app.app"


class Mismatch(Exception):
    """Chalice and the app have different functions."""


def template(app: Chalice, packaged: dict[str, Any]) -> dict[str, Any]:
    """Return the SAM template of `app`. `packaged` is the template that Chalice made.

    Raises:
        Mismatch: A function has no handler, or a handler has no function.
    """
    entry_points = sorted(list_entry_points(app), key=lambda each: each.name)
    runtime = _runtime(packaged, entry_points)
    made: Resources = {}
    for part in (
        stores(),
        functions(entry_points, runtime),
        gateway_role(entry_points),
        scheduler_role(entry_points),
        gateways(app, packaged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"], entry_points),
        alarms(entry_points),
        dashboard(entry_points),
    ):
        if twice := made.keys() & part.keys():
            raise Mismatch(f"two resources have one logical id: {sorted(twice)}")
        made |= part
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "Fluxden: a desk for inboxes and agents",
        "Parameters": settings.parameters(),
        "Conditions": settings.conditions(),
        "Resources": made,
        "Outputs": _outputs(),
    }


def _runtime(packaged: dict[str, Any], entry_points: list[EntryPoint]) -> dict[str, Any]:
    """Return the runtime that Chalice packaged for: that of the Python it ran on."""
    kinds = [each for each in packaged["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    found = {each["Properties"]["Handler"]: each["Properties"] for each in kinds}
    found.pop(_SHARED, None)
    if different := found.keys() ^ {each.handler for each in entry_points}:
        raise Mismatch(f"not both served and packaged: {sorted(different)}")
    some = next(iter(found.values()))
    return {"Runtime": some["Runtime"], "Architectures": some["Architectures"]}


def _outputs() -> dict[str, Any]:
    def address(scheme: str, api: str) -> dict[str, Any]:
        return {"Value": sub(f"{scheme}://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}")}

    return {
        "Endpoint": address("https", REST_API),
        "WebSocket": address("wss", SOCKET_API),
        "SocketsUrl": {"Value": settings.SETTINGS["FLUXDEN_SOCKETS_URL"].value},
        "BaseUrl": {"Value": settings.SETTINGS["FLUXDEN_BASE_URL"].value},
        "Prefix": {"Value": ref("Prefix")},
        "SecretKeyId": {"Value": ref("SecretKeyId")},
        "Alarms": {"Value": ref(TOPIC)},
    }
