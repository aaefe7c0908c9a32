"""X-Request-Id: refused when malformed where the contract has the parameter, and replaced elsewhere."""

import json
from pathlib import Path

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Api

FACTS = Path(__file__).parents[1] / "data" / "fluxdesk-v1.facts.json"
MALFORMED = "1-5759e988-bd862e3fe1be46a994272793;Root=1"


def test_operations_check_the_id_where_the_contract_has_it() -> None:
    paths = json.loads(FACTS.read_text(encoding="utf-8"))["paths"]
    listed = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "RequestIdHeader" in json.dumps(operation.get("parameters", []))
    }
    assert listed
    assert listed == {(route.method, route.path) for route in ROUTES.values() if route.checks_request_id}


def test_a_malformed_id_is_replaced_elsewhere(api: Api, desk: Desk) -> None:
    headers = {"X-Request-Id": MALFORMED}
    reply = api.get("/api/v1/health", headers=headers)
    assert (reply.status, reply.headers["x-request-id"][:4]) == (200, "req_")
    assert api.post("/api/v1/events", inputs.new_event(), desk.alice, headers=headers).status == 400


def test_json_states_its_encoding(api: Api, desk: Desk) -> None:
    for reply in (
        api.get("/api/v1/health"),
        api.get("/api/v1/inbox"),
        api.get("/api/v2/kanban", desk.alice_key),
        api.get("/api/v2/kanban"),
    ):
        assert reply.headers["content-type"].endswith("json; charset=utf-8")
