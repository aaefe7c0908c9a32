"""All keys of a person share the calls of a minute."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.core.domain import bounds
from chalicelib.settings import settings
from chalicelib.tokens.stores.person_budgets import person_budget, share_of
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently

KEYS, ME = "/api/v2/keys", "/api/v2/me"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def made(api: Api, desk: Desk, clock: time_machine.Traveller) -> list[str]:
    """Seven keys of Bob, in a minute in which nothing has been called yet."""
    keys = [api.post(KEYS, {"name": f"key {number}"}, desk.bob_key).json["data"]["key"] for number in range(7)]
    clock.shift(timedelta(minutes=1))
    return [str(key) for key in keys]


def test_person_makes_six_hundred_calls_a_minute_through_however_many_keys(
    api: Api, desk: Desk, made: list[str], clock: time_machine.Traveller
) -> None:
    statuses = Counter(api.status("GET", ME, None, key) for _ in range(bounds.CALLS.most // 7 + 20) for key in made)
    assert statuses == {200: bounds.CALLS.most, 429: 7 * (bounds.CALLS.most // 7 + 20) - bounds.CALLS.most}
    refused = api.get(ME, made[0])
    assert refused.status == 429
    assert "Rate limit of 600 units per minute for all your API keys together reached" in refused.json["error"]
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-limit"]) == ("60", "600")
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert api.get(ME, desk.alice_key).status == 200, "another person is not concerned"
    clock.shift(timedelta(minutes=1))
    assert api.get(ME, made[0]).status == 200


def test_one_key_still_has_its_own_budget(api: Api, made: list[str]) -> None:
    statuses = Counter(api.status("GET", ME, None, made[0]) for _ in range(130))
    assert statuses == {200: 120, 429: 10}
    assert api.get(ME, made[0]).headers["x-ratelimit-limit"] == "120"


def test_each_of_fifty_keys_has_a_share() -> None:
    assert share_of(person_budget(120)) * bounds.KEYS.most == bounds.CALLS.most
    assert person_budget(1000) == 1000, "one key may not make fewer calls than its own budget allows"


def test_most_calls_take_one_write_and_a_share_takes_two(api: Api, made: list[str]) -> None:
    calls = [[each for each in api.get(ME, made[0]).calls if each != "BatchGetItem"] for _ in range(30)]
    drawing = [number for number, each in enumerate(calls) if each[:2] == ["UpdateItem", "TransactWriteItems"]]
    assert drawing == [0, 12, 24]
    assert all("TransactWriteItems" not in each for number, each in enumerate(calls) if number not in drawing)


def test_concurrent_calls_of_several_keys_take_no_more_than_is_left(api: Api, made: list[str]) -> None:
    for key in made[:4]:
        assert all(api.status("GET", ME, None, key) == 200 for _ in range(120))
    statuses = run_concurrently(
        8, lambda number: Counter(api.status("GET", ME, None, made[4 + number % 3]) for _ in range(20))
    )
    assert sum(statuses, Counter()) == {200: 120, 429: 40}


def test_smaller_budget_of_a_key_is_kept(api: Api, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "5")
    settings.cache_clear()
    assert Counter(api.status("GET", ME, None, made[0]) for _ in range(8)) == {200: 5, 429: 3}


def test_revoked_key_is_refused_when_it_draws(api: Api, desk: Desk, made: list[str]) -> None:
    listed = api.get(KEYS, desk.bob_key).json["data"]
    for each in listed:
        if each["name"] == "key 0":
            api.call("DELETE", f"{KEYS}?id={each['id']}", token=desk.bob_key)
    assert api.get(ME, made[0]).status == 401
