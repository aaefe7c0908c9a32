"""Failures between the SDK and the engine: the ones a store or a queue really has, at any call of a request."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto.core.botocore_stubber import MockRawResponse

from chalicelib import aws
from infra.local import engine
from tests.support import engine_state
from tests.support.embedded_engine import Send, request_parameters

_PLAIN_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


class Killed(BaseException):
    """The function ended here: nothing that it would have done any more is done, and nobody is answered."""


class Fault(StrEnum):
    """What becomes of one call."""

    THROTTLED = "refused, since there are too many"
    FAILED = "an error of the store's"
    TIMED_OUT = "no answer, and no effect"
    LOST = "no answer, after the effect"
    CONFLICTED = "a transaction holds the row"
    PARTIAL = "done in part, or a page at a time"
    LAGGING = "an index that has not heard of the newest yet"
    KILLED_BEFORE = "the function ends before the effect"
    KILLED = "the function ends after the effect"

    @property
    def ends_function(self) -> bool:
        return self in (Fault.KILLED, Fault.KILLED_BEFORE)


# What the SDK or the code asks again for, and then has, or does without.
PASSING = (Fault.THROTTLED, Fault.FAILED, Fault.TIMED_OUT, Fault.LOST, Fault.CONFLICTED, Fault.PARTIAL, Fault.LAGGING)

Plan = Callable[[int, str], Fault | None]


@dataclass
class Faults:
    """Decides by `plan` what becomes of each attempt of a call, which it is told the number and the action of."""

    plan: Plan
    send: Send
    attempts: list[str] = field(default_factory=list)
    _dead: bool = False
    _lock: Any = field(default_factory=Lock)

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        action = action_of(request)
        with self._lock:
            self.attempts.append(action)
            number = len(self.attempts)
            fault = self.plan(number, action)
            self._dead = self._dead or (fault is not None and fault.ends_function)
            if (self._dead and fault is not Fault.KILLED) or fault is Fault.KILLED_BEFORE:
                raise Killed
        return self._answer(request, action, fault)

    def _answer(self, request: AWSPreparedRequest, action: str, fault: Fault | None) -> AWSResponse:
        match fault:
            case Fault.THROTTLED:
                return error_response(request, 400, "ThrottlingException")
            case Fault.FAILED:
                return error_response(request, 500, "InternalServerError")
            case Fault.TIMED_OUT:
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.LOST:
                self.send(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.CONFLICTED if action == "TransactWriteItems":
                return _transaction_canceled(request)
            case Fault.CONFLICTED if action in _PLAIN_WRITES:
                return error_response(request, 400, "TransactionConflictException")
            case Fault.PARTIAL:
                return self._in_part(request, action)
            case Fault.LAGGING if action == "Query":
                return self._lagging(request)
            case Fault.KILLED:
                self.send(request)
                raise Killed
        return self.send(request)

    def _in_part(self, request: AWSPreparedRequest, action: str) -> AWSResponse:
        """Batches lose their last members, and queries give one row at a time."""
        asked = request_parameters(request)
        left: dict[str, Any] = {}
        if action == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                if len(keys := wanted["Keys"]) > 1:
                    left[table] = wanted | {"Keys": keys[1:]}
                    wanted["Keys"] = keys[:1]
        elif action == "BatchWriteItem":
            for table, wanted in asked["RequestItems"].items():
                asked["RequestItems"][table], left[table] = wanted[:1], wanted[1:]
        elif action == "Query":
            asked["Limit"] = 1
        request.body = json.dumps(asked).encode()
        request.headers["Content-Length"] = str(len(request.body))
        answer = self.send(request)
        name = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}.get(action)
        if name is None or not any(left.values()):
            return answer
        told = json.loads(answer.content) | {name: {table: rest for table, rest in left.items() if rest}}
        return json_response(request, 200, told)

    def _lagging(self, request: AWSPreparedRequest) -> AWSResponse:
        """Without the row that was made last, where the index may be behind."""
        asked, answer = request_parameters(request), self.send(request)
        if "IndexName" not in asked or asked.get("ConsistentRead"):
            return answer
        told = json.loads(answer.content)
        newest = max(told["Items"], key=lambda item: item.get("createdAt", item["pk"])["S"], default=None)
        return json_response(request, 200, told | {"Items": [each for each in told["Items"] if each is not newest]})


def action_of(request: AWSPreparedRequest) -> str:
    """The name of the API's action that a request asks for."""
    target = request.headers.get("X-Amz-Target", b"")
    return (target.decode() if isinstance(target, bytes) else str(target)).rpartition(".")[2]


def error_response(request: AWSPreparedRequest, status: int, code: str, **more: Any) -> AWSResponse:
    """An error as both APIs tell it."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return json_response(request, status, {"__type": kind, "message": "injected"} | more)


def json_response(request: AWSPreparedRequest, status: int, body: Any) -> AWSResponse:
    raw = json.dumps(body).encode()
    headers: Any = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "injected"}
    return AWSResponse(request.url, status, headers, MockRawResponse(raw))


def _transaction_canceled(request: AWSPreparedRequest) -> AWSResponse:
    members = request_parameters(request)["TransactItems"]
    reasons = [{"Code": "TransactionConflict", "Message": "injected"}, *({"Code": "None"} for _ in members[1:])]
    codes = ", ".join(each["Code"] for each in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return error_response(request, 400, "TransactionCanceledException", Message=message, CancellationReasons=reasons)


_current: ContextVar[Faults | None] = ContextVar("faults", default=None)


@contextmanager
def inject_faults(plan: Plan, send: Send | None = None) -> Iterator[Faults]:
    """Let the calls that this code makes, and the threads it starts, fail as the plan has it."""
    faults = Faults(plan, send or engine_state.engine().new_sender())
    token = _current.set(faults)
    try:
        yield faults
    finally:
        _current.reset(token)


@contextmanager
def intercept_engine(send: Send | None = None) -> Iterator[None]:
    """Stand between the SDK and the engine, which `send` reaches; meanwhile the SDK waits for nothing."""
    passed_on = send or engine_state.engine().new_sender()

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return (_current.get() or passed_on)(request)

    emitters: list[Any] = [client.meta.events for client in (aws.dynamodb(), aws.sqs())]
    endpoint: Any = botocore.endpoint
    quota: Any = RetryQuota
    sleeping, acquire = endpoint.time, quota.acquire
    for events in emitters:
        events.unregister("before-send", engine.answer_request, unique_id="engine")
        events.register("before-send", answer, unique_id="faults")
    endpoint.time = SimpleNamespace(sleep=lambda _: None, time=sleeping.time)
    # The SDK gives up sooner where much has failed in one process before, as it has here.
    quota.acquire = lambda *_: True
    try:
        yield
    finally:
        endpoint.time, quota.acquire = sleeping, acquire
        for events in emitters:
            events.unregister("before-send", answer, unique_id="faults")
            events.register("before-send", engine.answer_request, unique_id="engine")


# Plans


def no_fault(_number: int, _action: str) -> Fault | None:
    """Nothing fails."""
    return None


def fault_at(wanted: int, fault: Fault) -> Plan:
    """Only this attempt fails."""
    return lambda number, _: fault if number == wanted else None


def outage_from(first: int, fault: Fault = Fault.TIMED_OUT) -> Plan:
    """From this attempt on nothing is answered; the first of them may have had its effect."""
    return lambda number, _: fault if number == first else Fault.TIMED_OUT if number > first else None


def fail_every_first_attempt(fault: Fault, calls: int) -> Plan:
    """Every other attempt fails: where `calls` follow each other each fails first, and then is done."""
    return lambda number, _: fault if number % 2 and number <= 2 * calls else None
