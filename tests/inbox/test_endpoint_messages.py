"""Origins of endpoints, and ranges, as requests name them."""

import pytest

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.endpoints import ENDPOINTS


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.mark.parametrize(
    ("since", "until"), [("12:00", "12:00"), ("12:00", "11:00"), ("12:00", "2099")], ids=["empty", "reversed", "future"]
)
def test_a_range_that_cannot_be_replayed_is_refused(api: Api, desk: Desk, since: str, until: str) -> None:
    day = "2026-05-01T"
    end = "2099-01-01T00:00:00Z" if until == "2099" else f"{day}{until}:00Z"
    start = "2098-12-31T00:00:00Z" if until == "2099" else f"{day}{since}:00Z"
    body = {"integrator": "fd1", "origin": "https://a.example", "since": start, "until": end}
    assert api.post(f"{ENDPOINTS}/replay", body, desk.alice_key).status == 400


@pytest.mark.parametrize(
    "text", ["", "ftp://a.example", "https://", "//a.example", "https://a.example/\n", "a", "https://a b"]
)
def test_what_is_no_origin_is_refused(api: Api, desk: Desk, text: str) -> None:
    body = {"integrator": "fd1", "origin": text}
    assert api.post(f"{ENDPOINTS}/pause", body, desk.alice_key).status == 400
