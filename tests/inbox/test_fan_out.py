"""Fan-out: the worker makes the deliveries of accepted bulk calls."""

from datetime import UTC, datetime

import pytest
import time_machine

from chalicelib import aws
from chalicelib.resources import DELIVERIES, FAN_OUT
from tests.conftest import Desk
from tests.inbox.bulk_calls import EVENTS, by_email, received, send
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps


def test_redelivered_message_is_counted_once_however_late(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    for token in (desk.fd1, desk.fd1):
        delivery = send(api, token, by_email("alice"), event=event).json["results"][0]["deliveryId"]
    bodies = received(FAN_OUT.physical_name)
    assert len(bodies) == 2
    for days in (0, 0, 1, 13):
        with time_machine.travel(datetime.now(UTC).timestamp() + days * 86400):
            for body in bodies:
                aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody=body)
            pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{delivery}", desk.fd1).json["fireCount"] == 2
    (row,) = api.get("/api/v1/event-types", desk.fd1).json["yourEventTypes"]
    assert row["count"] == 1


def test_accepted_delivery_is_readable_before_the_worker_makes_it(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event(markdown_body="x" * 8000, labels={"k" * 80: "v" * 80})
    (row,) = send(api, desk.fd1, by_email("carol"), event=event).json["results"]
    path = f"{EVENTS}/{row['deliveryId']}"
    read = api.get(path, desk.fd1)
    assert (read.status, read.json["title"], read.json["fireCount"]) == (200, event["title"], 1)
    assert api.post(f"{path}/resolve", {"resolution_note": "x"}, desk.fd1).status == 200
    assert api.get(path, desk.hr).status == 404
    pump.drain(FAN_OUT)
    after = api.get(path, desk.fd1).json
    assert (after["fireCount"], after["resolutionNote"]) == (1, "x")


@pytest.mark.usefixtures("_retry_immediately")
def test_unprocessable_message_goes_to_the_dead_letter_queue(api: Api, desk: Desk, pump: Pumps) -> None:
    send(api, desk.fd1, by_email("alice"))
    key = {"sk": "CALL"}
    for item in aws.dynamodb().scan(TableName=DELIVERIES.physical_name)["Items"]:
        if item["sk"]["S"].startswith(key["sk"]):
            aws.dynamodb().delete_item(TableName=DELIVERIES.physical_name, Key={"pk": item["pk"], "sk": item["sk"]})
    aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody="poison")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(6):
            pump.drain(FAN_OUT)
            clock.shift(600)
        dead = received(FAN_OUT.dead_letters.physical_name)
    assert len(dead) == 2
    assert "poison" in dead


def test_first_accepted_call_decides_what_the_delivery_says(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event(title="First")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        delivery = send(api, desk.fd1, by_email("alice"), event=event).json["results"][0]["deliveryId"]
        clock.shift(1)
        again = send(api, desk.fd1, by_email("alice", "bob"), event=event | {"title": "Second"})
        assert [row["deduped"] for row in again.json["results"]] == [True, False]
        for body in reversed(received(FAN_OUT.physical_name)):
            aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody=body)
            pump.drain(FAN_OUT)
        read = api.get(f"{EVENTS}/{delivery}", desk.fd1).json
    assert (read["title"], read["fireCount"]) == ("First", 2)
