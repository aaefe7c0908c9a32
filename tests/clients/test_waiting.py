"""Waiting for a decision with the Python client: how often it asks, and when it gives up."""

from typing import Any

import httpx2
import pytest

from fluxden import Desk
from fluxden.generated.v2 import V2
from fluxden.transport import Transport

pytestmark = pytest.mark.engine("embedded")


class Waiting:
    """A desk whose clock moves by what each reply takes, and by each pause."""

    def __init__(self, states: list[str], seconds_of_a_reply: float) -> None:
        self.now, self.asked, self.pauses = 0.0, list[int](), list[float]()
        left = iter(states)

        def answer(request: httpx2.Request) -> httpx2.Response:
            self.asked.append(int(request.url.params["waitSeconds"]))
            self.now += seconds_of_a_reply
            approval: dict[str, Any] = {"state": next(left), "decision": None, "task": None, "comments": []}
            return httpx2.Response(200, json={"success": True, "data": approval})

        self.desk = Desk("https://desk.example", "dvd_x", sleep=self._pause)
        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        self.desk.v2 = V2(Transport("https://desk.example", "dvd_x", client=client).send)

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def wait(self, timeout: float | None = None) -> tuple[str, list[float]]:
        waited = list[float]()
        decision = self.desk.wait_for_decision("1", timeout=timeout, on_wait=waited.append, clock=lambda: self.now)
        return decision.state, waited


def test_a_desk_that_waits_is_asked_again_at_once() -> None:
    waiting = Waiting(["waiting", "waiting", "approved"], 25.0)
    assert waiting.wait() == ("approved", [25.0, 50.0])
    assert (waiting.asked, waiting.pauses) == ([25, 25, 25], [])


def test_a_desk_that_answers_at_once_is_asked_every_two_seconds() -> None:
    waiting = Waiting(["waiting", "waiting", "rejected"], 0.5)
    assert waiting.wait() == ("rejected", [0.5, 2.5])
    assert waiting.pauses == [1.5, 1.5]


def test_it_asks_for_no_more_than_what_is_left_and_gives_up_then() -> None:
    waiting = Waiting(["waiting"] * 3, 25.0)
    assert waiting.wait(timeout=60.0) == ("waiting", [25.0, 50.0])
    assert waiting.asked == [25, 25, 10]


def test_without_time_it_asks_once() -> None:
    waiting = Waiting(["waiting"], 0.5)
    assert waiting.wait(timeout=0) == ("waiting", [])
    assert waiting.asked == [0]
