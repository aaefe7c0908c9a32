"""Routes of the WebSocket API: the key of a connection, its permissions, and the status of each event."""

import base64
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
import time_machine
from botocore.exceptions import ReadTimeoutError
from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Forbidden, Inactive, NotFound, RateLimited, Unauthorized
from chalicelib.edge.socket import SocketCall, SocketRoute, admit, find_token, socket
from chalicelib.resources import SOCKETS
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.local.socket_events import Connection
from tests.conftest import Desk
from tests.support.log_lines import read_lines

KEY = ids.mint_token(ids.TokenKind.KEY).text
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
PERMISSIONS = frozenset({"chat", "inbox"})


def answer(call: SocketCall) -> Mapping[str, str] | None:
    """Answer with the body as a header, or fail in the way that the body names."""
    match call.body:
        case b"refuse":
            raise NotFound("No such thing.")
        case b"inactive":
            raise Inactive("The key was turned off.")
        case b"crash":
            raise ZeroDivisionError
        case b"time out":
            raise ReadTimeoutError(endpoint_url="https://store.test")
        case b"":
            return None
    return {"X-Body": call.body.decode(), "X-Name": call.headers.get("x-name", "")}


ROUTE: SocketRoute = socket(Blueprint("test"), "$default", grants=SOCKETS.can("GetItem"))(answer)
CONNECTION = Connection.new([("Host", "desk.test"), ("X-NAME", "Bob")])


def send(body: str | bytes) -> tuple[int, dict[str, str]]:
    response = ROUTE(CONNECTION.message_event(body), None)
    return response["statusCode"], response["headers"]


def new_key(desk: Desk, permissions: set[str]) -> ids.PresentedToken:
    key = ids.mint_token(ids.TokenKind.KEY)
    grant = KeyGrant(key.row_id, desk.user_id("alice"), "x", key.visible_prefix, frozenset(permissions))
    DynamoTokens().add_key(grant, key, now=NOON)
    return presented(key.text)


def presented(text: str) -> ids.PresentedToken:
    token = ids.parse_token(text)
    assert token is not None
    return token


def enter(token: ids.PresentedToken) -> ApiKey:
    return admit(token, PERMISSIONS, now=NOON, tokens=DynamoTokenBudgets())


def test_declared_route_keeps_its_name_key_and_grants() -> None:
    assert (ROUTE.__name__, ROUTE.route_key, ROUTE.grants) == ("answer", "$default", SOCKETS.can("GetItem"))


def test_text_and_binary_frames_reach_the_function_alike() -> None:
    assert send("hello") == send(b"hello") == (200, {"X-Body": "hello", "X-Name": ""})
    assert send("") == (200, {})


def test_headers_of_the_handshake_are_read_in_lower_case() -> None:
    event = CONNECTION.connect_event() | {"body": base64.b64encode(b"x").decode(), "isBase64Encoded": True}
    assert ROUTE(event, None)["headers"]["X-Name"] == "Bob"


@pytest.mark.parametrize(("body", "status"), [("refuse", 404), ("inactive", 403), ("crash", 500), ("time out", 503)])
def test_failure_becomes_the_status_of_the_reply(body: str, status: int) -> None:
    assert send(body) == (status, {})


def test_each_event_is_logged_once_without_its_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fluxden")
    send("a secret")
    (line,) = read_lines(caplog)
    ids = {line.pop(name) for name in ("requestId", "correlation_id", "gatewayRequestId", "extendedRequestId")}
    assert len(ids) == 1
    assert line == {
        "message": "socket",
        "operation": "answer",
        "status": 200,
        "storeCalls": 0,
        "connectionId": CONNECTION.connection_id,
    }


def test_key_is_found_in_the_header_or_among_the_subprotocols() -> None:
    for headers, subprotocol in (
        ({"authorization": f"Bearer {KEY}"}, None),
        ({"authorization": f"bearer  {KEY} "}, None),
        ({"sec-websocket-protocol": f"bearer, {KEY}"}, "bearer"),
        ({"sec-websocket-protocol": f"graphql,bearer,{KEY},other"}, "bearer"),
        ({"authorization": f"Bearer {KEY}", "sec-websocket-protocol": "bearer, other"}, None),
    ):
        assert find_token(headers) == (presented(KEY), subprotocol)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": KEY},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "Bearer nonsense"},
        {"sec-websocket-protocol": KEY},
        {"sec-websocket-protocol": f"{KEY}, bearer"},
        {"sec-websocket-protocol": "bearer"},
        {"sec-websocket-protocol": f"bearer, {KEY[:-1]}"},
    ],
)
def test_without_a_well_formed_key_a_connection_is_unauthorized(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        find_token(headers)


def test_key_with_one_of_the_permissions_is_admitted(desk: Desk) -> None:
    for permissions in ({"chat"}, {"inbox", "board"}, {"all"}):
        assert enter(new_key(desk, permissions)).permissions == permissions


def test_other_permissions_and_other_kinds_of_token_are_forbidden(desk: Desk) -> None:
    for token in (new_key(desk, {"board"}), new_key(desk, set()), presented(desk.alice), presented(desk.fd1)):
        with pytest.raises(Forbidden, match="chat, inbox"):
            enter(token)


def test_unknown_and_disabled_keys_are_not_admitted(desk: Desk) -> None:
    with pytest.raises(Unauthorized):
        enter(presented(KEY))
    token = new_key(desk, {"all"})
    assert DynamoGrants().switch_key(token.row_id, active=False, owner_id=None, claim=None, reply={})
    with pytest.raises(Inactive):
        enter(token)


def test_opening_a_connection_costs_one_unit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "2")
    token = new_key(desk, {"all"})
    with time_machine.travel(NOON, tick=False):
        enter(token)
        enter(token)
        with pytest.raises(RateLimited):
            enter(token)
