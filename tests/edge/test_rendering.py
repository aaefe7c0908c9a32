"""Replies as HTTP responses."""

import json
from typing import Any

import pytest

from chalicelib.edge.rendering import with_charset
from tests.conftest import Desk
from tests.support.api import SERVED, Api, gateway_event
from tests.support.sessions import OWN_PAGE, new_code, session_of, use_code


@pytest.mark.parametrize(
    ("media_type", "stated"),
    [
        ("application/json", "application/json; charset=utf-8"),
        ("application/problem+json", "application/problem+json; charset=utf-8"),
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        ("image/png", "image/png"),
        ("text/html; charset=utf-8", "text/html; charset=utf-8"),
    ],
)
def test_texts_state_their_encoding(media_type: str, stated: str) -> None:
    assert with_charset(media_type) == stated


def test_a_reply_that_the_client_has_is_not_sent_again(api: Api) -> None:
    first = api.get("/api/v1/openapi.json")
    again = api.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status, again.status, again.text) == (200, 304, "")


def test_several_cookies_are_several_headers(desk: Desk) -> None:
    headers = {"Cookie": "__Host-fluxden-sign-in=x"}
    event = gateway_event("GET", "/api/v2/sign-in/none/callback?state=x", headers, None)
    answer: Any = SERVED["GET", event["requestContext"]["resourcePath"]](event, None)
    assert answer["multiValueHeaders"]["Set-Cookie"] == [
        "__Host-fluxden-sign-in=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
    ]


def test_one_cookie_is_one_header(api: Api, desk: Desk) -> None:
    assert session_of(use_code(api, new_code(desk.user_id("alice"))))
    refused = api.post("/api/v2/sessions", {"code": "x"}, headers=OWN_PAGE)
    assert (refused.status, "set-cookie" in refused.headers) == (401, False)
    assert json.loads(refused.text)["success"] is False
