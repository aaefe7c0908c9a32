"""Registering: what strangers can use up, and guess."""

import time_machine

from tests.conftest import Desk
from tests.federation.network.network_calls import NOON
from tests.support.api import Api
from tests.support.instances import REGISTER, add_member, new_registration, register_instance


def test_one_stranger_cannot_use_up_the_registrations_of_an_hour(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        statuses = [api.post(REGISTER, new_registration(), address="203.0.113.9").status for _ in range(320)]
        assert statuses == [201] * 20 + [429] * 300
        register_instance(api, address="198.51.100.7")


def test_guessing_the_key_of_a_registered_instance_is_throttled(api: Api, desk: Desk) -> None:
    made = add_member(api)
    with time_machine.travel(NOON, tick=False):
        guesses = [new_registration(baseUrl=made.base_url, apiKey=f"wrong-key-{number}") for number in range(100)]
        statuses = [api.post(REGISTER, each, address="203.0.113.9").status for each in guesses]
        assert statuses == [403] * 5 + [429] * 95
        owner = new_registration(baseUrl=made.base_url, apiKey=made.key)
        assert api.post(REGISTER, owner, address="198.51.100.7").status == 201
