"""Guessing the credentials of instances: after a few wrong ones, an address waits, and nobody else does."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.ids import mint_platform_token
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.instances import HEARTBEAT, add_member, run_admin

GROUPS, DISCOVER, WEBHOOK = "/api/v2/prompt-groups", "/api/v2/network/discover", "/api/marketplace/webhook"
STRANGER, OWNER, OTHER = "203.0.113.9", "198.51.100.7", "198.51.100.8"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
FREE = 5


def guess(api: Api, number: int = 0, address: str = STRANGER) -> Answer:
    return api.get(GROUPS, f"guess-{number}", address=address)


def guess_often(api: Api) -> None:
    assert [guess(api, number).status for number in range(FREE)] == [401] * FREE


def test_a_thousand_wrong_keys_are_refused_after_the_first_few_while_others_work(api: Api, desk: Desk) -> None:
    made = add_member(api)
    with time_machine.travel(NOON, tick=False) as clock:
        replies = []
        for number in range(1000):
            replies.append(guess(api, number))
            clock.shift(timedelta(milliseconds=10))
        tried = [reply for reply in replies if reply.status == 401]
        # Five at once, then after 1, 2 and 4 of the ten seconds.
        assert len(tried) == FREE + 3
        refused = [reply for reply in replies if reply.status != 401]
        assert {reply.status for reply in refused} == {429}
        assert all(1 <= int(reply.headers["retry-after"]) <= 8 for reply in refused)
        assert api.get(GROUPS, made.key, address=OWNER).status == 200
        assert api.post(HEARTBEAT, None, made.token, address=STRANGER).status == 200, "it can't have been guessed"


def test_the_wait_doubles_and_ends(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        guess_often(api)
        for wait in (1, 2, 4, 8, 16):
            assert (guess(api).status, guess(api).headers["retry-after"]) == (429, str(wait))
            clock.shift(timedelta(seconds=wait))
            assert guess(api).status == 401
        clock.shift(timedelta(days=1))
        guess_often(api)


def test_a_right_key_that_was_guessed_too_late_is_refused_like_a_wrong_one(api: Api, desk: Desk) -> None:
    made = add_member(api, apiKey="password")
    with time_machine.travel(NOON, tick=False):
        guess_often(api)
        wrong, right = guess(api), api.get(GROUPS, made.key, address=STRANGER)
        assert (right.status, right.text, right.headers["retry-after"]) == (429, wrong.text, "1")


def test_an_owner_goes_on_at_the_address_it_is_known_from_whoever_guesses_there(api: Api, desk: Desk) -> None:
    made = add_member(api, apiKey="password")
    with time_machine.travel(NOON, tick=False):
        assert api.get(GROUPS, made.key, address=STRANGER).status == 200
        guess_often(api)
        assert guess(api).status == 429
        assert api.get(GROUPS, made.key, address=STRANGER).status == 200


def test_many_addresses_together_wait_too_but_no_owner_that_is_known(api: Api, desk: Desk) -> None:
    made = add_member(api, apiKey="password")
    with time_machine.travel(NOON, tick=False) as clock:
        assert api.get(GROUPS, made.key, address=OWNER).status == 200
        for number in range(25):
            for _ in range(4):
                assert guess(api, number, f"203.0.113.{number}").status == 401
        assert guess(api, 0, "192.0.2.200").status == 429
        assert api.get(GROUPS, made.key, address=OTHER).status == 429, "a short key, and an address not known for it"
        assert api.get(GROUPS, made.key, address=OWNER).status == 200
        clock.shift(timedelta(seconds=60))
        assert api.get(GROUPS, made.key, address=OTHER).status == 200


def test_every_door_for_credentials_of_instances_counts(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        for _ in range(2):
            assert guess(api).status == 401
            assert api.post(HEARTBEAT, None, mint_platform_token().text, address=STRANGER).status == 401
        headers = {"X-Federation-Token": "guess"}
        event = {"event": "agent_approval", "agentId": "x", "status": "rejected", "timestamp": "2026-05-21T12:00:00Z"}
        assert api.post(WEBHOOK, event, headers=headers, address=STRANGER).status == 401
        assert api.post(WEBHOOK, event, headers=headers, address=STRANGER).status == 429
        assert api.post(HEARTBEAT, None, mint_platform_token().text, address=STRANGER).status == 429


def test_where_no_credential_is_needed_a_guess_is_ignored_and_counted(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        for _ in range(2 * FREE):
            assert api.get(DISCOVER, mint_platform_token().text, address=STRANGER).status == 200
        assert guess(api).status == 429


def test_a_network_of_ipv6_is_one_address(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        for number in range(FREE):
            assert guess(api, address=f"2001:db8::{number}").status == 401
        assert guess(api, address="2001:db8::99").status == 429
        assert guess(api, address="2001:db8:0:1::99").status == 401


def test_behind_a_proxy_the_address_counts_that_it_saw(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def through_proxy(forwarded_for: str) -> int:
        return api.get(GROUPS, "guess", address=OTHER, headers={"X-Forwarded-For": forwarded_for}).status

    with time_machine.travel(NOON, tick=False):
        for number in range(FREE):
            assert through_proxy(f"192.0.2.{number}") == 401
        assert through_proxy("192.0.2.99") == 429, "nobody is trusted, so the proxy is the caller"
        monkeypatch.setenv("FLUXDEN_TRUSTED_PROXIES", "1")
        settings.cache_clear()
        for number in range(FREE):
            assert through_proxy(f"192.0.2.{number}, {STRANGER}") == 401
        assert through_proxy(f"192.0.2.99, {STRANGER}") == 429
        assert through_proxy(OWNER) == 401


def test_an_instance_that_is_suspended_is_not_counted(api: Api, desk: Desk) -> None:
    made = add_member(api)
    run_admin("instances", "suspend", made.instance_id)
    with time_machine.travel(NOON, tick=False):
        for _ in range(2 * FREE):
            assert api.post(HEARTBEAT, None, made.token, address=STRANGER).status == 401
            assert api.get(GROUPS, made.key, address=STRANGER).status == 401


def test_a_wrong_credential_takes_one_call_beside_and_one_after_and_a_refused_one_none(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        made = add_member(api)
        api.post(HEARTBEAT, None, made.token)
        right = api.get(GROUPS, made.token)
        assert (sorted(right.calls), right.steps) == (["BatchGetItem", "UpdateItem"], 1)
        wrong = guess(api)
        assert (sorted(wrong.calls), wrong.steps) == (["BatchGetItem", "TransactWriteItems", "UpdateItem"], 2)
        for _ in range(FREE - 1):
            assert guess(api).status == 401
        refused = guess(api)
        assert (sorted(refused.calls), refused.steps) == (["BatchGetItem", "UpdateItem"], 1)
