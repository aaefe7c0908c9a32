"""Every query reads on to its end: no result depends on how many rows the store returns at a time."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine

from chalicelib.core.domain.errors import Refusal
from tests.conftest import Desk
from tests.laws.test_cursors import PAGED
from tests.support.api import ROUTES, Answer, Api
from tests.support.engine_state import take_snapshot
from tests.support.fault_sweep import prepare_sweep
from tests.support.faults import Fault, inject_faults, intercept_engine, no_fault
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets

pytestmark = pytest.mark.engine("embedded")

_ITEMS = ("items", "entries", "records", "cards", "contacts", "relays")
_JSON_LINES = "application/x-ndjson"
READING = sorted(route.__name__ for route in ROUTES.values() if route.method == "GET")
CHANGING = sorted(set(SAMPLE_REQUESTS) - set(READING))
# Times and ids that a reply makes up.
_FRESH = re.compile(r'"(?:requestId|timestamp|uptime|keyId|publicKey|clientId)":\s*("[^"]*"|\d+)')


def tiny_pages(_number: int, action: str) -> Fault | None:
    """Return one row at a time from every query."""
    return Fault.PARTIAL if action == "Query" else None


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")
    for name in ("KEY", "PERSONAL", "TOOLS", "PLATFORM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


def _make_rows(name: str, data: SampleData) -> None:
    """Make the operation's data twice more, where there can be more than one of it."""
    for _ in range(2):
        with suppress(AssertionError, Refusal):
            SAMPLE_REQUESTS[name](data)


def _whole_list(api: Api, name: str, request: SampleRequest) -> list[Any]:
    """Return the reply, or the items of all pages."""
    route, found = ROUTES_BY_NAME[name], []
    while True:
        reply = request.send(api, route)
        assert reply.status == route.status, reply.text
        is_lines = route.media_type == _JSON_LINES
        if name not in PAGED and not is_lines:
            return [_FRESH.sub("", reply.text)]
        items, following = _lines(reply) if is_lines else _items(reply)
        found += items
        if following is None:
            return found
        request = replace(request, query=request.query | following)


def _items(reply: Answer) -> tuple[list[Any], dict[str, str] | None]:
    """Return the items of a page, and what to send for the next one."""
    body = reply.json.get("data", reply.json)
    cursor = body["pagination"]["cursor"] if "pagination" in body else body["nextCursor"]
    following = None if cursor is None else {"cursor": cursor}
    if "csv" in body:
        return body["csv"].splitlines(), following
    if "messages" in body:
        return body["messages"][::-1], following
    (items,) = (body[key] for key in _ITEMS if key in body)
    return items, following


def _lines(reply: Answer) -> tuple[list[Any], dict[str, str] | None]:
    """Return the lines of a page, and what its header says to send for the next one."""
    following = re.search(r"[?&]after=([^&>]+)", reply.headers.get("link", ""))
    return reply.text.splitlines(), {"after": unquote(following[1])} if following else None


@pytest.mark.parametrize("name", READING)
def test_a_list_is_whole_when_the_store_returns_one_row_at_a_time(
    api: Api, desk: Desk, sockets: Sockets, name: str
) -> None:
    data = SampleData(api, desk)
    _, request = sample_request(name, data)
    _make_rows(name, data)
    before, now = take_snapshot(), datetime.now(UTC)
    results = []
    for plan in (no_fault, tiny_pages):
        before.restore()
        with time_machine.travel(now, tick=name == "stream_events"), intercept_engine(), inject_faults(plan):
            results.append(_whole_list(api, name, request))
    assert json.dumps(results[1], indent=1) == json.dumps(results[0], indent=1)


@pytest.mark.parametrize("name", CHANGING)
def test_an_effect_is_whole_when_the_store_returns_one_row_at_a_time(
    api: Api, desk: Desk, sockets: Sockets, name: str
) -> None:
    data = SampleData(api, desk)
    route, request = sample_request(name, data)
    _make_rows(name, data)
    with intercept_engine():
        sweep = prepare_sweep(api, route, request)
        once = sweep.once(None)
        sweep.before.restore()
        with inject_faults(tiny_pages):
            reply = sweep.call(None)
        assert (reply.status, sweep.state()) == (route.status, once), reply.text


def test_a_summary_counts_every_page(api: Api, desk: Desk) -> None:
    with intercept_engine(), inject_faults(tiny_pages):
        data = SampleData(api, desk)
        for _ in range(3):
            data.add_delivery()
        assert api.get("/api/v1/inbox/summary", desk.bob_key).json["unread"] == 3
