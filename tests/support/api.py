"""A client that calls operations as API Gateway does: through their own Lambda functions."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from chalice.local import LambdaContext, RouteMatcher

from app import app
from chalicelib.edge.route import Route
from infra import catalog
from tests.support import contract
from tests.support.store_calls import record_store_calls

ROUTES = {(route.method, route.path): route for route in catalog.routes(app)}
SERVED = {(route.method, path): route for route in ROUTES.values() for path in route.paths}
# The permissions that operations used in this test run, for inspection by hand.
USED: dict[str, set[tuple[str, str, str | None]]] = {}


@dataclass(frozen=True)
class Answer:
    """A response, with the store calls that it took. `steps` is how many of them were in sequence."""

    status: int
    headers: dict[str, str]
    text: str
    calls: list[str]
    steps: int

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Api:
    """Calls operations. Each response must be documented, fit the contract and stay within the grants."""

    def get(self, path: str, token: str | None = None, **more: Any) -> Answer:
        return self.call("GET", path, token=token, **more)

    def post(self, path: str, body: Any = None, token: str | None = None, **more: Any) -> Answer:
        return self.call("POST", path, body, token=token, **more)

    def status(self, method: str, path: str, body: Any, token: str) -> int:
        """Return only the status. Use it for concurrent requests, whose store calls can't be told apart."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        event = gateway_event(method, path, headers, None if body is None else json.dumps(body))
        route = SERVED[method, event["requestContext"]["resourcePath"]]
        return int(route(event, LambdaContext(route.__name__, 256))["statusCode"])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | str | None = None,
        address: str = "127.0.0.1",
    ) -> Answer:
        sent = {"Content-Type": "application/json"} if body is not None or raw is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {"Idempotency-Key": key} if key is not None else {}
        text = raw if raw is not None else None if body is None else json.dumps(body)
        event = gateway_event(method, path, sent | (headers or {}), text, address)
        route = SERVED[method, event["requestContext"]["resourcePath"]]
        return invoke(route, event)


def invoke(route: Route, event: dict[str, Any]) -> Answer:
    """Call the route's function with the event, and check its response and its store calls."""
    with record_store_calls() as seen:
        response = route(event, LambdaContext(route.__name__, 256))
    assert not seen.beyond_grants(route.grants), (
        f"{route.__name__} went beyond its grants: {seen.beyond_grants(route.grants)}"
    )
    USED.setdefault(route.__name__, set()).update(seen.permissions)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    media_type, _, parameter = headers.get("content-type", "").partition(";")
    if media_type.endswith("json") or media_type.startswith("text/"):
        assert parameter.strip() == "charset=utf-8", f"{route.__name__} does not state its encoding"
    body = response["body"].encode()
    contract.check_response(route.method, route.path, response["statusCode"], media_type, body)
    assert headers["x-request-id"]
    return Answer(response["statusCode"], headers, response["body"], seen.calls, seen.steps)


def gateway_event(
    method: str, path: str, headers: dict[str, str], body: bytes | str | None, address: str = "127.0.0.1"
) -> dict[str, Any]:
    """Return the event that API Gateway (REST, proxy integration) sends for this request."""
    matched = _matcher().match_route(path)
    plain, _, query = path.partition("?")
    return {
        "resource": matched.route,
        "path": plain,
        "httpMethod": method,
        "headers": {"Host": "desk.test"} | headers,
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
        "pathParameters": matched.captured,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": matched.route,
            "httpMethod": method,
            "path": plain,
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": address},
        },
        "body": body,
        "isBase64Encoded": False,
    }


@cache
def _matcher() -> RouteMatcher:
    return RouteMatcher(list(app.routes))
