"""How a person with preferences is reached: publishing hands the delivery to a worker, which decides."""

from chalicelib.core.stores.writes import commit
from chalicelib.live.stores.push import mark_reach
from chalicelib.resources import DELIVERIES, FAN_OUT, REACH, WEB_PUSH
from tests.conftest import Desk
from tests.inbox.bulk_calls import by_email, send
from tests.live.test_push import EVENTS, look, subscribe
from tests.support import inputs
from tests.support.api import Api
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows


def give_channel(user_id: str, *, is_on: bool = True) -> None:
    commit([mark_reach(user_id, "some-channel", is_on=is_on)])


def test_publishing_to_a_person_with_a_channel_sends_one_job_instead_of_the_push_and_takes_no_further_step(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (0, 1)
    plain = api.post(EVENTS, inputs.new_event(), desk.alice)
    pump.drain(WEB_PUSH)
    give_channel(desk.user_id("alice"))
    reached = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert (sorted(reached.calls), reached.steps) == (sorted(plain.calls), plain.steps)
    assert (reached.json["pushed"], reached.json["pushPending"]) == (False, True)
    assert (pump.drain(WEB_PUSH), pump.drain(REACH)) == (0, 1)
    assert len(pump.calls) == 5
    assert (pump.drain(WEB_PUSH), len(receiver.received)) == (1, 3)


def test_without_a_channel_or_a_browser_nothing_is_queued_and_the_last_channel_to_go_ends_it(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)  # the first of a minute takes one step more
    plain = api.post(EVENTS, inputs.new_event(), desk.alice)
    give_channel(desk.user_id("alice"))
    give_channel(desk.user_id("alice"))
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(REACH) == 1
    assert pump.drain(WEB_PUSH) == 0  # nobody subscribed a browser
    give_channel(desk.user_id("alice"), is_on=False)
    assert api.post(EVENTS, inputs.new_event(), desk.alice).steps == plain.steps
    assert pump.drain(REACH) == 0


def test_what_is_read_by_the_time_the_worker_runs_reaches_no_channel(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    give_channel(desk.user_id("alice"))
    for change in ({"read": True}, {"archived": True}):
        delivery = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
        api.call("PATCH", f"/api/v1/inbox/{delivery}", change, token=desk.alice_key)
    resolved = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    api.post(f"{EVENTS}/{resolved}/resolve", {}, desk.alice)
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (3, 0)


def test_browsers_of_a_person_who_looks_at_the_inbox_stay_silent(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    give_channel(desk.user_id("alice"))
    tab = look(sockets, pump, desk.alice_key)
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is True
    assert [each["type"] for each in tab.frames][-1] == "delivery"
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (1, 0)


def test_deliveries_of_a_bulk_call_reach_a_person_by_the_worker_too(api: Api, desk: Desk, pump: Pumps) -> None:
    give_channel(desk.user_id("bob"))
    assert send(api, desk.fd1, by_email("alice", "bob")).status == 202
    assert (pump.drain(FAN_OUT), pump.drain(REACH)) == (1, 1)


def test_what_the_queue_refuses_reaches_the_person_with_the_next_run_of_the_schedule(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    give_channel(desk.user_id("alice"))
    with (
        intercept_engine(),
        inject_faults(lambda _, action: Fault.FAILED if action == "SendMessage" else None) as faults,
    ):
        refused = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert refused.status == 202
    assert faults.attempts.count("SendMessage") > 0
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (0, 0)
    pump.run("announce_ending_snoozes")
    assert (pump.drain(REACH), pump.drain(WEB_PUSH), len(receiver.received)) == (1, 1, 1)
    assert not [each for each in scan_rows(DELIVERIES) if each["sk"].startswith("HOLD#")]
    pump.run("announce_ending_snoozes")
    assert pump.drain(REACH) == 0
