"""Each operation takes the store calls that docs/reference/store-calls.md states."""

import pytest

from infra.docs.store_calls import read_counts
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.sample_requests import SAMPLE_REQUESTS
from tests.support.sockets import Sockets
from tests.support.store_call_counts import count_store_calls

pytestmark = pytest.mark.engine("embedded")

COUNTS = read_counts()


@pytest.fixture(autouse=True)
def _short_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


def test_every_operation_is_counted() -> None:
    assert COUNTS.keys() == SAMPLE_REQUESTS.keys()


@pytest.mark.parametrize("name", sorted(SAMPLE_REQUESTS))
def test_an_operation_takes_the_documented_store_calls(api: Api, desk: Desk, sockets: Sockets, name: str) -> None:
    counted = count_store_calls(name, api, desk)
    assert counted == COUNTS[name], "If the change is meant, run: make docs"
