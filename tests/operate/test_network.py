"""Instances of the network, and the progress of relays."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")


def test_an_instance_is_approved_and_suspended(api: Api, desk: Desk, audited: Any) -> None:
    found = data(api.get(f"{ADMIN}/instances", desk.alice_key))
    instance = next(each for each in found if each["status"] == "active")
    path = f"{ADMIN}/instances/{instance['id']}"
    assert data(api.post(f"{path}/suspend", None, desk.alice_key))["status"] == "suspended"
    approved = api.post(f"{path}/approve", {"withoutChallenge": True}, desk.alice_key)
    assert data(approved)["status"] == "active"
    assert audited() == [("instance.suspend", instance["id"]), ("instance.approve", instance["id"])]
    assert api.post(f"{ADMIN}/instances/none/suspend", None, desk.alice_key).status == 404


def test_relays_are_shown_without_their_content(api: Api, desk: Desk) -> None:
    answer = api.get(f"{ADMIN}/relays?userId={desk.user_id('alice')}", desk.alice_key)
    page = data(answer)
    assert page["pagination"]["total"] == len(page["relays"])
    assert not any({"subject", "payload", "responsePayload"} & each.keys() for each in page["relays"])
    assert api.get(f"{ADMIN}/relays", desk.alice_key).status == 400
