"""Event types that integrators declare: by whom, of what, who reads them, and how they reach people without rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.domain.declared_types import MOST_TYPES, DefaultWay, default_way_of
from chalicelib.resources import REACH, WEB_PUSH
from tests.conftest import Desk
from tests.live.test_push import EVENTS, subscribe
from tests.operate.conftest import find_entries
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

OWN, ALL = "/api/v1/event-types/declared", "/api/v2/event-types"
OF_HR = "/api/v2/operate/integrators/hr/event-types"
BUILD = {"eventType": "fd1.build", "name": "Builds", "description": "What CI made of a change."}
QUIET = {"eventType": "fd1.build.passed", "name": "Passed builds", "defaultWay": "inbox"}
PREFERENCES = "/api/v1/me/preferences"


def declare(api: Api, token: str, *types: dict[str, Any], path: str = OWN, **more: Any) -> Answer:
    return api.call("PUT", path, {"types": list(types), **more}, token=token)


def listed(api: Api, token: str) -> dict[str, dict[str, Any]]:
    return {each["integrator"]: each for each in api.get(ALL, token).json["data"]}


def test_everybody_reads_the_names_that_an_integrator_declares(api: Api, desk: Desk) -> None:
    before = listed(api, desk.bob_key)["fd1"]
    assert (before["types"], before["version"], before["eventPrefix"]) == ([], 0, "fd1.")
    shown = declare(api, desk.fd1, BUILD, QUIET)
    assert shown.json == {"types": [BUILD | {"defaultWay": "push"}, QUIET], "version": 1}
    assert api.get(OWN, desk.fd1).json == shown.json
    assert listed(api, desk.bob_key)["fd1"] == before | shown.json
    assert api.get(OWN, desk.hr).json == {"types": [], "version": 0}, "another integrator has its own"


def test_declaring_the_same_types_again_changes_and_records_nothing(api: Api, desk: Desk) -> None:
    first = declare(api, desk.fd1, BUILD)
    again = declare(api, desk.fd1, BUILD, version=0)
    assert (again.status, again.json) == (200, first.json)
    assert declare(api, desk.fd1).json == {"types": [], "version": 2}
    entries = find_entries("integrator.eventTypes")
    assert sorted(each.details["types"] for each in entries) == ["0", "1"]
    assert {each.subject.id for each in entries if each.subject} == {"fd1"}


def test_types_that_changed_since_they_were_read_are_not_replaced(api: Api, desk: Desk) -> None:
    declare(api, desk.fd1, BUILD)
    assert declare(api, desk.fd1, QUIET, version=0).status == 409
    assert declare(api, desk.fd1, QUIET, version=1).json["version"] == 2


def test_an_integrator_declares_its_own_types_only(api: Api, desk: Desk) -> None:
    for other in ("hr.leave", "fd10.build", "fd", "internal-os.notice"):
        refused = declare(api, desk.fd1, BUILD, BUILD | {"eventType": other})
        assert (refused.status, refused.json["fieldErrors"]) == (400, {"types.1.eventType": ["must begin with fd1."]})
    assert declare(api, desk.fd1, BUILD | {"eventType": "fd1"}).status == 200
    assert declare(api, desk.hr, BUILD | {"eventType": "hr.leave"}).status == 403, "no administrator's token"
    assert declare(api, desk.alice, BUILD).status == 403
    assert declare(api, desk.alice_key, BUILD).status == 403
    assert api.get(ALL, desk.fd1).status in (401, 403)


@pytest.mark.parametrize(
    "wrong",
    [
        {"defaultWay": "mute"},
        {"defaultWay": "channel"},
        {"defaultWay": "email"},
        {"name": " "},
        {"name": "x" * 61},
        {"name": "two\nlines"},
        {"description": "x" * 121},
        {"description": None},
        {"eventType": "fd1.build."},
        {"eventType": "fd1." + "x" * 60},
        {"channels": []},
    ],
)
def test_a_type_that_is_none_is_refused_and_changes_nothing(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    assert declare(api, desk.fd1, BUILD | wrong).status == 400
    assert api.get(OWN, desk.fd1).json["version"] == 0


def test_types_are_declared_once_and_up_to_a_hundred(api: Api, desk: Desk) -> None:
    longest = {"name": "界" * 60, "description": "界" * 120}
    many = [{"eventType": f"fd1.type.{each}", **longest} for each in range(MOST_TYPES)]
    assert declare(api, desk.fd1, BUILD, BUILD).status == 400
    assert declare(api, desk.fd1, *many, BUILD).status == 400
    assert declare(api, desk.fd1, *many).status == 200


def test_an_operator_declares_types_of_an_integrator_and_nobody_else_does(api: Api, desk: Desk) -> None:
    leave = {"eventType": "hr.leave", "name": "Leave", "defaultWay": "push"}
    assert declare(api, desk.bob_key, leave, path=OF_HR).status == 403
    shown = declare(api, desk.alice_key, leave, path=OF_HR)
    assert shown.json["data"] == {"types": [leave], "version": 1}
    assert declare(api, desk.alice_key, BUILD, path=OF_HR).status == 400
    assert declare(api, desk.alice_key, path=OF_HR.replace("hr", "nobody")).status == 404
    assert listed(api, desk.bob_key)["hr"]["types"] == [leave]


def published(api: Api, desk: Desk, **event: Any) -> Answer:
    return api.post(EVENTS, inputs.new_event(**event), desk.alice)


def test_what_is_declared_for_the_inbox_reaches_no_browser_unless_it_is_critical(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    published(api, desk)  # the first of a minute takes one step more
    plain = published(api, desk, event_type="fd1.build.passed")
    assert (pump.drain(WEB_PUSH), len(receiver.received)) == (2, 2)
    declare(api, desk.fd1, BUILD, QUIET)
    quiet = published(api, desk, event_type="fd1.build.passed", event_id="again")
    assert (sorted(quiet.calls), quiet.steps) == (sorted(plain.calls), plain.steps), "publishing costs what it did"
    assert (pump.drain(WEB_PUSH), len(receiver.received)) == (1, 2)
    published(api, desk, event_type="fd1.build.failed")
    published(api, desk, event_type="fd1.build.passed", severity="critical")
    assert (pump.drain(WEB_PUSH), len(receiver.received)) == (2, 4)


def test_a_rule_of_the_person_counts_before_what_is_declared(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    declare(api, desk.fd1, QUIET)
    rule = {"integrator": "hr", "ways": ["inbox"]}
    api.call("PUT", PREFERENCES, {"rules": [rule], "version": 0}, token=desk.alice_key)
    published(api, desk, event_type="fd1.build.passed")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)
    rule = {"eventType": "fd1", "ways": ["push"]}
    api.call("PUT", PREFERENCES, {"rules": [rule], "version": 1}, token=desk.alice_key)
    published(api, desk, event_type="fd1.build.passed")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH), len(receiver.received)) == (1, 1, 1)


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)


@pytest.mark.engine("embedded")
@given(NAMES, st.dictionaries(NAMES, st.sampled_from([each.value for each in DefaultWay])))
def test_the_longest_declared_type_that_stands_for_an_event_counts(event_type: str, ways: dict[str, str]) -> None:
    standing = [each for each in ways if f"{event_type}.".startswith(f"{each}.")]
    expected = ways[max(standing, key=len)] if standing else "push"
    assert default_way_of(event_type, ways) == expected
