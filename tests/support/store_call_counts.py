"""Count the store calls of each operation's sample request: `python -m tests.support.store_call_counts`.

The counts are written to docs/reference/store-calls.json. tests/laws/test_store_calls.py asserts them, and
`make docs` renders them.
"""

import json
import os
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import time_machine

from chalicelib.vault import new_key
from infra.docs.store_calls import COUNTS
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, peer
from tests.support.api import Answer, Api
from tests.support.sample_data import FEDERATION, SampleData, SampleRequest
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets

# A minute has begun for every token, so no count depends on the clock.
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
# They wait for messages by the clock.
_WAITING_OPERATIONS = ("redrive_dead_letters", "stream_events")
# One of these accepts each kind of bearer token.
_READS = ("/api/v2/me", "/api/v1/events/nothing", "/api/v1/integrators", "/api/v2/federation/agents")
_ENVIRONMENT = {
    "FLUXDEN_BASE_URL": "http://desk.test",
    "FLUXDEN_STREAM_HOLD_SECONDS": "1",
    "DEMO_FILE": os.devnull,
}


def count_store_calls(name: str, api: Api, desk: Desk) -> dict[str, Any]:
    """Return the calls of one operation by kind, and how many of them are in sequence.

    Operations that take an Idempotency-Key are counted with one as well.
    """
    snapshot = engine_state.take_snapshot()
    plain, accepts_key = _send(name, api, desk, key=None)
    count: dict[str, Any] = {"steps": plain.steps, "calls": dict(sorted(Counter(plain.calls).items()))}
    if accepts_key:
        snapshot.restore()
        keyed, _ = _send(name, api, desk, key="key-1")
        count["stepsWithKey"] = keyed.steps
    return count


def _send(name: str, api: Api, desk: Desk, key: str | None) -> tuple[Answer, bool]:
    with time_machine.travel(NOON, tick=name in _WAITING_OPERATIONS):
        route, request = sample_request(name, SampleData(api, desk))
        _begin_minute(api, request)
        reply = request.send(api, route, key=key)
    assert reply.status == route.status, (name, reply.text)
    return reply, route.accepts_idempotency_key


def _begin_minute(api: Api, request: SampleRequest) -> None:
    """Let the credential make a request, because its first one in a minute takes one call more."""
    if request.header == FEDERATION:
        acknowledgement = {"relayId": "none", "peerRelayId": "none", "status": "completed"}
        api.post(peer.ACK, acknowledgement, headers={FEDERATION: request.credential})
    elif request.credential:
        for path in _READS:
            api.get(path, request.credential)


def main() -> None:
    os.environ |= _ENVIRONMENT | {"FLUXDEN_SECRET_KEY": new_key()}
    engine.embed()
    sockets = Sockets()
    engine.route_sockets(sockets)
    counts = {}
    for name in sorted(SAMPLE_REQUESTS):
        counts[name] = count_store_calls(name, Api(), Desk(engine_state.restore_demo_organisation()))
    COUNTS.parent.mkdir(exist_ok=True)
    COUNTS.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
