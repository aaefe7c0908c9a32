"""The tables delete rows one at a time, whenever they like: no reply is an error of ours, whichever are gone."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import time_machine
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib import aws
from chalicelib.core.stores.items import Row, to_item
from chalicelib.core.stores.lists import COUNTS
from chalicelib.edge.route import Route
from chalicelib.resources import AUDIT, CHAT, DELIVERIES, FEEDBACK, QUEUE_ITEMS, RELAYS, Grant, Table
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.api import ROUTES, Api
from tests.support.embedded_engine import Send
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.faults import intercept_engine
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import sample_request
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows

# Rows of these end.
ENDING = (AUDIT, CHAT, DELIVERIES, FEEDBACK, QUEUE_ITEMS, RELAYS)


def _can_meet(grant: Grant) -> bool:
    # Entries of the audit log are only put by most that have to do with it.
    return grant.resource in ENDING and (grant.resource is not AUDIT or grant.action != "dynamodb:PutItem")


NAMES = sorted(route.__name__ for route in ROUTES.values() if any(map(_can_meet, route.grants)))

pytestmark = pytest.mark.engine("embedded")


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")
    for name in ("KEY", "PERSONAL", "TOOLS", "PLATFORM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


def ending_rows() -> list[tuple[Table, Row]]:
    found = [(table, {"pk": row["pk"], "sk": row["sk"]}) for table in ENDING for row in scan_rows(table)]
    # Counts have no end.
    return sorted(
        (each for each in found if each[1]["sk"] != COUNTS), key=lambda each: (each[0].name, *each[1].values())
    )


def delete(rows: list[tuple[Table, Row]]) -> None:
    for table, key in rows:
        aws.dynamodb().delete_item(TableName=table.physical_name, Key=to_item(key))


@dataclass
class Vanishing:
    """Passes calls on to the engine, and deletes the rows before the call of this number."""

    send: Send
    rows: list[tuple[Table, Row]]
    number: int
    calls: int = 0

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.calls += 1
        if self.calls == self.number:
            for table, key in self.rows:
                self.send(_deletion(request, table, key))
        return self.send(request)


def _deletion(like: AWSPreparedRequest, table: Table, key: Row) -> AWSPreparedRequest:
    # Not a call of the client, which records what the operation does.
    body = json.dumps({"TableName": table.physical_name, "Key": to_item(key)})
    made = AWSPreparedRequest("POST", f"{aws.dynamodb().meta.endpoint_url}/", copy.deepcopy(like.headers), body, False)
    for name, text in {"X-Amz-Target": "DynamoDB_20120810.DeleteItem", "Content-Length": str(len(body))}.items():
        del made.headers[name]
        made.headers[name] = text
    return made


@dataclass
class Arranged:
    """A valid request, the rows that were made for it, and the engine as it was then."""

    route: Route
    request: SampleRequest
    made: list[tuple[Table, Row]]
    before: Snapshot
    now: datetime

    def check(self, api: Api, what: object) -> int:
        """Send the request twice, and return the number of calls of the first. None of them may be a fault."""
        first = self.request.send(api, self.route)
        assert first.status < 500, (what, first.text)
        # It meets what the first one has written where the rows were.
        second = self.request.send(api, self.route)
        assert second.status < 500, (what, second.text)
        return len(first.calls)


@pytest.fixture
def arranged(api: Api, desk: Desk, sockets: Sockets, request: pytest.FixtureRequest) -> Iterator[Arranged]:
    known = {(table.name, *key.values()) for table, key in ending_rows()}
    route, valid = sample_request(request.node.callspec.params["name"], SampleData(api, desk))
    made = [each for each in ending_rows() if (each[0].name, *each[1].values()) not in known]
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        yield Arranged(route, valid, made, take_snapshot(), now)


@pytest.mark.parametrize("name", NAMES)
def test_no_reply_is_a_fault_whichever_rows_have_vanished(api: Api, arranged: Arranged, name: str) -> None:
    made = arranged.made
    for gone in [*([each] for each in made), made, made[::2], made[1::2]]:
        arranged.before.restore()
        delete(gone)
        arranged.check(api, (name, gone))


@pytest.mark.parametrize("name", NAMES)
def test_no_reply_is_a_fault_if_rows_vanish_while_it_is_made(api: Api, arranged: Arranged, name: str) -> None:
    calls = arranged.check(api, name)
    for number in range(1, calls + 1):
        arranged.before.restore()
        vanishing = Vanishing(engine_state.engine().new_sender(), arranged.made, number)
        with intercept_engine(vanishing):
            arranged.check(api, (name, number))
