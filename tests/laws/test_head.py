"""HEAD is answered as GET, without the body, by the function of every operation that reads."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from chalice.local import LambdaContext

from tests.conftest import Desk
from tests.support.api import ROUTES, Api, gateway_event
from tests.support.engine_state import take_snapshot
from tests.support.sample_data import SampleData
from tests.support.sample_requests import sample_request

pytestmark = pytest.mark.engine("embedded")

READING = sorted(route.__name__ for route in ROUTES.values() if route.method == "GET")
_FRESH = re.compile(r"req_[\w-]+")


@pytest.mark.parametrize("name", READING)
def test_head_has_the_status_and_headers_of_get_and_no_body(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")
    route, request = sample_request(name, SampleData(api, desk))
    before, now = take_snapshot(), datetime.now(UTC)
    replies = []
    for method in ("GET", "HEAD"):
        before.restore()
        event = gateway_event(method, request.path_for(route), request.headers_with(request.credential), None)
        with time_machine.travel(now, tick=name == "stream_events"):
            replies.append(route(event, LambdaContext(name, 256)))
    get, head = replies
    assert get["body"]
    assert (head["statusCode"], head["body"]) == (get["statusCode"], "")
    assert head["headers"].keys() == get["headers"].keys()
    for header in ("Content-Type", "ETag", "Cache-Control", "X-RateLimit-Limit", "X-RateLimit-Remaining"):
        assert head["headers"].get(header) == get["headers"].get(header)
    assert _FRESH.fullmatch(head["headers"]["X-Request-Id"])


def test_a_refused_head_has_no_body_either(api: Api, desk: Desk) -> None:
    route = ROUTES["GET", "/api/v1/inbox"]
    reply = route(gateway_event("HEAD", "/api/v1/inbox", {}, None), LambdaContext("list_inbox", 256))
    assert (reply["statusCode"], reply["body"]) == (401, "")
    assert reply["headers"]["Content-Type"] == "application/problem+json; charset=utf-8"
