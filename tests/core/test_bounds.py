"""The bounds of people: who meets one is counted and logged, and operators see them."""

import json
import logging

import pytest

from chalicelib.core.domain.bounds import CALLS, DESK_STREAMS, KEYS, PER_PERSON
from chalicelib.core.domain.measures import BOUNDS_MET, collect
from chalicelib.core.domain.person_refs import person_ref
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.instances import run_admin
from tests.support.sockets import Sockets


def test_the_metric_has_every_bound_and_no_other() -> None:
    ((_, names),) = BOUNDS_MET.dimensions
    assert sorted(names) == sorted([*(each.name for each in PER_PERSON), DESK_STREAMS])


def test_who_meets_a_bound_is_counted_and_logged(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    with collect() as collected, caplog.at_level(logging.WARNING, "fluxden"):
        made = [api.post("/api/v2/keys", {"name": f"{each}"}, desk.bob_key).status for each in range(KEYS.most)]
    assert (made.count(201), made[-1]) == (KEYS.most - 1, 409)
    (met,) = (each for each in caplog.records if each.message == "bound met")
    assert (vars(met)["bound"], vars(met)["person"]) == ("keys", person_ref(desk.user_id("bob")))
    assert not collected, "the operation collects what it measures by itself"
    found = json.loads(run_admin("bounds", "people", "--json"))
    assert found == [{"email": "bob@example.com", "bound": "keys", "has": KEYS.most, "most": KEYS.most}]


def test_operators_see_the_bounds_and_what_a_person_has(api: Api, desk: Desk, sockets: Sockets) -> None:
    listed = run_admin("bounds", "list")
    assert all(each.name in listed and each.beyond in listed for each in PER_PERSON)
    sockets.connect(desk.alice_key)
    rows = json.loads(run_admin("bounds", "people", "--email", "alice@example.com", "--json"))
    has = {each["bound"]: each["has"] for each in rows}
    assert has.keys() == {each.name for each in PER_PERSON} - {CALLS.name}
    assert (has["sockets"], has["streams"]) == (1, 0)
    assert run_admin("bounds", "people") == "Nobody is near a bound.\n"
