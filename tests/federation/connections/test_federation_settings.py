"""The federation settings, as the operator changes them."""

import json

from tests.conftest import Desk
from tests.federation.connections.connection_calls import receive_request, run_command
from tests.support.api import Api


def test_an_operator_opens_and_closes_federation(api: Api, desk: Desk) -> None:
    assert json.loads(run_command("federation", "show", "--json").output) == {
        "mode": "closed",
        "inbound": True,
        "approval": True,
        "url": "http://desk.test",
    }
    set_ = run_command("federation", "set", "--mode", "open", "--approval", "off", "--json")
    assert json.loads(set_.output) == {
        "mode": "open",
        "inbound": True,
        "approval": False,
        "url": "http://desk.test",
    }
    assert receive_request(api).json["status"] == "active"
    run_command("federation", "set", "--inbound", "off")
    assert receive_request(api).status == 403
    assert run_command("federation", "set").exit_code == 2
