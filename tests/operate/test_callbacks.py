"""Callbacks to source systems, with every attempt."""

import pytest

from chalicelib.resources import CALLBACKS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, EVENTS, data
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("running_minute")


def test_callbacks_are_shown_with_their_attempts(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    clicked = [api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice).json["deliveryId"] for _ in range(3)]
    for delivery in clicked:
        api.post(f"/api/v1/inbox/{delivery}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    recent = api.get(f"{ADMIN}/callbacks?limit=2", desk.alice_key)
    assert (len(data(recent)), recent.steps) == (2, 4)
    assert {each["deliveryId"] for each in data(api.get(f"{ADMIN}/callbacks", desk.alice_key))} == set(clicked)
    one = api.get(f"{ADMIN}/callbacks?deliveryId={clicked[0]}", desk.alice_key)
    (shown,) = data(one)
    assert (shown["outcome"], [each["status"] for each in shown["attempts"]]) == ("delivered", [204])
    assert (shown["label"], shown["eventType"]) == ("Approve", "fd1.repo.access_granted")
    assert one.steps == 3
