"""Every operation that changes something, while stores fail and functions die: once, whole, or not at all."""

from collections.abc import Iterator

import pytest

from tests.conftest import Desk
from tests.support.api import ROUTES, Api
from tests.support.fault_sweep import Point, Sweep, prepared, some
from tests.support.faults import Fault, between
from tests.support.sample_data import Scene
from tests.support.sample_requests import asked_of
from tests.support.sockets import Sockets

CHANGING = sorted(route.__name__ for route in ROUTES.values() if route.method != "GET")


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS", "PLATFORM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.fixture
def sweep(api: Api, desk: Desk, sockets: Sockets, request: pytest.FixtureRequest) -> Iterator[Sweep]:
    route, ask = asked_of(request.node.callspec.params["name"], Scene(api, desk))
    with between():
        yield prepared(api, route, ask)


# Each is some calls more, which cost ten times as much beside the tests.
@pytest.mark.engine("embedded")
@pytest.mark.parametrize("name", CHANGING)
def test_what_is_asked_for_happens_once_whatever_fails(sweep: Sweep, name: str) -> None:
    lost = Point(Fault.LOST)
    passing = [lost, *some([each for each in sweep.passing() if each != lost], 1, name)]
    for point in passing + some(list(sweep.lasting()), 1, name):
        sweep.check(point, keyed=True)
        if sweep.key and (point == lost or point not in passing):
            sweep.check(point, keyed=False)


# What an engine itself has a part in: that a call which is made again is known, by its token or by what it met.
@pytest.mark.engine("real")
@pytest.mark.parametrize("name", CHANGING)
def test_what_is_asked_for_happens_once_though_every_reply_is_lost(sweep: Sweep, name: str) -> None:
    sweep.check(Point(Fault.LOST), keyed=True)
