"""Store calls of the main operations in detail, including cases that differ from the sample requests."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.resources import DELIVERIES, SOCKET_WORK
from infra.tables import DEFINITIONS, Definition
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.item_sizes import kilobytes, size
from tests.support.pump import Pumps
from tests.support.sockets import Sockets

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
SPEND, RECORD, REFUND = ("UpdateItem",) * 3
LABELS = "BatchWriteItem"
LOG_STATE, PROJECT, TRANSACTION = "Query", "BatchGetItem", "TransactWriteItems"


@pytest.fixture(autouse=True)
def _running_minute(api: Api, desk: Desk) -> Any:
    """Let every token's minute and day begin before the test, and stop the clock."""
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=False):
        for token in (desk.alice, desk.bob):
            api.get(f"{EVENTS}/nothing", token)
        api.get(INBOX, desk.alice_key)
        yield


def test_publishing_takes_two_calls_in_sequence_with_and_without_a_key(api: Api, desk: Desk) -> None:
    plain = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert (sorted(plain.calls), plain.steps) == (sorted([SPEND, RECORD, LOG_STATE]), 2)
    keyed = api.post(EVENTS, inputs.new_event(), desk.alice, key="k")
    assert (sorted(keyed.calls), keyed.steps) == (sorted([SPEND, TRANSACTION, LOG_STATE]), 2)
    of_a_project = api.post(EVENTS, inputs.new_event(project_slug="apollo"), desk.alice)
    assert (sorted(of_a_project.calls), of_a_project.steps) == (sorted([SPEND, PROJECT, RECORD, LOG_STATE]), 3)


def test_labels_take_one_more_call_to_publish_with_and_without_a_listener(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    labels = {f"name-{number}": "x" for number in range(20)}
    plain = api.post(EVENTS, inputs.new_event(labels=labels), desk.alice)
    assert (sorted(plain.calls), plain.steps) == (sorted([SPEND, RECORD, LOG_STATE, LABELS]), 3)
    sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    pushed = api.post(EVENTS, inputs.new_event(labels=labels), desk.alice)
    assert (sorted(pushed.calls), pushed.steps) == (sorted([SPEND, RECORD, LOG_STATE, LABELS, "PutItem"]), 3)


def test_a_short_event_type_takes_one_more_call_to_publish_and_none_in_bulk(api: Api, desk: Desk) -> None:
    path = "/api/v2/operate/integrators/fd1"
    assert api.call("PATCH", path, {"relaxedEventTypes": True}, token=desk.alice_key).status == 200
    short = api.post(EVENTS, inputs.new_event(event_type="fd1.failed"), desk.alice)
    assert (short.status, short.steps) == (202, 3)
    recipients = [{"type": "email", "email": "alice@example.com"}]
    for event_type in ("fd1.begun", "fd1.build.failed", "fd1.failed"):  # the first begins the token's minute
        body = {"event": inputs.new_event(event_type=event_type), "recipients": recipients}
        answer = api.post(f"{EVENTS}/bulk", body, desk.fd1)
        assert (answer.status, answer.steps) == (202, 6 if event_type == "fd1.begun" else 5)


def test_publishing_to_a_listener_takes_three_calls_in_sequence(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    plain = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert plain.json["pushed"] is True
    assert (sorted(plain.calls), plain.steps) == (sorted([SPEND, RECORD, LOG_STATE, "PutItem"]), 3)
    keyed = api.post(EVENTS, inputs.new_event(), desk.alice, key="k")
    assert keyed.json["pushed"] is True
    assert keyed.steps == 3
    assert sorted(keyed.calls) == sorted([SPEND, TRANSACTION, LOG_STATE, "PutItem", "UpdateItem"])


def test_a_repeat_takes_three_calls_in_sequence(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    api.post(EVENTS, sent, desk.alice)
    again = api.post(EVENTS, sent, desk.alice)
    assert (sorted(again.calls), again.steps) == (sorted([SPEND, RECORD, LOG_STATE, REFUND]), 3)
    keyed = api.post(EVENTS, sent, desk.alice, key="k")
    assert (sorted(keyed.calls), keyed.steps) == (sorted([SPEND, TRANSACTION, TRANSACTION, LOG_STATE, REFUND]), 4)
    replay = api.post(EVENTS, sent, desk.alice, key="k")
    assert (sorted(replay.calls), replay.steps) == (sorted([SPEND, TRANSACTION, LOG_STATE, REFUND, "Query"]), 4)


def test_the_first_call_of_a_minute_takes_one_more(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, 1, tzinfo=UTC), tick=False):
        assert api.post(EVENTS, inputs.new_event(), desk.alice).steps == 3
        assert api.post(EVENTS, inputs.new_event(), desk.alice).steps == 2


def test_supplement_and_resolve_take_three_calls_and_one_to_find_listeners(api: Api, desk: Desk) -> None:
    path = f"{EVENTS}/{api.post(EVENTS, inputs.new_event(), desk.alice).json['deliveryId']}"
    assert api.get(path, desk.alice).calls == [SPEND, "Query"]
    added = api.post(f"{path}/supplement", {"markdown_body": "x"}, desk.alice)
    assert added.calls == [SPEND, "Query", TRANSACTION, LOG_STATE]
    assert api.post(f"{path}/resolve", None, desk.alice).calls == [SPEND, "Query", "UpdateItem", LOG_STATE]
    assert api.post(f"{path}/resolve", None, desk.alice).calls == [SPEND, "Query"]
    assert api.post(f"{path}/resolve", None, desk.alice, key="k").calls == [SPEND, "Query", TRANSACTION]


def test_reading_the_inbox_takes_two_calls(api: Api, desk: Desk) -> None:
    delivery = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    for query in ("", "?limit=1", "?view=unread", "?view=archived", "?view=snoozed", "?view=all", "/summary"):
        assert api.get(f"{INBOX}{query}", desk.alice_key).steps == 2
    assert api.get(f"{INBOX}?q=widget", desk.alice_key).steps == 3
    assert api.get(f"{INBOX}/{delivery}", desk.alice_key).calls == [SPEND, "Query"]


def test_changing_a_delivery_takes_three_calls_and_one_to_find_listeners(api: Api, desk: Desk) -> None:
    path = f"{INBOX}/{api.post(EVENTS, inputs.new_event(), desk.alice).json['deliveryId']}"
    read = api.call("PATCH", path, {"read": True}, token=desk.alice_key)
    assert read.calls == [SPEND, "Query", "UpdateItem", LOG_STATE]
    assert api.call("PATCH", path, {"read": True}, token=desk.alice_key).calls == [SPEND, "Query"]
    keyed = api.call("PATCH", path, {"archived": True}, token=desk.alice_key, key="k")
    assert keyed.calls == [SPEND, "Query", TRANSACTION, LOG_STATE]


def test_a_repeat_that_restores_an_archived_delivery_takes_two_calls_more(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    sent = inputs.new_event()
    path = f"{INBOX}/{api.post(EVENTS, sent, desk.alice).json['deliveryId']}"
    api.call("PATCH", path, {"archived": True}, token=desk.alice_key)
    assert api.post(EVENTS, sent, desk.alice).steps == 5
    assert api.post(EVENTS, sent, desk.alice).steps == 3


def test_clicking_an_action_takes_four_calls_and_two_when_repeated(api: Api, desk: Desk) -> None:
    hook = {"label": "Approve", "action_type": "webhook", "webhook_url": "https://hooks.example.com/"}
    link = {"label": "Open", "action_type": "url", "url": "https://git.example.com/"}
    delivery = api.post(EVENTS, inputs.new_event(actions=[hook, link]), desk.alice).json["deliveryId"]
    path = f"{INBOX}/{delivery}/actions"
    assert api.post(f"{path}/0", None, desk.alice_key).calls == [SPEND, "Query", "PutItem", "SendMessage"]
    assert api.post(f"{path}/0", None, desk.alice_key).calls == [SPEND, "Query"]
    assert api.post(f"{path}/1", None, desk.alice_key).calls == [SPEND, "Query"]


def test_a_refused_request_takes_no_further_calls(api: Api, desk: Desk) -> None:
    assert api.post(EVENTS, {}, desk.alice).calls == [SPEND]
    assert api.post(EVENTS, inputs.new_event(), desk.fd1).calls[-1:] == [SPEND]
    assert api.get(f"{EVENTS}/nothing", desk.alice).calls == [SPEND]
    assert api.post(EVENTS, inputs.new_event(event_type="hr.x.y"), desk.alice).calls == [SPEND, REFUND]


@pytest.mark.parametrize("labels", [{}, {"repo": "widget-pro", "role": "write"}])
def test_a_published_event_of_2_kb_costs_at_most_5_write_units_and_one_for_each_label(
    api: Api, desk: Desk, labels: dict[str, str]
) -> None:
    """A write unit is a started kilobyte of each row, and of each index entry."""
    sent = inputs.new_event(
        summary="s" * 350,
        markdown_body="m" * 900,
        external_url="https://git.example.com/acme/widget-pro",
        tone="positive",
        **({"labels": labels} if labels else {}),
    )
    before = stored()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    changed = [(table, row) for key, (table, row) in stored().items() if before.get(key) != (table, row)]
    entries = [
        {name: value for name, value in row.items() if name in {"pk", "sk", index.partition_key, index.sort_key}}
        | {name: row[name] for name in index.included if name in row}
        for table, row in changed
        for index in table.indexes
        if table.table is DELIVERIES and index.partition_key in row
    ]
    (row,) = [row for _, row in changed if row.get("sk") == {"S": "DELIVERY"} and row["pk"] == {"S": delivery}]
    assert size(row) > 1900
    assert len(entries) == 2, "the inbox, and what was sent"
    assert sum(map(kilobytes, entries)) + sum(kilobytes(row) for _, row in changed) == 5 + len(labels)


def stored() -> dict[tuple[str, str, str], tuple[Definition, Any]]:
    """Return every row by its table and key."""
    return {
        (each.table.name, row["pk"]["S"], row.get(each.sort_key or "", {}).get("S", "")): (each, row)
        for each in DEFINITIONS
        for row in aws.dynamodb().scan(TableName=each.table.physical_name)["Items"]
    }
