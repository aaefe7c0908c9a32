"""Concurrent requests in one process, as in `make run`, do not mix up their data."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.local import LambdaContext

from app import app
from tests.conftest import Desk
from tests.support.api import ROUTES, gateway_event
from tests.support.concurrency import run_concurrently

CALLERS = 16


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("own_function", [False, True])
def test_concurrent_requests_get_their_own_callers_data(desk: Desk, own_function: bool) -> None:
    path = "/api/v2/keys"
    handler: Any = ROUTES["GET", path] if own_function else app
    keys = [(desk.alice_key, "alice's demo key"), (desk.bob_key, "bob's demo key")]

    def call(number: int) -> tuple[str, str]:
        event = gateway_event(
            "GET", path, {"Authorization": f"Bearer {keys[number % 2][0]}", "X-Request-Id": f"call-{number}"}, None
        )
        reply = handler(event, LambdaContext("all", 256))
        return reply["headers"]["X-Request-Id"], json.loads(reply["body"])["data"][0]["name"]

    for _ in range(5):
        assert run_concurrently(CALLERS, call) == [(f"call-{number}", keys[number % 2][1]) for number in range(CALLERS)]
