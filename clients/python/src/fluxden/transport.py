"""Requests to a desk: with the token, repeated where that is safe, and with typed errors."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from fluxden.errors import ConnectionFailedError, SettingsError, error_of
from fluxden.operations import Plain
from fluxden.retries import RetryPolicy
from fluxden.version import VERSION

_REPEATABLE = {"GET", "HEAD", "PUT", "DELETE"}
# A redirect would carry the request to where nobody sent it.
_FIRST_REDIRECT = 300


class Transport:
    """One connection pool to one desk, under one token. `sleep` waits between attempts."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        policy: RetryPolicy | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        client: httpx2.Client | None = None,
    ) -> None:
        self.url = checked_url(url)
        self._headers = {
            "Authorization": f"Bearer {checked_token(token)}",
            "User-Agent": f"fluxden-python/{VERSION}",
            "Accept": "application/json",
        }
        self._policy, self._sleep = policy or RetryPolicy(), sleep
        self._client = client or httpx2.Client(timeout=timeout)

    def close(self) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        header: Mapping[str, Plain] | None = None,
        body: Any = None,
        takes_key: bool = False,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send a request, and again where that is safe. Every time has the same idempotency key.

        Raises:
            ApiError: the desk refused it.
            ConnectionFailedError: the desk could not be reached, or its reply was lost.
        """
        headers = self._headers | {name: _text(value) for name, value in (header or {}).items() if value is not None}
        if takes_key:
            headers["Idempotency-Key"] = idempotency_key or str(uuid4())
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        request = self._client.build_request(
            method, self.url + path, params=_parameters(query or {}), headers=headers, content=content
        )
        response = self._send_until_answered(request, is_repeatable=takes_key or method in _REPEATABLE)
        return json.loads(response.content) if response.content else None

    def _send_until_answered(self, request: httpx2.Request, *, is_repeatable: bool) -> httpx2.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._client.send(request)
            except httpx2.TransportError as error:
                was_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
                wait = self._policy.wait_after_failure(attempt, was_sent=was_sent, is_repeatable=is_repeatable)
                if wait is None:
                    raise ConnectionFailedError(f"No reply of {self.url}: {_reason(error)}", attempt) from error
            else:
                if response.status_code < _FIRST_REDIRECT:
                    return response
                wait = self._policy.wait_after_status(
                    attempt,
                    response.status_code,
                    response.headers,
                    is_repeatable=is_repeatable,
                    now=datetime.now(UTC),
                )
                if wait is None:
                    raise error_of(response.status_code, response.content, response.headers)
            self._sleep(wait)

    @contextmanager
    def open_stream(self, path: str, headers: Mapping[str, str], silence: float) -> Iterator[Iterator[str]]:
        """Open an event stream once, and yield its lines. `silence` is how long the desk may say nothing, in seconds.

        Raises:
            ApiError: the desk refused it.
            ConnectionFailedError: the connection failed or broke.
        """
        sent = self._headers | {"Accept": "text/event-stream", "Cache-Control": "no-store"} | dict(headers)
        timeout = httpx2.Timeout(30.0, read=silence)
        try:
            with self._client.stream("GET", self.url + path, headers=sent, timeout=timeout) as response:
                if response.status_code >= _FIRST_REDIRECT:
                    raise error_of(response.status_code, response.read(), response.headers)
                yield response.iter_lines()
        except httpx2.TransportError as error:
            raise ConnectionFailedError(f"The stream of {self.url} ended: {_reason(error)}") from error


def checked_url(url: str) -> str:
    """Return the desk's address without a slash at its end.

    Raises:
        SettingsError: it is not the address of a server, or has a credential in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError("The URL of the desk must look like https://desk.example.com.")
    if parts.username or parts.password:
        raise SettingsError("The URL of the desk must not contain a name or a password.")
    return url.rstrip("/")


def checked_token(token: str) -> str:
    """Return the token without white space around it. The message of the error does not contain it."""
    made = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", made):
        raise SettingsError("The token is empty, or has characters that no token has. Check that you copied it whole.")
    return made


def _parameters(query: Mapping[str, Any]) -> list[tuple[str, str | int | float | bool | None]]:
    pairs = [(name, each) for name, value in query.items() for each in (value if isinstance(value, list) else [value])]
    return [(name, _text(value)) for name, value in pairs if value is not None]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
