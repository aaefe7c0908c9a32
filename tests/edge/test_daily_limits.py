"""Refusals of calls beyond the day's limit."""

from datetime import UTC, datetime

import time_machine

from tests.conftest import Desk
from tests.inbox.bulk_calls import left
from tests.support import inputs
from tests.support.api import Api


def test_a_refusal_of_the_day_states_when_the_day_ends(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 23, 30, tzinfo=UTC), tick=False):
        api.get("/api/v1/integrators", desk.fd1)  # begins the day
        left(desk, "fd1", 0)
        reply = api.post(
            "/api/v1/events/bulk",
            {"event": inputs.new_event(), "recipients": [{"type": "email", "email": "alice@example.com"}]},
            desk.fd1,
        )
    assert reply.status == 429
    midnight = datetime(2026, 5, 22, tzinfo=UTC)
    assert (reply.headers["x-ratelimit-reset"], reply.headers["retry-after"]) == (
        str(int(midnight.timestamp())),
        "1800",
    )
    assert reply.headers["x-ratelimit-remaining"] == "0"
