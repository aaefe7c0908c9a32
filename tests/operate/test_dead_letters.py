"""Dead letters: counted, listed with their reason, and redriven."""

from typing import Any

import pytest

from chalicelib.resources import CALLBACKS, QUEUES
from infra.queues import DEFINITIONS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, EVENTS, data
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("running_minute")


def _broken(*_: Any, **__: Any) -> None:
    raise KeyError("a secret")


def test_dead_letters_are_listed_with_their_reason_and_redriven(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, audited: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    delivery = api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice).json["deliveryId"]
    api.post(f"/api/v1/inbox/{delivery}/actions/0", None, desk.alice_key)
    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.queues.callbacks.attempt_callback", _broken)
        pump.drain(CALLBACKS)

    counts = {each["queue"]: each["count"] for each in data(api.get(f"{ADMIN}/dead-letters", desk.alice_key))}
    assert (counts["callbacks"], sum(counts.values())) == (1, 1)
    (letter,) = data(api.get(f"{ADMIN}/dead-letters/callbacks", desk.alice_key))
    assert (letter["reason"], letter["received"] >= 5) == ("KeyError", True)
    assert (letter["job"]["deliveryId"], letter["job"]["index"]) == (delivery, 0)
    path = f"{ADMIN}/dead-letters/callbacks/redrive"
    unclear: list[Any] = [{}, {"all": True, "messageIds": ["x"]}, {"messageIds": []}, {"messageIds": [1]}]
    for bad in unclear:
        assert api.post(path, bad, desk.alice_key).status == 400
    assert data(api.post(path, {"messageIds": ["none"]}, desk.alice_key)) == {"sent": 0, "missing": ["none"]}
    assert data(api.post(path, {"messageIds": [letter["messageId"]]}, desk.alice_key)) == {"sent": 1, "missing": []}
    assert data(api.post(path, {"all": True}, desk.alice_key))["sent"] == 0
    assert data(api.get(f"{ADMIN}/dead-letters/callbacks", desk.alice_key)) == []
    assert pump.drain(CALLBACKS) == 1
    assert len(receiver.received) == 1
    assert audited()[1] == ("deadLetters.redrive", "callbacks")
    assert api.get(f"{ADMIN}/dead-letters/none", desk.alice_key).status == 404


def test_every_queue_is_shown_to_administrators() -> None:
    assert {definition.queue for definition in DEFINITIONS} == set(QUEUES)
