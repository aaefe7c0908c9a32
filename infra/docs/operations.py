"""The table of operations, from the routes that the app serves."""

from collections.abc import Sequence

from chalicelib.api.v2 import peer_admission
from chalicelib.core.domain.callers import (
    ANY_PERMISSION,
    ApiKey,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    ToolsToken,
)
from chalicelib.edge.route import Route
from infra.docs.markdown import code, page, table

_INTRODUCTION = """\
Each operation is one function: the name below is the name of the Python function, of the Lambda function, of the
operation in the OpenAPI document, and of the `operation` field in logs and metrics.

- **personal token**: `flux-in-pers-…`, an employee's token for publishing as one integrator.
- **tools token**: `flux-tools-…`, an integrator's own token. Some operations require one with administrator rights.
- **API key**: `dvd_…`, a person's key. It opens the areas that were chosen when it was created. Some operations
  require that its owner is an operator.
- **platform token**: `dvd_fed_…`, issued to another instance when it registers.
- **instance key**: the key that another instance registered with.
- **connection token**: the token that two connected desks share, sent as `X-Federation-Token`."""
_CALLERS = {
    PersonalToken: "personal token",
    ToolsToken: "tools token",
    ScimToken: "SCIM token",
    ApiKey: "API key or session",
    Session: "session",
    PlatformToken: "platform token",
    InstanceKey: "instance key",
}

# Operations that identify their caller themselves.
_GATED = {"call_mcp": "tools token, API key", "request_connection": "nothing"}


def render(routes: Sequence[Route]) -> str:
    """Return the page: one table for each group of operations."""
    parts = [_INTRODUCTION]
    for tag in sorted({route.tag for route in routes}):
        rows = [
            (code(f"{route.method} {route.path}"), code(route.__name__), _callers(route), _permission(route))
            for route in routes
            if route.tag == tag
        ]
        parts.append(f"## {tag}\n\n" + table(("Method and path", "Function", "Called with", "Permission"), rows))
    return page("Operations", *parts)


def _callers(route: Route) -> str:
    if named := _GATED.get(route.__name__):
        return named
    if route.gate and route.gate.__module__ == peer_admission.__name__:
        return "connection token"
    names = [_CALLERS[kind] for kind in route.callers]
    return ", ".join(names + (["nothing"] if route.caller_is_optional or not names else []))


def _permission(route: Route) -> str:
    if route.admin_only:
        return "administrator"
    if route.operator_only:
        return "operator"
    if ApiKey not in route.callers:
        return ""
    return {ANY_PERMISSION: "any key", "all": "key with every permission"}.get(route.permission, code(route.permission))
