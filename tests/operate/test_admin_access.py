"""The admin operations are for administrators only."""

from typing import Any

import pytest

from chalicelib.edge.operation import Operation
from tests.conftest import Desk
from tests.operate.conftest import ADMIN
from tests.support import inputs
from tests.support.api import ROUTES, Api

pytestmark = pytest.mark.usefixtures("running_minute")

OPERATIONS: list[Operation] = [route for route in ROUTES.values() if route.path.startswith(ADMIN)]


def test_admin_operations_are_refused_to_other_callers(api: Api, desk: Desk) -> None:
    narrow = api.post("/api/v2/keys", {"name": "n", "permissions": ["inbox"]}, desk.alice_key).json["data"]["key"]
    for operation in OPERATIONS:
        path = operation.path.replace("{queue}", "fan-out").replace("{slug}", "fd1")
        for name in ("{tokenId}", "{instanceId}"):
            path = path.replace(name, inputs.uuid(1))
        body: Any = {} if operation.body else None
        refused = api.call(operation.method, path, body, token=desk.bob_key)
        assert (refused.status, refused.json["success"]) == (403, False), operation.__name__
        assert refused.json["error"] == "This operation needs an API key of an operator of this desk."
        assert api.call(operation.method, path, body, token=narrow).status == 403
        assert api.call(operation.method, path, body, token=desk.fd1).status == 403
