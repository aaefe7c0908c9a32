"""One cached low-level client per service, and how their errors read."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

_lock = threading.Lock()
# A list, so that threads which copied the context count into the same one.
_calls: ContextVar[list[int] | None] = ContextVar("calls", default=None)

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=64,
    # Our own parameters are checked by mypy and by the tests, not on every call.
    parameter_validation=False,
    tcp_keepalive=True,
    # Else botocore puts it together from some twenty parts, anew for every call.
    user_agent="fluxden",
)

# A push that fails ends one client's connection, and its client resumes; waiting for it would hold up all others.
_PUSH_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))

_CONFLICT_ATTEMPTS = 8

_TRANSIENT = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_TRANSIENT_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}


@cache
def session() -> botocore.session.Session:
    """The process's one session; hooks registered on it before the first client reach every client."""
    made = botocore.session.Session()
    for service in ("dynamodb", "sqs"):
        made.register(f"before-call.{service}", _count)
    made.register("needs-retry.dynamodb", _retry_conflict)  # type: ignore[arg-type]
    return made


def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    return client


def sockets() -> "ApiGatewayManagementApiClient":
    """Reaches clients' open connections, at the endpoint that `FLUXDEN_SOCKETS_URL` names."""
    client: ApiGatewayManagementApiClient = _client(
        "apigatewaymanagementapi", lambda: {"endpoint_url": os.environ["FLUXDEN_SOCKETS_URL"], "config": _PUSH_CONFIG}
    )
    return client


@cache
def queue_url(name: str) -> str:
    """The queue's URL: from `FLUXDEN_QUEUES_URL` where the deployment sets it, else asked for once."""
    if base := os.environ.get("FLUXDEN_QUEUES_URL"):
        return f"{base}/{name}"
    return sqs().get_queue_url(QueueName=name)["QueueUrl"]


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the store and queue calls made meanwhile, by this thread and by those it starts: the list's one number."""
    count = [0]
    token = _calls.set(count)
    try:
        yield count
    finally:
        _calls.reset(token)


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment: a throttle, an outage, a time-out."""
    if isinstance(error, ClientError):
        response: Any = error.response
        reasons = {reason["Code"] for reason in response.get("CancellationReasons", [])}
        return response["Error"]["Code"] in _TRANSIENT or bool(reasons & _TRANSIENT_REASONS)
    return isinstance(error, HTTPClientError)


def _retry_conflict(response: Any, attempts: int, **_: object) -> float | None:
    # A plain write meets a transaction on the same row; botocore takes this for final, and it is over in a moment.
    code = response[1].get("Error", {}).get("Code") if response else None
    if code != "TransactionConflictException" or attempts >= _CONFLICT_ATTEMPTS:
        return None
    return random.uniform(0, 0.02 * attempts)  # noqa: S311 - spreads retries


def _count(**_: object) -> None:
    if (count := _calls.get()) is not None:
        count[0] += 1


_clients: dict[str, Any] = {}


def _client(service: str, options: Callable[[], dict[str, Any]] = lambda: {"config": _CONFIG}) -> Any:
    if (client := _clients.get(service)) is None:
        with _lock:
            if (client := _clients.get(service)) is None:
                client = _clients[service] = session().create_client(service, **options())
    return client
