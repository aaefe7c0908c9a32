"""A stranger floods every door at 100 requests a second, and an honest third desk goes on working."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import time_machine

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.instances import HEARTBEAT, REGISTER, add_member, new_registration
from tests.support.peer import CONNECTIONS, RELAY, allow_federation, connection_request
from tests.support.stored_rows import read_rows

STRANGER, HONEST = "203.0.113.9", "198.51.100.7"
SECONDS = 4


def flood(api: Api, number: int, honest_url: str) -> int:
    doors = (
        lambda: api.post(RELAY, {"subject": "x"}, headers={"X-Federation-Token": f"wrong-{number}"}, address=STRANGER),
        lambda: api.get("/api/v2/prompt-groups", f"wrong-{number}", address=STRANGER),
        lambda: api.post(REGISTER, new_registration(), address=STRANGER),
        lambda: api.post(
            CONNECTIONS,
            connection_request(
                fromInstanceUrl=honest_url, federationToken=f"{number:040}", fromUserEmail=f"{number}@x.example"
            ),
            address=STRANGER,
        ),
    )
    return doors[number % len(doors)]().status


def test_an_honest_third_desk_works_while_a_stranger_floods_every_door(api: Api, desk: Desk) -> None:
    allow_federation(approval=True, unverified="pending")
    token = str(desk.demo["federation"]["federation_token"])
    seen: Counter[int] = Counter()
    with time_machine.travel(datetime(2026, 5, 21, 12, 10, tzinfo=UTC), tick=False) as clock:
        member = add_member(api)
        before = len(read_rows())
        for number in range(100 * SECONDS):
            seen[flood(api, number, member.base_url)] += 1
            clock.shift(timedelta(milliseconds=10))
            if number % 50 == 49:
                relay = {"relayId": f"r-{number}", "intent": "get_info", "subject": "Hi"}
                sent = api.post(RELAY, relay, headers={"X-Federation-Token": token}, address=HONEST)
                assert sent.status == 200
                assert api.post(HEARTBEAT, None, member.token, address=HONEST).status == 200
        asked = connection_request(fromInstanceUrl=member.base_url, federationToken="h" * 40)
        assert api.post(CONNECTIONS, asked, address=HONEST).status == 200
        assert api.post(REGISTER, new_registration(), address=HONEST).status == 201
    # Of the wrong credentials seven in four seconds were looked at, and of the others what one address may send.
    assert seen[401] <= 8
    assert (seen[200], seen[201]) == (20, 20)
    assert seen[429] == 100 * SECONDS - seen[401] - 40
    assert len(read_rows()) - before < 250
