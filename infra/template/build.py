"""The deployment templates: a pure function of the app, of what Chalice says about it, and of the target."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice

from infra.target import Target
from infra.template import settings, versions
from infra.template.alarms import TOPIC, alarms
from infra.template.dashboard import dashboard
from infra.template.entry_points import EntryPoint, list_entry_points
from infra.template.functions import functions
from infra.template.gateways import gateways
from infra.template.names import REST_API, SCHEDULER_ROLE_ARN, SOCKET_API, STAGE, Resources, arn_of, ref, sub
from infra.template.release_alarms import release_alarms
from infra.template.stacks import DATA, GATEWAYS, LATER_STACKS, Part, Templates, by_stack, nest
from infra.template.stores import stores
from infra.template.triggers import SCHEDULER_ROLE, gateway_role, scheduler_role

# Chalice's function for all routes. It is left out, because each route has its own function.
_SHARED = "app.app"
_DEFAULT_TARGET = Target()


class Mismatch(Exception):
    """Chalice and the app have different functions."""


def templates(
    app: Chalice,
    packaged: dict[str, Any],
    areas: Mapping[str, str],
    later: Mapping[str, int] = LATER_STACKS,
    target: Target = _DEFAULT_TARGET,
) -> Templates:
    """Return the templates of `app`. `packaged` is the template that Chalice made, and `areas` has each module's area.

    Raises:
        Mismatch: A function has no handler, or a handler has no function.
        Unknown: A stack refers to something that no stack has.
    """
    entry_points = sorted(list_entry_points(app), key=lambda each: each.name)
    _compare(packaged, entry_points)
    definition = packaged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    front = _merged(
        gateway_role(entry_points),
        scheduler_role(entry_points),
        gateways(app, definition, entry_points),
        alarms(entry_points),
        release_alarms(entry_points),
        versions.shared(target),
        dashboard(entry_points),
    )
    parts = {DATA: Part(stores(), {}), GATEWAYS: Part(front, _outputs())}
    for name, some in by_stack(entry_points, areas, later).items():
        # A queue must be there before Lambda polls it.
        parts[name] = Part(functions(some, target), {}, after=(DATA,))
    _merged(*(part.resources for part in parts.values()))
    return nest(parts, settings.parameters(), settings.conditions())


def _merged(*parts: Resources) -> Resources:
    made: Resources = {}
    for part in parts:
        if twice := made.keys() & part.keys():
            raise Mismatch(f"two resources have one logical id: {sorted(twice)}")
        made |= part
    return made


def _compare(packaged: dict[str, Any], entry_points: list[EntryPoint]) -> None:
    kinds = [each for each in packaged["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    found = {each["Properties"]["Handler"] for each in kinds} - {_SHARED}
    if different := found ^ {each.handler for each in entry_points}:
        raise Mismatch(f"not both served and packaged: {sorted(different)}")


def _outputs() -> dict[str, Any]:
    def address(scheme: str, api: str) -> dict[str, str]:
        return sub(f"{scheme}://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}")

    return {
        REST_API: ref(REST_API),
        SOCKET_API: ref(SOCKET_API),
        SCHEDULER_ROLE_ARN: arn_of(SCHEDULER_ROLE),
        **versions.outputs(),
        "Endpoint": address("https", REST_API),
        "WebSocket": address("wss", SOCKET_API),
        "SocketsUrl": settings.SETTINGS["FLUXDEN_SOCKETS_URL"].value,
        "BaseUrl": settings.SETTINGS["FLUXDEN_BASE_URL"].value,
        "Alarms": ref(TOPIC),
    }
