"""The management port as an ASGI application: the management API of WebSockets, and the health of this process.

Only hosts that know the secret reach connections. Health is open, so keep the port internal.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from infra.container.hosts import Guard
from infra.container.http import Receive, Scope, Send
from infra.local import management_api

HEALTH_PATH = "/healthz"
# Above the largest message, so that the API refuses it itself.
_LARGEST_BODY = 2 * management_api.LARGEST_MESSAGE

Health = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]


class Management:
    """Answers `/healthz` and requests for open connections."""

    def __init__(self, connections: management_api.Connections, health: Health, guard: Guard) -> None:
        self._connections, self._health, self._guard = connections, health, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Nothing here waits for a client or a store for long."""
        path = scope["raw_path"].decode("latin-1")
        if path == HEALTH_PATH:
            is_well, about = await self._health()
            headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
            await _send(send, 200 if is_well else 503, headers, json.dumps(about).encode())
            return
        connection_id = management_api.parse_connection_id(path)
        if connection_id is None:
            await _send(send, 404, {}, b"")
            return
        body = await _read(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._guard.is_host(headers):
            await _send(send, *management_api.FORBIDDEN)
            return
        if not self._guard.is_meant(path):
            await _send(send, *management_api.GONE)
            return
        await _send(send, *management_api.handle_request(self._connections, scope["method"], connection_id, body))


async def _read(receive: Receive) -> bytes:
    body, is_complete = bytearray(), False
    while not is_complete:
        message = await receive()
        is_complete = not message.get("more_body", False)
        if len(body) <= _LARGEST_BODY:
            body += message.get("body", b"")
    return bytes(body)


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    named = {name.lower(): value for name, value in headers.items()} | {"content-length": str(len(body))}
    if status == 204:  # noqa: PLR2004 - No Content
        del named["content-length"]
    listed = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})
