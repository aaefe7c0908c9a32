"""Workers of queues: only failed messages come again, reasons are kept, and logs have no content of messages."""

import json
import logging

import pytest
from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.failures import DynamoFailures
from chalicelib.core.stores.writes import commit
from chalicelib.edge.consumer import Consumer, consumer
from chalicelib.resources import CALLBACKS, DIRECTORY
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.log_lines import read_lines

GRANTS = DIRECTORY.can("PutItem")

pytestmark = pytest.mark.usefixtures("tables")


class Job(BaseModel):
    text: str


def work(message: Job) -> None:
    """Store the text, or fail in the way that it names."""
    if message.text == "refuse":
        raise Unavailable("The receiver is down.")
    if message.text.startswith("crash"):
        raise ZeroDivisionError(message.text)
    commit([put(DIRECTORY, {"pk": "A", "sk": message.text})])


WORKER = consumer(Blueprint("test"), CALLBACKS, failures=DynamoFailures(), grants=GRANTS, batch_size=3)(work)


def run(*bodies: str, worker: Consumer = WORKER) -> list[str]:
    """Process messages with the ids 0, 1, … and return the ids of those that failed."""
    records = [
        {
            "messageId": str(number),
            "body": body,
            "attributes": {"ApproximateReceiveCount": "2"},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return [each["itemIdentifier"] for each in worker({"Records": records}, None)["batchItemFailures"]]


def job(text: str) -> str:
    return json.dumps({"text": text})


def test_declared_worker_keeps_its_name_queue_grants_and_model() -> None:
    assert isinstance(WORKER, Consumer)
    assert (WORKER.__name__, WORKER.queue, WORKER.batch_size) == ("work", CALLBACKS, 3)
    assert (WORKER.grants, WORKER.message) == (GRANTS, Job)


def test_only_the_messages_that_fail_are_reported() -> None:
    assert run(job("a"), job("crash"), job("b"), "no JSON", "{}") == ["1", "3", "4"]
    assert run(job("a"), job("b")) == []


def test_batch_in_which_every_message_fails_is_no_crash_of_the_function() -> None:
    assert run(job("crash"), job("refuse")) == ["0", "1"]


def test_reason_of_a_failure_is_kept_without_content_of_the_message() -> None:
    run(job("refuse"), job("crash: a secret"), json.dumps({"text": ["a secret"]}), job("fine"))
    reasons = {key: reason for key, (reason, _) in DynamoFailures().find("0123").items()}
    assert reasons == {
        "0": "Unavailable: The receiver is down.",
        "1": "ZeroDivisionError",
        "2": "ValidationError",
    }


def test_each_message_is_logged_with_its_outcome_and_its_store_calls(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fluxden")
    run(job("a"), job("refuse"))
    shared = {"message": "message", "operation": "work", "received": 2}
    assert read_lines(caplog, "message") == [
        shared | {"messageId": "0", "outcome": "done", "storeCalls": 1},
        # Its call stores the reason of the failure.
        shared | {"messageId": "1", "outcome": "failed", "storeCalls": 1},
    ]


def test_failure_whose_reason_can_not_be_stored_is_still_reported(caplog: pytest.LogCaptureFixture) -> None:
    with intercept_engine(), inject_faults(lambda *_: Fault.FAILED):
        assert run(job("refuse")) == ["0"]
    assert "why message 0 failed was not noted" in caplog.text
    assert DynamoFailures().find("0") == {}
