"""Tools tokens: create, rotate and revoke them; a secret is shown once."""

import json
from typing import Any

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support import inputs
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")


def test_a_tools_token_is_issued_once_rotated_and_revoked(
    api: Api, desk: Desk, audited: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {"integrator": "hr", "owner": "bob@example.com"}
    issued = api.post(f"{ADMIN}/tools-tokens", wanted, desk.alice_key, key="k")
    token = data(issued, 201)
    assert issued.steps == 6
    assert api.post(f"{ADMIN}/tools-tokens", wanted, desk.alice_key, key="k").json == issued.json
    assert api.get("/api/v1/event-types", token["token"]).status == 200
    assert token["token"] not in caplog.text

    path = f"{ADMIN}/tools-tokens/{token['id']}"
    rotated = api.post(f"{path}/rotate", None, desk.alice_key)
    assert rotated.calls[2:] == ["TransactWriteItems"]
    assert data(rotated)["priorUntil"].startswith("2026-05-22T12:00")
    assert api.get("/api/v1/event-types", token["token"]).status == 200
    last = data(api.post(f"{path}/rotate", {"atOnce": True}, desk.alice_key))
    assert (last["priorUntil"], api.get("/api/v1/event-types", data(rotated)["token"]).status) == (None, 401)
    assert api.get("/api/v1/event-types", last["token"]).status == 200

    listed = {each["id"]: each for each in data(api.get(f"{ADMIN}/tools-tokens", desk.alice_key))}
    assert (listed[token["id"]]["ownerEmail"], listed[token["id"]]["status"]) == ("bob@example.com", "active")
    assert "flux-tools" not in json.dumps(listed)
    assert data(api.call("DELETE", path, token=desk.alice_key))["status"] == "revoked"
    assert api.get("/api/v1/event-types", last["token"]).status == 401
    what = ["toolsToken.issue", "toolsToken.rotate", "toolsToken.rotate", "toolsToken.revoke"]
    assert audited() == [(each, token["id"]) for each in what]
    for missing in ("nothing", inputs.uuid(1)):
        assert api.call("DELETE", f"{ADMIN}/tools-tokens/{missing}", token=desk.alice_key).status == 404
        assert api.post(f"{ADMIN}/tools-tokens/{missing}/rotate", None, desk.alice_key).status == 404
