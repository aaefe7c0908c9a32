"""A desk and its network: who falls silent, who may register, and what a desk says and keeps of its own hub."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from app import app
from chalicelib import aws
from chalicelib.federation.network.domain.membership import next_slot
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.resources import NETWORK, OUTBOX_WORK
from chalicelib.settings import settings
from infra import catalog
from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import (
    HEARTBEAT,
    REGISTER,
    Member,
    add_member,
    link_marketplace,
    new_registration,
    offer_agent,
    register_instance,
    run_admin,
    serve_this_desk,
)
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

NOON = datetime(2026, 5, 21, 12, 10, tzinfo=UTC)
SILENT, BEAT = "mark_silent_instances", "send_hub_heartbeats"


def listed(made: Member) -> dict[str, Any]:
    found = json.loads(run_admin("instances", "list", "--json"))
    return next(each for each in found if each["id"] == made.instance_id)


def agents(api: Api) -> set[str]:
    return {each["name"] for each in api.get("/api/v2/network/discover?type=agents").json["agents"]["items"]}


# Members that fall silent


def test_a_member_that_misses_three_heartbeats_is_stale_until_it_is_heard(
    api: Api, desk: Desk, pump: Pumps, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made, other = add_member(api), add_member(api)
        offer_agent(api, made)
        for each in (made, other):
            assert api.post(HEARTBEAT, {"status": "healthy"}, each.token).status == 200
        clock.shift(timedelta(minutes=14, seconds=59))
        assert api.post(HEARTBEAT, None, other.token).status == 200
        pump.run(SILENT)
        assert (pump.calls, listed(made)["health"]) == (["Query"], "healthy")
        clock.shift(timedelta(seconds=1))
        with caplog.at_level(logging.WARNING, logger="fluxden"):
            for _ in range(2):
                pump.run(SILENT)
        (told,) = caplog.messages
        said = {"event": "instance_stale", "instanceId": made.instance_id, "since": "2026-05-21T12:25:00.000Z"}
        assert json.loads(told) == said
        assert pump.calls == ["Query"], "marked once"
        assert (listed(made)["health"], listed(other)["health"]) == ("stale", "healthy")
        assert "Agent a" not in agents(api)
        back = api.post(HEARTBEAT, None, made.token)
        assert (back.status, back.steps) == (200, 5)
        assert api.post(HEARTBEAT, None, made.token).steps == 2
        assert listed(made)["health"] == "healthy"
        assert "Agent a" in agents(api)


def test_who_is_not_trusted_or_does_not_take_part_is_not_shown_for_being_heard_again(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made, suspended = add_member(api), add_member(api)
        offer_agent(api, made)
        for each in (made, suspended):
            api.post(HEARTBEAT, None, each.token)
        run_admin("instances", "suspend", suspended.instance_id)
        clock.shift(timedelta(minutes=20))
        pump.run(SILENT)
        assert listed(suspended)["health"] is None
        link_marketplace(api, made, "disable")
        api.post(HEARTBEAT, None, made.token)
        assert "Agent a" not in agents(api)
        pump.run(SILENT)
        assert pump.calls == ["Query"], "a suspended instance is no longer watched"


# Floods of registrations


def test_new_instances_of_an_hour_are_limited_and_known_ones_are_not(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_REGISTRATIONS_PER_HOUR", "2")
    settings.cache_clear()
    with time_machine.travel(NOON, tick=False) as clock:
        first, _ = register_instance(api), register_instance(api)
        reply = api.post(REGISTER, new_registration())
        assert (reply.status, reply.headers["retry-after"]) == (429, str(50 * 60))
        assert reply.calls == ["GetItem", "TransactWriteItems"]
        again = api.post(REGISTER, new_registration(baseUrl=first.base_url, apiKey=first.key))
        assert (again.status, again.json["instanceId"]) == (201, first.instance_id)
        clock.shift(timedelta(minutes=50))
        assert api.post(REGISTER, new_registration()).status == 201


# A desk as a member


def beat() -> None:
    """Run the schedule, where another desk in this process is asked meanwhile and calls can't be told apart."""
    next(each for each in catalog.schedules(app) if each.__name__ == BEAT)({}, None)


def membership() -> dict[str, Any]:
    (found,) = json.loads(run_admin("hub", "show", "--json"))
    return dict(found)


def refused(*command: str) -> str:
    result = CliRunner().invoke(main, command, prog_name="admin")
    assert result.exit_code == 1, result.output
    return result.stderr


@pytest.fixture
def url(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This desk's own address, where it is its own hub."""
    own = serve_this_desk(receiver)
    monkeypatch.setenv("FLUXDEN_BASE_URL", own)
    settings.cache_clear()
    with time_machine.travel(NOON, tick=False):
        yield own


def hub_answers(receiver: Receiver, status: int, body: Any = None, **headers: str) -> None:
    receiver.before = lambda: None
    receiver.status, receiver.body, receiver.headers = status, json.dumps(body).encode(), headers


def test_a_desk_joins_a_hub_proves_itself_is_approved_and_beats(
    api: Api, desk: Desk, receiver: Receiver, url: str
) -> None:
    told = run_admin("hub", "join", url, "--name", "Acme desk")
    instance_id = membership()["instanceId"]
    assert told == f"Registered {url} at {url} as {instance_id}. It is waiting for approval by the hub's operator.\n"
    beat()
    waiting = membership()
    assert (waiting["status"], waiting["failures"], waiting["lastSuccessAt"]) == ("pending", 0, None)
    run_admin("instances", "approve", instance_id)
    with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
        beat()
        beat()
    assert [each.path for each in receiver.received].count(HEARTBEAT) == 2, "each is one run's"
    now = membership()
    assert (now["status"], now["failures"], now["lastSuccessAt"]) == ("active", 0, "2026-05-21T12:15:00.000Z")
    seen = next(each for each in json.loads(run_admin("instances", "list", "--json")) if each["id"] == instance_id)
    assert (seen["name"], seen["health"], seen["version"]) == ("Acme desk", "healthy", "0.1.0")


def test_the_hubs_word_is_believed_while_this_desk_is_a_member(
    api: Api, desk: Desk, receiver: Receiver, url: str
) -> None:
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
    run_admin("hub", "join", url)
    key = json.loads(receiver.received[0].body)["apiKey"]
    event = {"event": "instance_status", "status": "active", "timestamp": "2026-05-21T12:10:00Z"}

    def word() -> int:
        return api.post("/api/marketplace/webhook", event, headers={"X-Federation-Token": key}).status

    assert word() == 200
    challenge = "n" * 24
    assert api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-1").status == 200
    # The hub has lost its data, and knows this desk by another id from now on.
    hub_answers(receiver, 201, {"instanceId": "id-2", "platformToken": "dvd_fed_second", "status": "active"})
    run_admin("hub", "join", url)
    assert json.loads(receiver.received[1].body)["apiKey"] == key, "by which the hub knows this desk"
    assert [api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-{n}").status for n in (1, 2)] == [
        404,
        200,
    ]
    assert word() == 200
    assert run_admin("hub", "leave") == f"Left {url}.\n"
    assert word() == 401
    assert api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-2").status == 404
    assert refused("hub", "leave") == "Error: This desk is not a member of any network.\n"
    run_admin("hub", "join", url)
    assert json.loads(receiver.received[2].body)["apiKey"] == key
    assert word() == 200
    stored = json.dumps(aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"], default=str)
    assert key not in stored
    assert "dvd_fed_second" not in stored


def test_no_hub_takes_the_place_of_another_by_the_id_it_gives(desk: Desk, receiver: Receiver, url: str) -> None:
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
    run_admin("hub", "join", url)
    assert "another hub uses the same id" in refused("hub", "join", f"{url}/second")
    found = {each["hub"]: each["status"] for each in json.loads(run_admin("hub", "show", "--json"))}
    assert found == {url: "active", f"{url}/second": "joining"}
    assert "Name one" not in refused("hub", "leave", f"{url}/third")
    assert "Name one" in refused("hub", "leave")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, {}, "did not accept the registration"),
        (200, {"instanceId": "id-1"}, "is not a registration"),
        (200, {"instanceId": "id-1", "platformToken": "with space"}, "is not a registration"),
        (403, {"error": "no"}, "with another key"),
    ],
)
def test_a_join_that_was_cut_short_is_taken_up_with_the_same_key(
    api: Api, desk: Desk, receiver: Receiver, url: str, status: int, body: Any, why: str
) -> None:
    hub_answers(receiver, status, body)
    assert why in refused("hub", "join", url)
    assert membership()["status"] == "joining"
    beat()
    assert len(receiver.received) == 1, "nobody beats where nobody has joined"
    serve_this_desk(receiver)
    run_admin("hub", "join", url)
    first, second = (json.loads(each.body)["apiKey"] for each in receiver.received)
    assert first == second


def test_heartbeats_tell_how_this_desk_is_take_three_calls_and_none_is_lost_by_failures(
    api: Api, desk: Desk, receiver: Receiver, url: str, pump: Pumps, caplog: pytest.LogCaptureFixture
) -> None:
    pump.run(BEAT)
    assert pump.calls == ["Query"], "without a hub"
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
    run_admin("hub", "join", url)
    hub_answers(receiver, 200, {"success": True, "platformToken": "dvd_fed_rotated"})
    pump.run(BEAT)
    assert sorted(pump.calls) == sorted(["Query", "GetItem", "Query", "UpdateItem", "UpdateItem"])
    first = receiver.received[-1]
    said = {"version": "0.1.0", "userCount": 4, "agentCount": 2, "status": "healthy"}
    assert (first.headers["authorization"], json.loads(first.body)) == ("Bearer dvd_fed_first", said)
    caplog.clear()
    with time_machine.travel(NOON, tick=False) as clock, caplog.at_level(logging.WARNING, logger="fluxden"):
        for failures in (1, 2):
            hub_answers(receiver, 503, {}, **{"Retry-After": "1800"})
            clock.shift(timedelta(minutes=36))
            pump.run(BEAT)
            assert membership()["failures"] == failures
        assert receiver.received[-1].headers["authorization"] == "Bearer dvd_fed_rotated"
        clock.shift(timedelta(minutes=29))
        pump.run(BEAT)
        assert pump.calls == ["Query"], "the hub asked for half an hour"
        shown = membership()
        assert shown["lastError"].startswith("answered 503")
        assert [json.loads(each)["event"] for each in caplog.messages] == ["hub_heartbeat_failed"] * 2
        hub_answers(receiver, 200, {})
        clock.shift(timedelta(minutes=7))
        pump.run(BEAT)
        assert (membership()["failures"], membership()["lastError"]) == (0, None)


def test_each_desk_has_a_second_of_its_own_in_every_five_minutes() -> None:
    desks = [f"https://desk-{number}.example" for number in range(200)]
    offsets = set()
    for desk in desks:
        one = next_slot("https://hub.example", desk, after=NOON)
        two = next_slot("https://hub.example", desk, after=one)
        assert timedelta(0) < one - NOON <= timedelta(minutes=5)
        assert two - one == timedelta(minutes=5)
        offsets.add(one)
    assert len(offsets) > 100


def test_a_desk_without_an_address_joins_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
    assert "Set FLUXDEN_BASE_URL" in refused("hub", "join", "https://hub.example")
    assert "must start with https" in refused("hub", "join", "http://hub.example")
    monkeypatch.setenv("FLUXDEN_BASE_URL", "desk.example")
    settings.cache_clear()
    assert "FLUXDEN_BASE_URL must be an http or https URL" in refused("hub", "join", "https://hub.example")


def test_of_simultaneous_runs_one_sends_the_heartbeat(api: Api, desk: Desk, receiver: Receiver, url: str) -> None:
    run_admin("hub", "join", url)
    run_concurrently(6, lambda _: beat())
    assert [each.path for each in receiver.received].count(HEARTBEAT) == 1


def test_a_heartbeat_at_the_moment_of_silence_leaves_nothing_half_done(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = [add_member(api) for _ in range(4)]
        for each in made:
            api.post(HEARTBEAT, None, each.token)
        clock.shift(timedelta(minutes=15))
        run = next(each for each in catalog.schedules(app) if each.__name__ == SILENT)
        calls = [lambda: run({}, None)] * 4 + [
            lambda each=each: api.status("POST", HEARTBEAT, {}, each.token) for each in made
        ]
        answers = run_concurrently(len(calls), lambda number: calls[number]())
        assert answers[4:] == [200] * 4
        for each in made:
            stale = listed(each)["health"] == "stale"
            assert (each.instance_id not in DynamoInstances().find_network_stats().shown) == stale
            assert api.post(HEARTBEAT, None, each.token).status == 200
            assert each.instance_id in DynamoInstances().find_network_stats().shown


# What is past its time


def test_a_connection_request_that_nobody_answers_is_declined_after_thirty_days(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    allow_federation(approval=True)
    with time_machine.travel(NOON, tick=False) as clock:
        unanswered, answered = (
            api.post(
                CONNECTIONS, connection_request(fromUserEmail=f"{name}@other.example.org", federationToken=name * 8)
            )
            for name in ("sam", "tom")
        )
        path = f"{CONNECTIONS}/{answered.json['connectionId']}"
        api.call("PATCH", path, {"action": "accept"}, token=desk.alice_key)
        clock.shift(timedelta(days=30, seconds=-1))
        pump.run("end_unanswered_requests")
        assert (statuses(api, desk)["sam@other.example.org"], pump.calls) == ("pending", ["Query"])
        clock.shift(timedelta(seconds=1))
        pump.run("end_unanswered_requests")
        found = statuses(api, desk)
        assert (found["sam@other.example.org"], found["tom@other.example.org"]) == ("declined", "active")
        pump.run("end_unanswered_requests")
        assert pump.calls == ["Query"]
        late = f"{CONNECTIONS}/{unanswered.json['connectionId']}"
        assert api.call("PATCH", late, {"action": "accept"}, token=desk.alice_key).status == 409
        anew = connection_request(fromUserEmail="sam@other.example.org", federationToken="anew" * 8)
        assert api.post(CONNECTIONS, anew).json["status"] == "pending", "whoever asked may ask again"


def statuses(api: Api, desk: Desk) -> dict[str, str]:
    found = api.get(f"{CONNECTIONS}?status=all", desk.alice_key).json["connections"]
    return {each["peerUserEmail"]: each["status"] for each in found}


# The operator's overview


def test_one_screen_shows_what_is_unhealthy(api: Api, desk: Desk, pump: Pumps, receiver: Receiver, url: str) -> None:
    well = json.loads(run_admin("network", "status", "--json"))
    assert (len(well), [each for each in well.values() if each]) == (5, [])
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
    run_admin("hub", "join", url)
    silent, waiting = add_member(api), register_instance(api)
    api.post(HEARTBEAT, None, silent.token)
    allow_federation()
    made = api.post(CONNECTIONS, connection_request(fromInstanceUrl=url)).json["connectionId"]
    relay = {"connectionId": made, "intent": "custom", "subject": "Hello", "toUserEmail": "sam@other.example.org"}
    hub_answers(receiver, 401, {})
    parked = api.post("/api/v2/relays", relay, desk.alice_key).json["data"]["id"]
    pump.drain(OUTBOX_WORK)
    hub_answers(receiver, 503, {})
    api.post("/api/v2/relays", relay, desk.alice_key)
    pump.drain(OUTBOX_WORK)
    with time_machine.travel(NOON + timedelta(minutes=15), tick=False):
        pump.run(BEAT)
        pump.run(SILENT)
        found = json.loads(run_admin("network", "status", "--json"))
        shown = run_admin("network", "status")
    assert [each["id"] for each in found["staleInstances"]] == [silent.instance_id]
    assert [each["id"] for each in found["waitingInstances"]] == [waiting.instance_id]
    assert [(each["hub"], each["failures"]) for each in found["failingHubs"]] == [(url, 1)]
    assert [(each["desk"], each["failures"]) for each in found["failingDesks"]] == [(url, 1)]
    assert [(each["id"], each["dispatch"], each["tries"]) for each in found["lostRelays"]] == [(parked, "parked", 1)]
    assert shown.count(": 1\n") == 5, "each under its title"
    assert shown.startswith("Stale instances (no heartbeats): 1\nID ")
