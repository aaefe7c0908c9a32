"""Inject faults between the SDK and the engine, at any call of a request."""

import json
from collections import Counter
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
from chalicelib.parallel import Branch, branch
from infra import tables
from infra.local import engine
from tests.support import engine_state
from tests.support.embedded_engine import Send, request_parameters

_PLAIN_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
# The tables with lists of a person, which have no room for more than 10 GB.
LISTS = tuple(each.table for each in tables.DEFINITIONS if any(index.is_local for index in each.indexes))
_LIST_NAMES = frozenset(each.physical_name for each in LISTS)


class Killed(BaseException):
    """The function ended at this call. It does nothing more and sends no response."""


class Fault(StrEnum):
    """A fault of one call."""

    THROTTLED = "throttled"
    FAILED = "a server error"
    TIMED_OUT = "no response and no effect"
    LOST = "no response, but the effect"
    CONFLICTED = "another transaction holds the row"
    PARTIAL = "a batch done in part, or a page of one row"
    LAGGING = "an index without the newest row"
    FULL = "the rows of a partition key have no more room"
    KILLED_BEFORE = "the function ends before the effect"
    KILLED = "the function ends after the effect"

    @property
    def ends_function(self) -> bool:
        return self in (Fault.KILLED, Fault.KILLED_BEFORE)


# Faults that a retry of the SDK or the code overcomes.
PASSING = (Fault.THROTTLED, Fault.FAILED, Fault.TIMED_OUT, Fault.LOST, Fault.CONFLICTED, Fault.PARTIAL, Fault.LAGGING)

Plan = Callable[[int, str], Fault | None]


@dataclass
class Faults:
    """Applies `plan` to each attempt. The plan gets the attempt's number and action."""

    plan: Plan
    send: Send
    attempts: list[str] = field(default_factory=list)
    injected: int = 0
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
        if fault is Fault.FULL and fills_a_list(request):
            self.injected += 1
            return _full(request)
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
        """Process only the first member of a batch, and return one row of a query."""
        parameters = request_parameters(request)
        left: dict[str, Any] = {}
        if action == "BatchGetItem":
            for table, wanted in parameters["RequestItems"].items():
                if len(keys := wanted["Keys"]) > 1:
                    left[table] = wanted | {"Keys": keys[1:]}
                    wanted["Keys"] = keys[:1]
        elif action == "BatchWriteItem":
            for table, wanted in parameters["RequestItems"].items():
                parameters["RequestItems"][table], left[table] = wanted[:1], wanted[1:]
        elif action == "Query":
            parameters["Limit"] = 1
        request.body = json.dumps(parameters).encode()
        request.headers["Content-Length"] = str(len(request.body))
        answer = self.send(request)
        name = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}.get(action)
        if name is None or not any(left.values()):
            return answer
        body = json.loads(answer.content) | {name: {table: rest for table, rest in left.items() if rest}}
        return json_response(request, 200, body)

    def _lagging(self, request: AWSPreparedRequest) -> AWSResponse:
        """Leave out the newest row if the query is on an index that is eventually consistent."""
        parameters, answer = request_parameters(request), self.send(request)
        if "IndexName" not in parameters or parameters.get("ConsistentRead"):
            return answer
        body = json.loads(answer.content)
        newest = max(body["Items"], key=lambda item: item.get("createdAt", item["pk"])["S"], default=None)
        return json_response(request, 200, body | {"Items": [each for each in body["Items"] if each is not newest]})


def action_of(request: AWSPreparedRequest) -> str:
    """Return the name of a request's API action."""
    target = request.headers.get("X-Amz-Target", b"")
    return (target.decode() if isinstance(target, bytes) else str(target)).rpartition(".")[2]


def error_response(request: AWSPreparedRequest, status: int, code: str, **more: Any) -> AWSResponse:
    """Return an error response, in the shape of both APIs."""
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


def _full(request: AWSPreparedRequest) -> AWSResponse:
    code = "ItemCollectionSizeLimitExceeded"
    if action_of(request) != "TransactWriteItems":
        return error_response(request, 400, f"{code}Exception")
    reasons = [
        {"Code": code, "Message": "injected"} if grows else {"Code": "None"}
        for grows in _growing(request_parameters(request)["TransactItems"])
    ]
    return error_response(request, 400, "TransactionCanceledException", CancellationReasons=reasons)


def _growing(members: list[dict[str, Any]]) -> list[bool]:
    """Say for each member of a transaction whether it adds to a list. Counting what is deleted as well does not."""
    shrunk = {member["Delete"]["TableName"] for member in members if "Delete" in member}
    return [
        any(
            each["TableName"] in _LIST_NAMES - (shrunk if kind == "Update" else set())
            for kind, each in member.items()
            if kind in ("Put", "Update")
        )
        for member in members
    ]


def fills_a_list(request: AWSPreparedRequest) -> bool:
    """Whether the request stores something in a list of a person."""
    parameters = request_parameters(request)
    match action_of(request):
        case "PutItem" | "UpdateItem":
            return parameters["TableName"] in _LIST_NAMES
        case "TransactWriteItems":
            return any(_growing(parameters["TransactItems"]))
        case "BatchWriteItem":
            batches = ((name, each) for name, found in parameters["RequestItems"].items() for each in found)
            return any(name in _LIST_NAMES and "PutRequest" in each for name, each in batches)
    return False


_current: ContextVar[Faults | None] = ContextVar("faults", default=None)


@contextmanager
def inject_faults(plan: Plan, send: Send | None = None) -> Iterator[Faults]:
    """Apply the plan to the store calls of this block and of the threads that it starts."""
    faults = Faults(plan, send or engine_state.engine().new_sender())
    token = _current.set(faults)
    try:
        yield faults
    finally:
        _current.reset(token)


@contextmanager
def intercept_engine(send: Send | None = None) -> Iterator[None]:
    """Intercept requests between the SDK and the engine. The SDK does not wait between retries meanwhile."""
    send_on = send or engine_state.engine().new_sender()

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return (_current.get() or send_on)(request)

    emitters: list[Any] = [client.meta.events for client in (aws.dynamodb(), aws.sqs())]
    endpoint: Any = botocore.endpoint
    quota: Any = RetryQuota
    sleeping, acquire = endpoint.time, quota.acquire
    for events in emitters:
        events.unregister("before-send", engine.answer_request, unique_id="engine")
        events.register("before-send", answer, unique_id="faults")
    endpoint.time = SimpleNamespace(sleep=lambda _: None, time=sleeping.time)
    # The SDK stops retrying after many failures in one process.
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
    """Let nothing fail."""
    return None


def fault_at(wanted: int, fault: Fault) -> Plan:
    """Let only this attempt fail."""
    return lambda number, _: fault if number == wanted else None


def outage_from(first: int, fault: Fault = Fault.TIMED_OUT) -> Plan:
    """Let this attempt and all later ones fail. The first one may have its effect."""
    return lambda number, _: fault if number == first else Fault.TIMED_OUT if number > first else None


def fail_every_first_attempt(fault: Fault, calls: int) -> Plan:
    """Let the first attempt of each of `calls` calls fail, and the second succeed.

    Attempts that are made at the same time are told apart by the branch they run in: a call that another one overtakes
    must not take the place of its own retry.
    """
    failed: Counter[Branch] = Counter()
    made: Counter[Branch] = Counter()

    def plan(_number: int, _action: str) -> Fault | None:
        here = branch()
        made[here] += 1
        if made[here] % 2 == 0 or failed.total() >= calls:
            return None
        failed[here] += 1
        return fault

    return plan
