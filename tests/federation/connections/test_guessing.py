"""Guessing the tokens of connections: an address waits after a few wrong ones, and nobody else does."""

from datetime import UTC, datetime

import pytest
import time_machine

from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.hostile_peer import ACCEPT, END
from tests.support.peer import ACK, RELAY

STRANGER, OTHER = "203.0.113.9", "198.51.100.8"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
FREE = 5


def send(api: Api, token: str, path: str = RELAY, address: str = STRANGER) -> Answer:
    return api.post(
        path, {"intent": "get_info", "subject": "Hi"}, headers={"X-Federation-Token": token}, address=address
    )


# The doors count together, as the next test shows, so a thousand at one of them are enough.
@pytest.mark.parametrize(("path", "tries"), [(RELAY, 1000), (ACK, 100), (ACCEPT, 100), (END, 100)])
def test_wrong_tokens_are_refused_after_the_first_few_while_others_work(
    api: Api, desk: Desk, path: str, tries: int
) -> None:
    with time_machine.travel(NOON, tick=False):
        statuses = [send(api, f"wrong-token-{number}", path).status for number in range(tries)]
        assert statuses == [401] * FREE + [429] * (tries - FREE)
        token = desk.demo["federation"]["federation_token"]
        assert send(api, token, address=OTHER).status == 200
        assert send(api, token).status == 200, "a token that can't be guessed works everywhere"


def test_wrong_tokens_at_any_door_count_together(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        doors = (RELAY, ACK, ACCEPT, END, RELAY)
        assert [send(api, f"wrong-token-{number}", path).status for number, path in enumerate(doors)] == [401] * FREE
        assert [send(api, "wrong-token", path).status for path in doors] == [429] * len(doors)


def test_wrong_tokens_and_wrong_keys_of_one_address_count_together(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        for number in range(FREE):
            assert send(api, f"wrong-token-{number}").status == 401
        assert api.get("/api/v2/prompt-groups", "guess", address=STRANGER).status == 429
        assert api.get("/api/v2/prompt-groups", "guess", address=OTHER).status == 401


def test_questions_about_unknown_connections_are_bounded_too(api: Api, desk: Desk) -> None:
    def ask(number: int, address: str = STRANGER) -> int:
        path = f"/.well-known/fluxden?connection={number:064x}&to=https://peer.example"
        return api.get(path, address=address).status

    with time_machine.travel(NOON, tick=False):
        assert [ask(number) for number in range(101)] == [404] * 100 + [429]
        assert ask(0, OTHER) == 404
        assert send(api, "wrong").status == 401, "who asks too much may still relay"
