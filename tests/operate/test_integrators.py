"""Integrators: register, change and list them, and count what they publish."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, EVENTS, data
from tests.support import inputs
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")

NEW = {"slug": "ci", "name": "Build farm", "eventPrefix": "ci."}


def test_an_integrator_is_registered_changed_and_listed(api: Api, desk: Desk, audited: Any) -> None:
    made = api.post(f"{ADMIN}/integrators", NEW, desk.alice_key, key="k")
    assert (data(made, 201)["allowedEventPrefix"], made.calls[2:]) == ("ci.", ["Query", "TransactWriteItems"])
    assert api.post(f"{ADMIN}/integrators", NEW, desk.alice_key, key="k").json == made.json
    assert api.post(f"{ADMIN}/integrators", NEW, desk.alice_key).status == 409
    overlapping = NEW | {"slug": "other", "eventPrefix": "fd1.x."}
    assert api.post(f"{ADMIN}/integrators", overlapping, desk.alice_key).status == 409

    path = f"{ADMIN}/integrators/ci"
    changed = api.call("PATCH", path, {"homepageUrl": "https://ci.example.com"}, token=desk.alice_key)
    assert (data(changed)["homepageUrl"], data(changed)["name"]) == ("https://ci.example.com", "Build farm")
    assert changed.calls[2:] == ["BatchGetItem", "TransactWriteItems"]
    for bad in ({}, {"slug": "x"}, {"homepageUrl": "https://127.0.0.1/"}, {"name": None}):
        assert api.call("PATCH", path, bad, token=desk.alice_key).status == 400
    assert api.call("PATCH", f"{ADMIN}/integrators/none", {"name": "x"}, token=desk.alice_key).status == 404
    assert [each["slug"] for each in data(api.get(f"{ADMIN}/integrators", desk.alice_key))] == ["ci", "fd1", "hr"]
    assert audited() == [("integrator.create", "ci"), ("integrator.update", "ci")]


def test_event_types_are_counted_by_integrator(api: Api, desk: Desk) -> None:
    for _ in range(2):
        api.post(EVENTS, inputs.new_event(event_type="fd1.build.failed"), desk.alice)
    answer = api.get(f"{ADMIN}/event-types", desk.alice_key)
    assert answer.steps == 5
    assert [(each["integrator"], [row["count"] for row in each["eventTypes"]]) for each in data(answer)] == [
        ("fd1", [2]),
        ("hr", []),
    ]
    assert data(answer)[0]["eventTypes"][0]["daily"] == [0] * 89 + [2]
