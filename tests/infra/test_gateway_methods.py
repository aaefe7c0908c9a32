"""The local and container hosts answer HEAD wherever there is GET."""

import pytest
from chalice.config import Config

from app import app
from infra.local.gateway import Gateway
from tests.conftest import Desk
from tests.support.api import ROUTES

pytestmark = pytest.mark.engine("embedded")
_PLAIN = sorted(
    route.path for route in ROUTES.values() if route.method == "GET" and "{" not in route.path and not route.callers
)


@pytest.mark.parametrize("path", _PLAIN)
def test_head_is_answered_as_get(desk: Desk, path: str) -> None:
    gateway = Gateway(app, Config(config_from_disk={"app_name": "desk"}))
    get, head = (gateway.handle_request(method, path, {"host": "desk.test"}, None) for method in ("GET", "HEAD"))
    assert (head["statusCode"], head["headers"].keys()) == (get["statusCode"], get["headers"].keys())


def test_head_of_a_path_without_get_is_not_allowed(desk: Desk) -> None:
    gateway = Gateway(app, Config(config_from_disk={"app_name": "desk"}))
    reply = gateway.handle_request("HEAD", "/api/v1/events/bulk", {"host": "desk.test"}, None)
    assert (reply["statusCode"], reply["headers"]["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", sorted(app.routes))
def test_allow_names_every_method_that_is_answered_and_no_other(desk: Desk, path: str) -> None:
    gateway = Gateway(app, Config(config_from_disk={"app_name": "desk"}))
    answered, stated = set(), set()
    for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"):
        reply = gateway.handle_request(method, path, {"host": "desk.test"}, None)
        if reply["statusCode"] == 405:
            stated.add(reply["headers"]["Allow"])
        else:
            answered.add(method)
    assert stated == {", ".join(sorted(answered))}
