"""Operations answer with the statuses of their contracts; every further one has a reason, and says something else."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from chalicelib.core.domain.errors import RateLimited
from chalicelib.edge.route import Route
from infra.openapi_components import may_fill_a_list, takes_input
from tests.conftest import Desk
from tests.support import contract
from tests.support.api import ROUTES, Answer, Api
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import sample_request

# Statuses do not depend on the engine.
pytestmark = pytest.mark.engine("embedded")


def _names_something(route: Route) -> bool:
    return "{" in route.path or route.__name__ in _NAMED_IN_INPUT


# Operations that answer 404 for something that their body or query names.
_NAMED_IN_INPUT = {
    "assign_catalog_approval": "An employee or an item that does not exist (a ruling).",
    "discover_network": "The instance that calls was removed.",
    "link_marketplace": "The instance that calls was removed.",
    "send_heartbeat": "The instance that calls was removed.",
}
# Why an operation may answer with a status that its contract does not list. No listed status says the same.
_REASONS: dict[int, Callable[[Route], object]] = {
    HTTPStatus.NOT_MODIFIED: lambda route: route.max_age,
    HTTPStatus.BAD_REQUEST: takes_input,
    HTTPStatus.UNAUTHORIZED: lambda route: route.callers or route.gate,
    HTTPStatus.FORBIDDEN: lambda route: route.callers or route.gate,
    HTTPStatus.NOT_FOUND: _names_something,
    HTTPStatus.CONFLICT: lambda route: route.accepts_idempotency_key or may_fill_a_list(route),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: lambda route: "body" in route.annotations,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: lambda route: "body" in route.annotations,
    HTTPStatus.TOO_MANY_REQUESTS: lambda route: route.callers or RateLimited in route.refusals,
    HTTPStatus.SERVICE_UNAVAILABLE: lambda route: route.callers or route.grants,
}
CONTRACTED = {
    ROUTES[method.upper(), path].__name__: (ROUTES[method.upper(), path], operation)
    for version in ("/api/v1", "/api/v2")
    for path, methods in contract.contract_facts(version)["paths"].items()
    for method, operation in methods.items()
}


@pytest.mark.parametrize("name", CONTRACTED)
def test_a_status_is_of_the_contract_or_has_a_reason(name: str) -> None:
    route, wanted = CONTRACTED[name]
    own = contract.own_document(route.path)["paths"][route.path][route.method.lower()]["responses"]
    further = {int(status) for status in own.keys() - wanted["responses"].keys()}
    assert [status for status in sorted(further) if not (status in _REASONS and _REASONS[status](route))] == []


def _error(route: Route, request: SampleRequest, api: Api, kind: str) -> Answer:
    """Send the request with one error."""
    path, headers = request.path_for(route), request.headers_with(request.credential)
    sent: dict[str, Any] = {"body": request.body}
    match kind:
        case "no token":
            headers = request.headers_with("")
        case "unknown token":
            headers = request.headers_with("dvd_unknown")
        case "not json":
            sent = {"raw": '{"'}
        case "an array":
            sent = {"raw": "[]"}
        case "plain text":
            headers |= {"Content-Type": "text/plain"}
        case "too large":
            sent = {"raw": " " * route.largest_body + "{}"}
        case "unknown name":
            path = route.path.format(**dict.fromkeys(request.path, "00000000-0000-4000-8000-00000000dead"))
    return api.call(route.method, path, headers=headers, **sent)


_ERRORS = {
    "no token": HTTPStatus.UNAUTHORIZED,
    "unknown token": HTTPStatus.UNAUTHORIZED,
    "not json": HTTPStatus.BAD_REQUEST,
    "an array": HTTPStatus.BAD_REQUEST,
    "plain text": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unknown name": HTTPStatus.NOT_FOUND,
}
# An operation that creates what its path names.
_CREATES = {"put_synced_agent"}


def _can_have(route: Route, kind: str) -> bool:
    if kind == "unknown name":
        return "{" in route.path and route.__name__ not in _CREATES
    if kind in {"no token", "unknown token"}:
        is_open = contract.own_document(route.path)["paths"][route.path][route.method.lower()].get("security") == []
        return not is_open
    return "body" in route.annotations


@pytest.mark.parametrize("name", CONTRACTED)
def test_the_same_error_has_the_same_status_everywhere(api: Api, desk: Desk, name: str) -> None:
    route, wanted = CONTRACTED[name]
    request = sample_request(name, SampleData(api, desk))[1]
    for kind, status in _ERRORS.items():
        if _can_have(route, kind):
            reply = _error(route, request, api, kind)
            assert reply.status == status, (kind, reply.text)
            assert str(status.value) in wanted["responses"] or _REASONS[status](route), kind
