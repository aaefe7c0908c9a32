"""The end of relays: of those of which nothing can come any more, with all that names them."""

from datetime import UTC, datetime, timedelta

import time_machine

from chalicelib.federation.relays.domain.relays import Direction
from chalicelib.resources import RELAYS
from tests.conftest import Desk
from tests.support import peer
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.worker_scenarios import scan_rows

NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


def test_a_relay_ends_when_nothing_can_come_of_it_any_more(api: Api, desk: Desk, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        peer.allow_federation()
        asked = peer.connection_request(toUserEmail="alice@example.com", fromInstanceUrl="https://peer.example.org")
        connection = api.post(peer.CONNECTIONS, asked).json["connectionId"]
        body = {"connectionId": connection, "subject": "Count"}
        open_id = api.post("/api/v2/relays", body, desk.alice_key).json["data"]["id"]
        ended_id = api.post("/api/v2/relays", body, desk.alice_key).json["data"]["id"]
        acknowledge(api, ended_id)
        assert relays(api, desk, direction=Direction.OUTBOUND)[1] == 2
        clock.shift(timedelta(days=180))
        assert relays(api, desk)[0] == [open_id]
        pump.run("end_data")
        assert relays(api, desk) == ([open_id], 1)
        assert len([row for row in scan_rows(RELAYS) if row["sk"].startswith("RELAY#")]) == 1
        # The peer repeats itself: nothing it names is there any more.
        assert acknowledge(api, ended_id).status < 500


def acknowledge(api: Api, relay_id: str) -> Answer:
    token = str(peer.connection_request()["federationToken"])
    said = {"relayId": relay_id, "status": "completed"}
    return api.post(peer.ACK, said, headers={"X-Federation-Token": token})


def relays(api: Api, desk: Desk, **query: str) -> tuple[list[str], int]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    data = api.get(f"/api/v2/relays?{text}", desk.alice_key).json["data"]
    return [each["id"] for each in data["relays"]], data["pagination"]["total"]
