"""Give each generated call a token that its operation accepts. Loaded by schemathesis."""

from __future__ import annotations

import json
import os
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from schemathesis import AuthContext, Case

from app import app
from chalicelib.core.domain.callers import (
    ApiKey,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    ToolsToken,
)
from chalicelib.federation.connections.domain.handshake import TOKEN_HEADER
from infra import catalog
from tests.fuzz.admin import run_admin
from tests.support.contract import path_template

_DEMO = json.loads(Path(os.environ["DEMO_FILE"]).read_text(encoding="utf-8"))
_BEARERS: dict[Any, tuple[str, ...]] = {
    PersonalToken: tuple(_DEMO["personal_tokens"][name] for name in ("alice", "bob", "moderated")),
    ToolsToken: tuple(_DEMO["tools_tokens"].values()),
    ApiKey: tuple(_DEMO["api_keys"].values()),
    PlatformToken: (_DEMO["federation"]["platform_token"],),
    InstanceKey: (_DEMO["federation"]["instance_api_key"],),
}
_PEERS = (_DEMO["federation"]["federation_token"], _DEMO["federation"]["instance_api_key"])
_ROUTES = {(route.method, route.path): route for route in catalog.routes(app)}
_TURNS = {operation: count() for operation in _ROUTES}


def _sign_in() -> dict[str, str]:
    """Sign Alice in with a new link, and return the headers of her browser."""
    page = {"Origin": _DEMO["base_url"], "X-Fluxden-Client": "fuzz", "Content-Type": "application/json"}
    address = urlsplit(_DEMO["base_url"])
    body = json.dumps(
        {"code": run_admin(_DEMO, "employees", "sign-in-link", "alice@example.com")["link"].partition("#sign-in=")[2]}
    )
    with closing(HTTPConnection(str(address.hostname), address.port)) as connection:
        connection.request("POST", "/api/v2/sessions", body, page)
        answer = connection.getresponse()
        assert answer.status == HTTPStatus.CREATED, answer.read()
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    return {"Cookie": cookie, "Origin": page["Origin"], "X-Fluxden-Client": "fuzz"}


_SESSION = _sign_in()
_BEARERS[ScimToken] = (run_admin(_DEMO, "scim-tokens", "create", "--name", "fuzz")["token"],)


@schemathesis.auth(refresh_interval=None)
class TokensInTurn:
    """Uses the accepted kinds of tokens in turn."""

    def get(self, case: Case[Any], _: AuthContext) -> dict[str, str]:
        path = case.operation.full_path
        operation = case.operation.method.upper(), path_template(path)
        route, turn = _ROUTES[operation], next(_TURNS[operation])
        if route.token_header == TOKEN_HEADER or not route.callers:
            return {TOKEN_HEADER: _PEERS[turn % len(_PEERS)]}
        if Session in route.callers:
            return _SESSION
        bearers = [token for kind in route.callers for token in _BEARERS[kind]]
        return {"Authorization": f"Bearer {bearers[turn % len(bearers)]}"}

    def set(self, case: Case[Any], data: dict[str, str], _: AuthContext) -> None:
        case.headers.update(data)
