"""Every cursor continues its own list only: one that was changed, or made for another list, is refused with 400."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.conftest import Desk
from tests.support.api import ROUTES, Answer, Api
from tests.support.engine_state import take_snapshot
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, sample_request

PAGED = sorted(
    name
    for route in ROUTES.values()
    for name in [route.__name__]
    if "cursor" in getattr(route.annotations.get("query"), "model_fields", {})
)

_CURSORS: dict[str, str] = {}


def _paged_request(name: str, data: SampleData) -> tuple[SampleRequest, str]:
    """Return a request of the first page, and the cursor of the second."""
    route, request = sample_request(name, data)
    query = {key: value for key, value in request.query.items() if key not in ("cursor", "catalog_slug")}
    first = SampleRequest(request.credential, query=query | {"limit": "1"})
    reply = first.send(data.api, route).json
    found = reply.get("data", reply)
    cursor = found["pagination"]["cursor"] if "pagination" in found else found["nextCursor"]
    assert cursor, reply
    return first, cursor


def _cursors_of_all(data: SampleData) -> dict[str, str]:
    """Return a cursor of each list, made once: each is of a caller and a list, whatever rows are there later."""
    if not _CURSORS:
        snapshot = take_snapshot()
        for name in PAGED:
            _CURSORS[name] = _paged_request(name, data)[1]
            snapshot.restore()
    return _CURSORS


def _changed(cursor: str) -> Iterator[str]:
    yield from ("", "x", "%00", "%F0%9F%98%80", f"{cursor}=", f"{cursor}A", f"{cursor}%00", f"%00{cursor}", cursor * 2)
    for place in range(0, len(cursor), 7):
        yield cursor[:place]
        yield cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
    mark, *parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for number in range(len(parts)):
        for part in ("\x00", "", "\ud800", "\uffff", "~", "#", None, 1, ["x"], "x" * 3000):
            forged = [mark, *parts[:number], part, *parts[number + 1 :]]
            yield base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


def test_there_are_cursors() -> None:
    assert {"list_inbox", "list_messages", "list_feedback", "list_catalog_approvals"} <= set(PAGED)


@pytest.mark.parametrize("name", PAGED)
def test_a_changed_or_foreign_cursor_is_refused(api: Api, desk: Desk, name: str) -> None:
    data = SampleData(api, desk)
    foreign = [cursor for other, cursor in _cursors_of_all(data).items() if other != name]
    first, cursor = _paged_request(name, data)
    route = ROUTES_BY_NAME[name]

    def send(text: str, credential: str | None = None) -> Answer:
        return SampleRequest(first.credential, query=first.query | {"cursor": text}).send(
            api, route, credential=credential
        )

    assert send(cursor).status == 200
    for text in [*_changed(cursor), *foreign]:
        assert send(text).status == 400, text
    stranger = {data.api_key: desk.alice_key, data.admin_token: desk.hr, data.operator_key: desk.bob_key}
    assert send(cursor, stranger[first.credential]).status in (400, 403, 404)
