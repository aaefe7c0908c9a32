"""Who pauses and resumes endpoints of callbacks by hand, and how many."""

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.endpoints import (
    MOST_PAUSED,
    Endpoint,
    PausedBy,
)
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from tests.conftest import Desk
from tests.operate.conftest import data, find_entries
from tests.support.api import Api
from tests.support.endpoints import ENDPOINTS, NOON, change
from tests.support.receiver import Receiver


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


def test_an_unknown_integrator_has_no_endpoints(api: Api, desk: Desk) -> None:
    body = {"integrator": "nobody", "origin": "https://a.example"}
    for what in ("pause", "resume"):
        assert api.post(f"{ENDPOINTS}/{what}", body, desk.alice_key).status == 404
    assert find_entries("callback.") == []


def test_pausing_twice_changes_nothing_and_has_one_entry(api: Api, desk: Desk, receiver: Receiver) -> None:
    first = change(api, desk, receiver, "pause")
    assert change(api, desk, receiver, "pause") == first
    data(api.post(f"{ENDPOINTS}/resume", {"integrator": "fd1", "origin": "https://other.example"}, desk.alice_key))
    assert len(find_entries("callback.")) == 1


def test_an_integrator_can_pause_so_many_endpoints(api: Api, desk: Desk) -> None:
    store, at = DynamoEndpoints(), timestamp(NOON)
    for number in range(MOST_PAUSED):
        assert store.pause(Endpoint("fd1", f"https://{number}.example", paused_at=at, paused_by=PausedBy.INTEGRATOR))
    body = {"origin": "https://more.example"}
    assert api.post("/api/v1/callback-endpoints/pause", body, desk.fd1).status == 409


def test_only_an_admin_token_changes_endpoints(api: Api, desk: Desk) -> None:
    body = {"origin": "https://a.example"}
    for what in ("pause", "resume"):
        assert api.post(f"/api/v1/callback-endpoints/{what}", body, desk.alice).status in (401, 403)
