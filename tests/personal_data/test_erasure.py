"""An employee is erased: what is theirs goes, what is others' stays, and nothing names them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.stores import lists
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_listing import DynamoDirectoryListing
from chalicelib.personal_data.domain.subjects import ERASED_NAME
from chalicelib.personal_data.stores.erasures import DynamoErasures
from chalicelib.resources import CONTACTS, FAN_OUT, QUEUES, WEB_PUSH, Queue
from chalicelib.schedules.erasures import carry_on
from tests.conftest import Desk
from tests.inbox import bulk_calls
from tests.support import erasures, inputs, peer
from tests.support.api import Api
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.fault_sweep import FaultPoint, sample
from tests.support.faults import PASSING, Fault, Killed, Plan, inject_faults, intercept_engine, no_fault
from tests.support.pump import Pumps, count_messages
from tests.support.sample_data import SampleData

ALICE = "alice@example.com"
# A test meets so many points of each fault, chosen by the seed, and `make chaos SWEEP=whole` all.
POINTS = 4


def person(email: str) -> Person:
    found = DynamoDirectory().find_person_by_email(email)
    assert found is not None
    return found


def contents() -> dict[str, str]:
    """Map the key of every row to its contents."""
    return {f"{table.name} {row['pk']} {row.get('sk')}": repr(sorted(row.items())) for table, row in erasures.rows()}


def test_an_erased_person_is_in_no_row(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    assert len(erasures.list_left(bob)) > 30
    erasures.begin(bob)
    receipt = erasures.finish()
    assert erasures.list_left(bob) == []
    assert receipt.counts["deliveries"] == 1
    assert bob.user_id not in str(receipt)


def test_rows_of_others_stay_and_their_counts_add_up(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    before = contents()
    theirs = {key for key, row in before.items() if bob.user_id not in key + row and erasures.BOB not in key + row}
    erasures.begin(bob)
    erasures.finish()
    after = contents()
    # Search entries of a contact that was Bob are made anew; the label of his delivery goes with it.
    changed = {key for key in theirs if after.get(key) != before[key]}
    assert {key for key in changed if " FIND#" not in key and " LABEL#" not in key} == {
        "catalog ITEM#fd1 ITEM",
        "directory FOUND COUNTS",
    }
    assert f"contacts {desk.user_id('alice')} COUNTS" in after
    assert DynamoDirectoryListing().counts().people == sum(each.active for each in DynamoDirectory().list_people())
    items: Counter[str] = Counter()
    for table, row in erasures.rows():
        if table.name == "catalog" and row["sk"].startswith("ASSET#"):
            items[row["pk"]] += 1
    counted = {row["pk"]: row["liveAssets"] for table, row in erasures.rows() if row.get("sk") == "ITEM"}
    assert {name: number for name, number in counted.items() if number} == dict(items)


def test_a_contact_of_somebody_else_stays_as_an_erased_person(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    erasures.begin(bob)
    erasures.finish()
    found = api.get(f"/api/v2/contacts?search={ERASED_NAME}", desk.alice_key).json["data"]["contacts"]
    (contact,) = found
    assert (contact["name"], contact["phone"]) == (ERASED_NAME, None)
    assert contact["email"].endswith("@erased.invalid")
    assert contact["notes"] == f"Write to {contact['email']}."
    assert api.get("/api/v2/contacts?search=bob@", desk.alice_key).json["data"]["contacts"] == []
    alice = desk.user_id("alice")
    stored = sum(1 for table, row in erasures.rows() if table == CONTACTS and row["sk"].startswith("CONTACT#"))
    assert lists.total(lists.find_counts(CONTACTS, alice), "contact", "") == stored


def test_what_others_received_stays_without_the_address(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    erasures.begin(bob)
    erasures.finish()
    (delivery,) = api.get("/api/v1/inbox", desk.alice_key).json["items"]
    assert delivery["title"] == "Deploy"
    assert delivery["summary"].endswith("@erased.invalid has deployed.")


def test_the_credentials_of_an_erased_person_are_unknown(api: Api, desk: Desk) -> None:
    erasures.begin(erasures.give_data(api, desk))
    erasures.finish()
    assert api.get("/api/v2/me", desk.bob_key).status == 401
    assert api.post("/api/v1/events", inputs.new_event(), desk.bob).status == 401


def test_a_person_who_is_being_erased_can_not_be_activated(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    erasures.begin(bob)
    with pytest.raises(Conflict, match="being erased"):
        DynamoDirectory().set_active(bob.user_id, active=True)
    with pytest.raises(Conflict, match="being erased"):
        erasures.begin(bob, erasure_id="another")


def test_an_active_person_is_not_erased(desk: Desk) -> None:
    bob = person(erasures.BOB)
    with pytest.raises(Conflict):
        erasures.begin(bob, deactivated=False)
    assert DynamoErasures().list_running() == []
    assert desk.bob


def test_the_address_is_taken_until_the_erasure_ends_and_then_starts_from_nothing(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    erasures.begin(bob)
    assert carry_on(erasures.ERASURE, seconds=300) is None
    again = Person("00000000-0000-4000-8000-000000000b0b", erasures.BOB, "Bob")
    with pytest.raises(Conflict):
        DynamoDirectory().add_person(again)
    erasures.finish()
    DynamoDirectory().add_person(again)
    before = contents()
    assert {row["pk"] for _, row in erasures.rows() if again.user_id in str(row)} == {
        f"USER#{again.user_id}",
        f"EMAIL#{erasures.BOB}",
        "PEOPLE",
    }
    assert carry_on(erasures.ERASURE, seconds=300) is not None
    assert contents() == before


def test_an_erasure_goes_on_after_what_had_begun_before_has_ended(api: Api, desk: Desk) -> None:
    erasures.begin(erasures.give_data(api, desk))
    assert carry_on(erasures.ERASURE, seconds=300) is None
    # A request that had been admitted before writes late.
    late = {"pk": {"S": desk.user_id("bob")}, "sk": {"S": "MESSAGE#01J0000000000000000000000A"}, "content": {"S": "x"}}
    aws.dynamodb().put_item(TableName="fluxden-chat", Item=late)
    assert erasures.finish().counts["chat messages"] == 2
    assert erasures.read_result()[1] == []


def test_without_time_nothing_is_lost(api: Api, desk: Desk) -> None:
    erasures.begin(erasures.give_data(api, desk))
    start = take_snapshot()
    erasures.finish()
    expected = erasures.read_result()
    start.restore()
    for _ in range(3):
        assert carry_on(erasures.ERASURE, seconds=0) is None
    erasures.finish()
    assert erasures.read_result() == expected


@dataclass(frozen=True)
class Interrupted:
    """An erasure that meets a fault in its first run, and ends in later ones."""

    start: Snapshot
    now: datetime

    def calls(self) -> int:
        """Return how many calls the first run makes without faults."""
        self.start.restore()
        with time_machine.travel(self.now, tick=False), inject_faults(no_fault) as faults:
            carry_on(erasures.ERASURE, seconds=300)
        return len(faults.attempts)

    def end(self, plan: Plan, *fails_with: type[BaseException]) -> tuple[dict[str, int], list[str], set[str]]:
        """Return what the receipt counts, what is left of the person, and the keys of all rows.

        Keys of the search depend on new random ids, and are left out.
        """
        self.start.restore()
        with time_machine.travel(self.now, tick=False), inject_faults(plan), suppress(*fails_with):
            carry_on(erasures.ERASURE, seconds=300)
        with time_machine.travel(self.now, tick=False):
            erasures.finish()
        return *erasures.read_result(), {each for each in contents() if " FIND#" not in each}


@pytest.fixture
def interrupted(api: Api, desk: Desk) -> Iterator[Interrupted]:
    erasures.begin(erasures.give_data(api, desk))
    with intercept_engine():
        yield Interrupted(take_snapshot(), datetime.now(UTC))


@pytest.mark.engine("embedded")
@pytest.mark.parametrize(
    ("fault", "lasts"),
    [(Fault.KILLED, False), (Fault.KILLED_BEFORE, False), (Fault.LOST, True), (Fault.TIMED_OUT, True)],
)
def test_an_interruption_at_any_step_ends_the_same(interrupted: Interrupted, fault: Fault, lasts: bool) -> None:
    calls, expected = interrupted.calls(), interrupted.end(no_fault)
    assert calls > 100
    for point in sample([FaultPoint(fault, number, lasts=lasts) for number in range(1, calls + 1)], POINTS, fault):
        assert interrupted.end(point.plan(calls), Killed, ClientError, BotoCoreError) == expected, point


@pytest.mark.engine("embedded")
def test_a_fault_of_every_call_that_a_retry_overcomes_changes_nothing(interrupted: Interrupted) -> None:
    calls, expected = interrupted.calls(), interrupted.end(no_fault)
    for fault in sample(list(PASSING), POINTS, "passing"):
        assert interrupted.end(FaultPoint(fault).plan(calls)) == expected, fault


def test_two_runs_at_once_count_nothing_twice(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    running = erasures.begin(bob)
    start = take_snapshot()
    erasures.finish()
    expected = erasures.read_result()
    start.restore()
    store = DynamoErasures()
    ahead = store.save(running.looking_again(now=datetime.now(UTC)), over=running)
    assert ahead is not None
    assert store.save(running.carried_out(), over=running) == ahead
    erasures.finish()
    assert erasures.read_result() == expected


# Federation


def test_the_connections_of_an_erased_person_end_and_their_peer_is_told(api: Api, desk: Desk) -> None:
    data = SampleData(api, desk)
    data.add_relay()
    bob = person(erasures.BOB)
    assert any("RELAY#" in each for each in erasures.list_left(bob))
    erasures.begin(bob)
    receipt = erasures.finish()
    assert receipt.counts["connections"] >= 1
    assert erasures.list_left(bob) == []
    assert api.post(peer.RELAY, {"subject": "hi"}, headers={"X-Federation-Token": peer.TOKEN}).status in (401, 403)


# What the person was responsible for


def test_a_successor_takes_over_tools_tokens_and_held_events(api: Api, desk: Desk) -> None:
    token = desk.personal(moderated=True)
    held = api.post("/api/v1/events", inputs.new_event(), token)
    alice, bob = person(ALICE), person(erasures.BOB)
    assert held.json["moderation"]["status"] == "pending"
    erasures.begin(alice, successor=bob)
    erasures.finish()
    (item,) = api.get("/api/v2/queue?status=pending_confirmation", desk.bob_key).json["data"]["items"]
    assert item["id"] == held.json["deliveryId"]
    confirm = {"action": "approve", "recipient": erasures.BOB}
    assert api.post(f"/api/v2/queue/{item['id']}/confirm", confirm, desk.bob_key).status == 200
    assert erasures.list_left(alice) == []
    assert api.post("/api/v1/events", inputs.new_event(event_id="2"), token).status == 202
    assert len(api.get("/api/v2/queue?status=pending_confirmation", desk.bob_key).json["data"]["items"]) == 1


def test_without_a_successor_held_events_are_rejected(api: Api, desk: Desk) -> None:
    token = desk.personal(moderated=True)
    held = api.post("/api/v1/events", inputs.new_event(), token)
    erasures.begin(person(ALICE))
    erasures.finish()
    found = api.get(f"/api/v1/events/{held.json['deliveryId']}", token)
    assert found.json["moderation"]["status"] == "rejected"


# Messages that are on their way


def test_workers_pass_over_an_erased_person(api: Api, desk: Desk) -> None:
    assert bulk_calls.send(api, desk.fd1, bulk_calls.by_email("bob", "alice")).status == 202
    bob = person(erasures.BOB)
    erasures.begin(bob)
    erasures.finish()
    aws.sqs().send_message(
        QueueUrl=aws.queue_url(WEB_PUSH.physical_name), MessageBody=f'{{"userId":"{bob.user_id}","tag":"x"}}'
    )
    pumps = Pumps()
    for queue in QUEUES:
        pumps.drain(queue)
    assert [count_messages(each.dead_letters) for each in QUEUES] == [0] * len(QUEUES)
    assert erasures.list_left(bob) == []
    assert len(api.get("/api/v1/inbox", desk.alice_key).json["items"]) == 1


def test_failed_messages_name_an_erased_person_no_more(desk: Desk) -> None:
    bob, alice = person(erasures.BOB), person(ALICE)
    body = f'{{"eventPart":"x","fire":"y","people":["{bob.user_id}","{alice.user_id}"]}}'
    aws.sqs().send_message(QueueUrl=_letters(FAN_OUT), MessageBody=body)
    erasures.begin(bob)
    assert erasures.finish().counts["failed messages (pseudonymised)"] == 1
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        (left,) = aws.sqs().receive_message(QueueUrl=_letters(FAN_OUT))["Messages"]
    assert bob.user_id not in left["Body"]
    assert alice.user_id in left["Body"]
    assert desk.bob


def _letters(queue: Queue) -> Any:
    return aws.queue_url(queue.dead_letters.physical_name)
