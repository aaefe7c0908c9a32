"""One cached low-level client per service, and the classification of their errors."""

import os
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

# Where it is installed, as passkeys need it, botocore would load pyOpenSSL in every function, and use nothing of it.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]

from botocore.exceptions import ClientError, HTTPClientError  # noqa: E402
from botocore.exceptions import ConnectionError as StoreConnectionError  # noqa: E402

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.config import Config
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

_lock = threading.Lock()
# A list, so that threads which copied the context count into the same one.
_calls: ContextVar[list[int] | None] = ContextVar("calls", default=None)

_SETTINGS: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 4},
    "max_pool_connections": 64,
    # mypy and the tests check the parameters, so botocore need not check them on every call.
    "parameter_validation": False,
    "tcp_keepalive": True,
    # By default botocore assembles it from some twenty parts on every call.
    "user_agent": "fluxden",
}
# A failed push ends one connection, and its client resumes. More attempts would hold up all other connections.
_PUSH_SETTINGS = _SETTINGS | {"retries": {"mode": "standard", "total_max_attempts": 2}}
# The variables of the SDK that the lean client knows, or that concern nothing it does. With any other, boto3 is used.
_LEAN_SETTINGS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_EXECUTION_ENV",
}
_LEAN_PREFIXES = ("AWS_LAMBDA_", "AWS_XRAY_")
_SHARED_FILES = ("~/.aws/config", "~/.aws/credentials")
# Of the partition `aws`, whose endpoints the packaged roots are for.
_REGIONS = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+")
_LOCAL_ENDPOINT = re.compile(r"http://[a-z0-9.-]+:(?!80$)\d+")

# Packages have it (`infra.cloud_roots`). Each new connection reads what it trusts: everybody's certificates take 20 ms.
CLOUD_ROOTS = Path(__file__).with_name("cloud_roots.pem")
_CLOUD, _CLOUD_DOMAIN = "aws", ".amazonaws.com"

_configured: list[bool] = []

_CONFLICT_ATTEMPTS = 8
_MOST_HOSTS = 32
HOST_SECRET_HEADER = "X-Fluxden-Host-Secret"

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
def session() -> "boto3.Session":
    """The one session of the process, on `core_session`."""
    import boto3

    return boto3.Session(botocore_session=core_session())


@cache
def core_session() -> "botocore.session.Session":
    """What the session stands on; `configure_session` is for settings and hooks of every client."""
    import botocore.session

    created = botocore.session.Session()
    # boto3 appends a part to the user agent of a session that has no name of its own.
    created.user_agent_name = "fluxden"
    for service in ("dynamodb", "sqs"):
        created.register(f"before-call.{service}", _count)
    created.register("needs-retry.dynamodb", _retry_conflict)  # type: ignore[arg-type]
    return created


def configure_session() -> "botocore.session.Session":
    """Return the session for settings and hooks of its owner. From now on, every client is boto3's, which has them."""
    _configured.append(True)
    return core_session()


def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    return client


def secrets_manager() -> Any:
    return _client("secretsmanager")


def mail() -> Any:
    return _client("sesv2")


def sockets(host: str = "") -> "ApiGatewayManagementApiClient":
    """The client for open WebSocket connections, at the endpoint of a host, or else that in `FLUXDEN_SOCKETS_URL`.

    `FLUXDEN_HOST_SECRET` is what hosts show each other.
    """
    endpoint = host or os.environ["FLUXDEN_SOCKETS_URL"]
    if (client := _socket_clients.get(endpoint)) is None:
        with _lock:
            if (client := _socket_clients.get(endpoint)) is None:
                client = _make("apigatewaymanagementapi", {"endpoint_url": endpoint, "config": _config(_PUSH_SETTINGS)})
                client.meta.events.register("before-sign.apigatewaymanagementapi", _show_host_secret)
                if len(_socket_clients) >= _MOST_HOSTS:
                    # A host that starts again has another endpoint.
                    del _socket_clients[next(iter(_socket_clients))]
                _socket_clients[endpoint] = client
    found: ApiGatewayManagementApiClient = client
    return found


def _show_host_secret(request: Any, **_: object) -> None:
    if secret := os.environ.get("FLUXDEN_HOST_SECRET"):
        request.headers[HOST_SECRET_HEADER] = secret


@cache
def queue_url(name: str) -> str:
    """The URL of a queue: made from `FLUXDEN_QUEUES_URL` where that is set, else looked up once."""
    if base := os.environ.get("FLUXDEN_QUEUES_URL"):
        return f"{base}/{name}"
    return sqs().get_queue_url(QueueName=name)["QueueUrl"]


@contextmanager
def count_calls() -> Iterator[list[int]]:
    """Count the store and queue calls of this thread and the threads it starts, as the one number in the list."""
    count = [0]
    token = _calls.set(count)
    try:
        yield count
    finally:
        _calls.reset(token)


def is_transient(error: BaseException) -> bool:
    """Say whether the same request may succeed in a moment, as after a throttle, an outage or a timeout."""
    if isinstance(error, ClientError):
        response: Any = error.response
        reasons = {reason["Code"] for reason in response.get("CancellationReasons", [])}
        return response["Error"]["Code"] in _TRANSIENT or bool(reasons & _TRANSIENT_REASONS)
    return isinstance(error, HTTPClientError | StoreConnectionError)


def _retry_conflict(response: Any, attempts: int, **_: object) -> float | None:
    # A plain write conflicts with a transaction on the same row. botocore does not retry it, but it ends soon.
    code = response[1].get("Error", {}).get("Code") if response else None
    if code != "TransactionConflictException" or attempts >= _CONFLICT_ATTEMPTS:
        return None
    return random.uniform(0, 0.02 * attempts)  # noqa: S311 - spreads retries


def _count(**_: object) -> None:
    if (count := _calls.get()) is not None:
        count[0] += 1


def _config(settings: dict[str, Any]) -> "Config":
    from botocore.config import Config

    return Config(**settings)


_clients: dict[str, Any] = {}
_socket_clients: dict[str, Any] = {}


def _client(service: str, options: Callable[[], dict[str, Any]] = lambda: {"config": _config(_SETTINGS)}) -> Any:
    if (client := _clients.get(service)) is None:
        with _lock:
            if (client := _clients.get(service)) is None:
                client = _clients[service] = _lean(service) or _make(service, options())
    return client


def _lean(service: str) -> Any:
    """Return a client that calls the stores with less work; None where boto3 is needed."""
    endpoint = _lean_endpoint(service)
    if (
        endpoint is None
        or os.environ.get("FLUXDEN_STORE_CLIENT") == "boto3"
        or os.environ.get("FLUXDEN_TRACING") == "1"
        or _configured
        or not (os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"))
        or any(each.startswith("AWS_") and not _is_known(each) for each in os.environ)
        or any(Path(each).expanduser().exists() for each in _SHARED_FILES)
        or "REQUESTS_CA_BUNDLE" in os.environ
        or getproxies_environment().keys() - {"no"}
    ):
        return None
    from chalicelib.store_client import StoreClient

    return StoreClient(
        service,
        os.environ["AWS_DEFAULT_REGION"],
        endpoint,
        roots=str(CLOUD_ROOTS),
        timeouts=(_SETTINGS["connect_timeout"], _SETTINGS["read_timeout"]),
        attempts=_SETTINGS["retries"]["total_max_attempts"],
        agent=_SETTINGS["user_agent"],
        make_boto3=lambda: _make(service, {"config": _config(_SETTINGS)}),
        count=_count,
    )


def _lean_endpoint(service: str) -> str | None:
    """Return where the lean client calls the service: the cloud of the packaged roots, or an engine without TLS."""
    region = os.environ.get("AWS_DEFAULT_REGION", "")
    if service not in ("dynamodb", "sqs") or not region or os.environ.get("AWS_REGION", region) != region:
        return None
    given = os.environ.get("AWS_ENDPOINT_URL")
    if (endpoint := os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}", given)) is not None:
        return endpoint if _LOCAL_ENDPOINT.fullmatch(endpoint) else None
    return f"https://{service}.{region}{_CLOUD_DOMAIN}" if _REGIONS.fullmatch(region) and CLOUD_ROOTS.exists() else None


def _is_known(variable: str) -> bool:
    return variable in _LEAN_SETTINGS or variable.startswith(_LEAN_PREFIXES)


def _make(service: str, options: dict[str, Any]) -> Any:
    made: Any = session()
    if _may_be_cloud():
        client = made.client(service, verify=str(CLOUD_ROOTS), **options)
        endpoint = urlsplit(client.meta.endpoint_url)
        if client.meta.partition == _CLOUD and (endpoint.hostname or "").endswith(_CLOUD_DOMAIN):
            return client
    return made.client(service, **options)


def _may_be_cloud() -> bool:
    # What an operator says of certificates goes first, and a proxy can have its own.
    return (
        CLOUD_ROOTS.exists()
        and core_session().get_config_variable("ca_bundle") is None
        and "REQUESTS_CA_BUNDLE" not in os.environ
        and not getproxies_environment().keys() - {"no"}
    )
