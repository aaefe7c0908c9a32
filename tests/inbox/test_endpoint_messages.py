"""Origins of endpoints, and ranges, as requests name them."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import timestamp
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


def test_a_range_without_an_end_ends_now(api: Api, desk: Desk) -> None:
    body = {"origin": "https://a.example", "since": timestamp(datetime.now(UTC) - timedelta(days=1))}
    made = api.post("/api/v1/callback-endpoints/replay", body, desk.fd1)
    assert made.status == 202
    assert made.json["until"] >= body["since"]
    for since in ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        refused = api.post("/api/v1/callback-endpoints/replay", body | {"since": since}, desk.fd1)
        assert (refused.status, "since" in refused.text) == (400, True)
