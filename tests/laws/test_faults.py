"""Every operation that changes something has its whole effect once, whatever fails."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from infra.openapi_components import may_fill_a_list
from tests.conftest import Desk
from tests.support.api import ROUTES, Api
from tests.support.fault_sweep import FaultPoint, FaultSweep, difference, prepare_sweep, sample
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine
from tests.support.sample_data import SampleData
from tests.support.sample_requests import sample_request
from tests.support.sockets import Sockets

FILLING = sorted(route.__name__ for route in ROUTES.values() if may_fill_a_list(route))
# Their sample requests store nothing in a list.
FILLING_NOTHING = {
    "call_mcp",
    "ingest_by_address",
    "ingest_by_put",
    "ingest_events",
    "publish_event",
    "request_connection",
}
CHANGING = sorted(route.__name__ for route in ROUTES.values() if route.method != "GET")


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS", "PLATFORM", "SCIM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.fixture
def sweep(api: Api, desk: Desk, sockets: Sockets, request: pytest.FixtureRequest) -> Iterator[FaultSweep]:
    route, valid_request = sample_request(request.node.callspec.params["name"], SampleData(api, desk))
    with intercept_engine():
        yield prepare_sweep(api, route, valid_request)


# Left out on external engines, where each call takes ten times as long.
@pytest.mark.engine("embedded")
@pytest.mark.parametrize("name", CHANGING)
def test_a_request_has_its_effect_once_whatever_fails(sweep: FaultSweep, name: str) -> None:
    lost = FaultPoint(Fault.LOST)
    passing = [lost, *sample([each for each in sweep.passing() if each != lost], 1, name)]
    for point in passing + sample(list(sweep.lasting()), 1, name):
        sweep.check(point, keyed=True)
        if sweep.key and (point == lost or point not in passing):
            sweep.check(point, keyed=False)


@pytest.mark.engine("embedded")
@pytest.mark.parametrize("name", FILLING)
def test_a_list_without_room_is_a_conflict_that_says_what_to_end(sweep: FaultSweep, name: str) -> None:
    found = 0
    for number in range(1, sweep.attempts + 1):
        sweep.before.restore()
        before = sweep.state()
        with inject_faults(fault_at(number, Fault.FULL)) as faults:
            reply = sweep.call(None)
        if not faults.injected:
            continue
        found += 1
        assert reply.status == HTTPStatus.CONFLICT, (number, reply.text)
        assert " no more room" in reply.text, (number, reply.text)
        extra, missing = difference(sweep.state(), before)
        # Search entries are written before their contact, and have no effect without it.
        assert not missing and all("('sk', 'FIND#" in each for each in extra), (number, extra, missing)
    assert found or name in FILLING_NOTHING, "no write of the operation was tried"


# Depends on the engine: a repeated call is recognised by its token or by its condition.
@pytest.mark.engine("real")
@pytest.mark.parametrize("name", CHANGING)
def test_a_request_has_its_effect_once_if_every_response_is_lost(sweep: FaultSweep, name: str) -> None:
    sweep.check(FaultPoint(Fault.LOST), keyed=True)
