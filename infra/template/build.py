"""The deployment templates: a pure function of the app and of the output of `chalice package`."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice

from infra.template import settings
from infra.template.alarms import TOPIC, alarms
from infra.template.dashboard import dashboard
from infra.template.entry_points import EntryPoint, list_entry_points
from infra.template.functions import functions
from infra.template.gateways import gateways
from infra.template.names import REST_API, SCHEDULER_ROLE_ARN, SOCKET_API, STAGE, Resources, arn_of, ref, sub
from infra.template.stacks import DATA, GATEWAYS, LATER_STACKS, Part, Templates, by_stack, nest
from infra.template.stores import stores
from infra.template.triggers import SCHEDULER_ROLE, gateway_role, scheduler_role

# Chalice's function for all routes. It is left out, because each route has its own function.
_SHARED = "app.app"


class Mismatch(Exception):
    """Chalice and the app have different functions."""


def templates(
    app: Chalice,
    packaged: dict[str, Any],
    areas: Mapping[str, str],
    later: Mapping[str, int] = LATER_STACKS,
) -> Templates:
    """Return the templates of `app`. `packaged` is the template that Chalice made, and `areas` has each module's area.

    Raises:
        Mismatch: A function has no handler, or a handler has no function.
        Unknown: A stack refers to something that no stack has.
    """
    entry_points = sorted(list_entry_points(app), key=lambda each: each.name)
    runtime = _runtime(packaged, entry_points)
    definition = packaged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    front = _merged(
        gateway_role(entry_points),
        scheduler_role(entry_points),
        gateways(app, definition, entry_points),
        alarms(entry_points),
        dashboard(entry_points),
    )
    parts = {DATA: Part(stores(), {}), GATEWAYS: Part(front, _outputs())}
    for name, some in by_stack(entry_points, areas, later).items():
        # A queue must be there before Lambda polls it.
        parts[name] = Part(functions(some, runtime), {}, after=(DATA,))
    _merged(*(part.resources for part in parts.values()))
    return nest(parts, settings.parameters(), settings.conditions())


def _merged(*parts: Resources) -> Resources:
    made: Resources = {}
    for part in parts:
        if twice := made.keys() & part.keys():
            raise Mismatch(f"two resources have one logical id: {sorted(twice)}")
        made |= part
    return made


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
    def address(scheme: str, api: str) -> dict[str, str]:
        return sub(f"{scheme}://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}")

    return {
        REST_API: ref(REST_API),
        SOCKET_API: ref(SOCKET_API),
        SCHEDULER_ROLE_ARN: arn_of(SCHEDULER_ROLE),
        "Endpoint": address("https", REST_API),
        "WebSocket": address("wss", SOCKET_API),
        "SocketsUrl": settings.SETTINGS["FLUXDEN_SOCKETS_URL"].value,
        "BaseUrl": settings.SETTINGS["FLUXDEN_BASE_URL"].value,
        "Alarms": ref(TOPIC),
    }
