"""Stands for the library `requests` in plugins of Apprise, so that every request goes through our own client.

That looks a host up once, connects to a public address that was checked, follows no redirect, uses no proxy, and ends
after ten seconds. So a plugin reaches nothing that a callback could not reach, whatever its URL says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import BaseAdapter

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.gateways import http

# A plugin needs one for a message, or a few to sign in first.
MOST_REQUESTS = 4
# What our client says itself.
_OURS = frozenset(("accept-encoding", "connection", "content-length", "host", "user-agent"))
_METHODS = frozenset(("GET", "POST", "PUT"))


class _Guard(BaseAdapter):
    """Sends what `requests` prepared by our client, and keeps the results."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[HttpResult] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send a prepared request; timeouts, proxies and certificates that the caller names don't matter.

        Raises:
            requests.ConnectionError: there is no reply.
        """
        if len(self.results) >= MOST_REQUESTS or request.method not in _METHODS:
            raise requests.ConnectionError("not sent")
        body: Any = request.body.encode() if isinstance(request.body, str) else request.body
        headers = {_text(name): _text(value) for name, value in request.headers.items()}
        kept = {name: value for name, value in headers.items() if name.lower() not in _OURS}
        sent = b"" if body is None and request.method != "GET" else body
        result = http.send_and_read(request.method, str(request.url), sent, kept)
        self.results.append(result)
        if result.status is None:
            raise requests.ConnectionError(result.reason)
        response = requests.Response()
        response.status_code, response.url, response.request = result.status, str(request.url), request
        response._content = result.body or result.excerpt.encode()
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        """Nothing is kept open."""


_guard: ContextVar[_Guard] = ContextVar("guard")


@contextmanager
def guarded() -> Iterator[list[HttpResult]]:
    """Let plugins make requests in this block, and list their results."""
    guard = _Guard()
    token = _guard.set(guard)
    try:
        yield guard.results
    finally:
        _guard.reset(token)


class GuardedRequests:
    """What a plugin sees as the module `requests`: its functions, its exceptions and its status codes, and no more."""

    RequestException = requests.RequestException
    ConnectionError = requests.ConnectionError
    Timeout = requests.Timeout
    exceptions = requests.exceptions
    codes = requests.codes
    auth = requests.auth
    Response = requests.Response

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Make a request under the guard of the block.

        Raises:
            LookupError: there is no such block, so nothing may be sent.
        """
        guard = _guard.get()
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", guard)
            session.mount("http://", guard)
            return session.request(method.upper(), url, **options | {"allow_redirects": False, "proxies": {}})

    def get(self, url: str, params: Any = None, **options: Any) -> requests.Response:
        return self.request("GET", url, params=params, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("PUT", url, data=data, **options)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
