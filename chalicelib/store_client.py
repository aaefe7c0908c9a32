"""A lean client of DynamoDB and SQS under the interface of boto3's, which does the calls that succeed at once.

It signs with the credentials of the environment, sends, and parses replies. Whatever else a first attempt brings, such
as a throttle, a lost connection or a damaged reply, is handed to boto3's client as the outcome of its first attempt:
errors, retries and their quota are boto3's own. `chalicelib.aws` decides where it is used.
"""

import http.client
import json
import os
import select
import socket
import ssl
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from hmac import digest
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as StoreConnectionError

from chalicelib.store_replies import EXPECTED, Reply, encode, parse

_MOST_IDLE = 64
# The API's version, and the actions that are called here by their name in boto3.
_VERSIONS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS"}
ACTIONS = {
    "dynamodb": {
        "get_item": "GetItem",
        "put_item": "PutItem",
        "update_item": "UpdateItem",
        "delete_item": "DeleteItem",
        "query": "Query",
        "scan": "Scan",
        "batch_get_item": "BatchGetItem",
        "batch_write_item": "BatchWriteItem",
        "transact_write_items": "TransactWriteItems",
    },
    "sqs": {"send_message": "SendMessage", "send_message_batch": "SendMessageBatch"},
}
_CONTENT_TYPE = "application/x-amz-json-1.0"


@dataclass(frozen=True)
class _Attempt:
    """The first attempt of a call, which failed: its id, and what came of it."""

    invocation: str
    outcome: Reply | Exception


_first: ContextVar[_Attempt | None] = ContextVar("first", default=None)


class StoreClient:
    """Calls one service. `make_boto3` makes the client that has everything else; `count` is called for each call."""

    def __init__(
        self,
        service: str,
        region: str,
        endpoint: str,
        *,
        roots: str,
        timeouts: tuple[float, float],
        attempts: int,
        agent: str,
        make_boto3: Callable[[], Any],
        count: Callable[[], None],
    ) -> None:
        self._service, self._region, self._url = service, region, f"{endpoint}/"
        parts = urlsplit(endpoint)
        self._host, self._name = parts.netloc, parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._trusted = _trust(roots) if parts.scheme == "https" else None
        self._connect_seconds, self._read_seconds = timeouts
        self._first_of = f"attempt=1; max={attempts}"
        self._agent = agent
        self._make_boto3, self._count = make_boto3, count
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._access, self._secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self._token = os.environ.get("AWS_SESSION_TOKEN", "")
        self._signing: tuple[str, bytes] = ("", b"")
        self._lock, self._made = Lock(), None
        self.exceptions = _Exceptions(self)

    def __getattr__(self, name: str) -> Any:
        action = ACTIONS[self._service].get(name)
        found = partial(self._call, name, action) if action else getattr(self.boto3, name)
        setattr(self, name, found)
        return found

    @property
    def boto3(self) -> Any:
        """The client of boto3, which is made at the first call for it."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    made = self._make_boto3()
                    made.meta.events.register_first("request-created", _keep_invocation)
                    made.meta.events.register_first("before-send", _take_outcome)
                    self._made = made
        return self._made

    def close(self) -> None:
        """Close the connections, as of boto3's client."""
        while self._idle:
            self._idle.pop().close()
        if self._made is not None:
            self._made.close()

    def _call(self, name: str, action: str, **params: Any) -> dict[str, Any]:
        if action == "TransactWriteItems":
            params.setdefault("ClientRequestToken", str(uuid.uuid4()))
        try:
            body = json.dumps(params, default=encode).encode()
        except TypeError:
            return self._hand_over(name, params, None)
        invocation = str(uuid.uuid4())
        outcome: Reply | Exception
        try:
            outcome = self._send(action, body, invocation)
        except (HTTPClientError, StoreConnectionError) as error:
            outcome = error
        if isinstance(outcome, Reply) and (parsed := parse(outcome)) is not None:
            self._count()
            if "Error" in parsed:
                raise EXPECTED[parsed["Error"]["Code"]](parsed, action)  # type: ignore[arg-type]
            if self._made is not None:
                # What succeeds at once makes room for retries in boto3's quota.
                succeeded = {"http_response": SimpleNamespace(status_code=outcome.status), "context": {}}
                self._made.meta.events.emit(f"after-call.{self._service}", **succeeded)
            return parsed
        return self._hand_over(name, params, _Attempt(invocation, outcome))

    def _hand_over(self, name: str, params: dict[str, Any], first: _Attempt | None) -> dict[str, Any]:
        given = _first.set(first)
        try:
            found: dict[str, Any] = getattr(self.boto3, name)(**params)
        except ClientError as error:
            if (expected := EXPECTED.get(error.response["Error"]["Code"])) is None:
                raise
            raise expected(error.response, error.operation_name) from None
        finally:
            _first.reset(given)
        return found

    def _send(self, action: str, body: bytes, invocation: str) -> Reply:
        headers = self._sign(action, body) | {
            "User-Agent": self._agent,
            "amz-sdk-invocation-id": invocation,
            "amz-sdk-request": self._first_of,
        }
        connection = self._connection()
        try:
            # The reply may have been sent before the request was read.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            content = response.read()
        except http.client.IncompleteRead as error:
            # What came is looked at, as by boto3's: its CRC is wrong.
            connection.close()
            content = error.partial
        except Exception as error:
            connection.close()
            raise self._failure(error) from error
        if response.will_close or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        return Reply(response.status, found, content)

    def _failure(self, error: Exception) -> Exception:
        """Return the error of botocore for an error of a connection."""
        match error:
            case TimeoutError():
                return ReadTimeoutError(endpoint_url=self._url, error=error)
            case ssl.SSLError():
                return SSLError(endpoint_url=self._url, error=error)
            case OSError() | http.client.HTTPException():
                return ConnectionClosedError(endpoint_url=self._url, error=error)
        return HTTPClientError(error=error)

    def _connection(self) -> http.client.HTTPConnection:
        """Return a connection that waits and that the service has not closed meanwhile, or else a new one."""
        while True:
            try:
                waiting = self._idle.pop()
            except IndexError:
                return self._connect()
            if _is_open(waiting):
                return waiting
            waiting.close()

    def _connect(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection(self._name, self._port)
        try:
            plain = socket.create_connection((self._name, self._port), self._connect_seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            made.sock = self._trusted.wrap_socket(plain, server_hostname=self._name) if self._trusted else plain
        except Exception as error:
            plain.close()
            raise self._failure(error) from error
        made.sock.settimeout(self._read_seconds)
        return made

    def _sign(self, action: str, body: bytes) -> dict[str, str]:
        """Return the headers that are signed, and their signature (AWS Signature Version 4)."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = {"content-type": _CONTENT_TYPE, "host": self._host, "x-amz-date": now}
        if self._token:
            signed["x-amz-security-token"] = self._token
        signed["x-amz-target"] = f"{_VERSIONS[self._service]}.{action}"
        if self._service == "sqs":
            signed["x-amzn-query-mode"] = "true"
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        asked = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{now[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{sha256(asked.encode()).hexdigest()}"
        signature = digest(self._signing_key(now[:8]), text.encode(), "sha256").hex()
        authorization = f"Credential={self._access}/{scope}, SignedHeaders={names}, Signature={signature}"
        return signed | {"Authorization": f"AWS4-HMAC-SHA256 {authorization}"}

    def _signing_key(self, day: str) -> bytes:
        known, key = self._signing
        if known != day:
            key = f"AWS4{self._secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._signing = (day, key)
        return key


class _Exceptions:
    """The classes of errors, as boto3's client has them under the same name."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return EXPECTED.get(name) or getattr(self._client.boto3.exceptions, name)

    def from_code(self, code: str) -> Any:
        return EXPECTED.get(code) or self._client.boto3.exceptions.from_code(code)


def _keep_invocation(request: Any, **_: object) -> None:
    """Let boto3's client go on with the id of the call."""
    if (first := _first.get()) is not None:
        request.context["retries"]["invocation-id"] = first.invocation


def _take_outcome(request: Any, **_: object) -> Any:
    """Let what came of the first attempt be its outcome, instead of sending it again."""
    if (first := _first.get()) is None:
        return None
    _first.set(None)
    if isinstance(first.outcome, Exception):
        raise first.outcome
    from botocore.awsrequest import AWSResponse

    content = first.outcome.content
    headers: Any = first.outcome.headers
    return AWSResponse(request.url, first.outcome.status, headers, SimpleNamespace(stream=lambda: [content]))


def _trust(roots: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.options |= ssl.OP_NO_TICKET
    made.load_verify_locations(roots)
    return made


def _is_open(connection: http.client.HTTPConnection) -> bool:
    """Say whether the service has neither closed the connection nor sent what nobody asked for."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
