"""Every reply tells browsers not to keep it, not to guess its type, and not to tell others where it was shown."""

import pytest
from chalice.config import Config

from app import app
from chalicelib.edge.route import Route
from infra.local.gateway import Gateway
from tests.conftest import Desk
from tests.support.api import ROUTES, Api

pytestmark = pytest.mark.engine("embedded")
HSTS = "strict-transport-security"
# Public files and documents say themselves how long they may be kept.
MAY_BE_KEPT = {route.__name__ for route in ROUTES.values() if route.max_age} | {
    "discover_network",
    "get_console",
    "get_console_asset",
    "get_console_worker",
}


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.__name__)
def test_every_reply_protects_the_browser_that_receives_it(desk: Desk, api: Api, route: Route) -> None:
    path = route.path.replace("{", "").replace("}", "")
    answer = api.call(route.method, path, {})
    _check(answer.headers)
    is_kept = answer.status < 400 and route.__name__ in MAY_BE_KEPT
    assert is_kept or answer.headers["cache-control"] == "no-store"
    assert HSTS not in answer.headers


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "https, http"])
def test_behind_tls_browsers_are_told_to_stay_there(api: Api, scheme: str) -> None:
    answer = api.get("/api/v1/inbox", headers={"X-Forwarded-Proto": scheme})
    assert answer.headers[HSTS] == "max-age=31536000"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("DELETE", "/api/v1/inbox")])
def test_errors_of_the_local_gateway_protect_browsers_too(desk: Desk, method: str, path: str) -> None:
    gateway = Gateway(app, Config(config_from_disk={"app_name": "desk"}))
    reply = gateway.handle_request(method, path, {"host": "desk.test"}, None)
    headers = {name.lower(): value for name, value in reply["headers"].items()}
    assert reply["statusCode"] in (404, 405)
    assert headers["cache-control"] == "no-store"
    _check(headers)


def _check(headers: dict[str, str]) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
