"""Clients of AWS: one per service, counted calls, and which errors pass."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from chalicelib import aws
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import commit
from chalicelib.parallel import gather
from chalicelib.resources import CALLBACKS, DIRECTORY
from tests.support.concurrency import run_concurrently
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine

KEY = {"pk": "A", "sk": "1"}


def client_error(code: str, *reasons: str) -> ClientError:
    response = {"Error": {"Code": code, "Message": "x"}}
    more = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {}
    return ClientError(response | more, "PutItem")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("TransactionCanceledException", "None", "TransactionConflict"),
        ReadTimeoutError(endpoint_url="https://store.test"),
        ConnectTimeoutError(endpoint_url="https://store.test"),
        EndpointConnectionError(endpoint_url="https://store.test"),
    ],
)
def test_throttles_outages_and_timeouts_pass(error: BaseException) -> None:
    assert aws.is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error("ValidationException"),
        client_error("AccessDeniedException"),
        client_error("ConditionalCheckFailedException"),
        client_error("TransactionCanceledException", "ConditionalCheckFailed", "None"),
        ValueError("x"),
    ],
)
def test_errors_that_a_repeat_would_meet_again_do_not_pass(error: BaseException) -> None:
    assert not aws.is_transient(error)


@pytest.mark.usefixtures("tables")
def test_calls_are_counted_in_this_thread_and_those_it_starts() -> None:
    with aws.count_calls() as calls:
        commit([put(DIRECTORY, KEY)])
        gather(*[lambda: get(DIRECTORY, KEY)] * 3)
        assert calls == [4]
        with aws.count_calls() as inner:
            get(DIRECTORY, KEY)
        assert inner == [1]
    get(DIRECTORY, KEY)
    assert calls == [4]


@pytest.mark.usefixtures("tables")
def test_calls_of_other_threads_are_not_counted() -> None:
    def count(number: int) -> int:
        with aws.count_calls() as calls:
            for _ in range(number):
                get(DIRECTORY, KEY)
        return calls[0]

    assert run_concurrently(4, count) == [0, 1, 2, 3]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.FAILED, Fault.TIMED_OUT, Fault.CONFLICTED])
def test_write_is_repeated_after_a_passing_fault(fault: Fault) -> None:
    with intercept_engine(), inject_faults(fault_at(1, fault)) as faults:
        aws.dynamodb().put_item(**put(DIRECTORY, KEY)["Put"])
    assert faults.attempts == ["PutItem"] * 2
    assert get(DIRECTORY, KEY) == KEY


@pytest.mark.usefixtures("tables")
def test_outage_ends_in_an_error_that_passes() -> None:
    with intercept_engine(), inject_faults(lambda *_: Fault.FAILED), pytest.raises(ClientError) as raised:
        get(DIRECTORY, KEY)
    assert aws.is_transient(raised.value)


def test_there_is_one_client_for_each_service() -> None:
    assert len({id(client) for client in run_concurrently(8, lambda _: aws.dynamodb())}) == 1
    assert aws.sqs() is aws.sqs()
    assert aws.session() is aws.session()


@pytest.fixture
def _no_known_urls() -> Iterator[None]:
    aws.queue_url.cache_clear()
    yield
    aws.queue_url.cache_clear()


@pytest.mark.usefixtures("_no_known_urls")
def test_queue_url_is_made_from_the_setting_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_QUEUES_URL", "https://sqs.test/1")
    with aws.count_calls() as calls:
        assert aws.queue_url(CALLBACKS.physical_name) == f"https://sqs.test/1/{CALLBACKS.physical_name}"
    assert calls == [0]


@pytest.mark.usefixtures("tables", "_no_known_urls")
def test_queue_url_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLUXDEN_QUEUES_URL", raising=False)
    with aws.count_calls() as calls:
        urls = {aws.queue_url(CALLBACKS.physical_name) for _ in range(3)}
    assert (len(urls), calls) == (1, [1])


def test_clients_are_boto3s_with_the_settings_that_make_them_start_and_call_fast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aws, "_clients", {})
    assert isinstance(aws.session(), boto3.Session)
    for client in (aws.dynamodb(), aws.sqs()):
        config: Any = client.meta.config
        serializer = vars(client)["_serializer"]
        assert type(serializer).__name__ != "ParamValidationDecorator"
        assert config.user_agent == "fluxden"
        assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (2, 5, 64)
