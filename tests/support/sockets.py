"""A WebSocket gateway without network sockets: its connections, and the frames posted to them."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from chalice.local import LambdaContext

from app import app
from infra import catalog
from infra.local.management_api import ConnectionGone
from infra.local.socket_events import Connection, is_success, status_of, subprotocol_of
from tests.support.store_calls import record_store_calls


class Client:
    """One client. `status` and `headers` are of its handshake; `calls` and `steps` are of the last function called.

    A test can set `gone` to answer posts with 410 although `$disconnect` was not called, or `failing` and `unending` to
    answer posts and closing with 500.
    """

    def __init__(self, handlers: dict[str, Any], about: Connection) -> None:
        self._handlers, self.about = handlers, about
        self.status, self.headers = 0, dict[str, str]()
        self.calls, self.steps = list[str](), 0
        self.gone, self.failing, self.unending = True, False, False
        self.posted: list[bytes] = []

    @property
    def connection_id(self) -> str:
        return self.about.connection_id

    @property
    def frames(self) -> list[Any]:
        """Return the posted frames, parsed if they are JSON."""
        return [_parsed(data) for data in self.posted]

    def shake_hands(self) -> None:
        answer = self._call("$connect", self.about.connect_event())
        self.gone = not is_success(answer)
        self.status = status_of(answer) if self.gone else 101
        if not self.gone and (selected := subprotocol_of(answer)):
            self.headers = {"Sec-WebSocket-Protocol": selected}

    def send(self, message: Any) -> None:
        """Send a message. Text and bytes are sent as they are, anything else as JSON."""
        assert not self.gone, "the connection is not open"
        event = self.about.message_event(message if isinstance(message, str | bytes) else json.dumps(message))
        if not is_success(self._call("$default", event)):
            self.posted.append(json.dumps(self.about.error_message(event, "Internal server error")).encode())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection and call `$disconnect`."""
        self.gone = True
        self._call("$disconnect", self.about.disconnect_event(code, reason))

    def _call(self, route_key: str, event: dict[str, Any]) -> Any:
        handler: Any = self._handlers.get(route_key)
        if handler is None:
            return {"statusCode": 403}
        with record_store_calls() as seen:
            answer = handler(event, LambdaContext(route_key, 256))
        self.calls, self.steps = seen.calls, seen.steps
        if (grants := getattr(handler, "grants", None)) is not None:
            assert not seen.beyond_grants(grants), f"{route_key} went beyond its grants: {seen.beyond_grants(grants)}"
        return answer


class Sockets:
    """All connections of a test. The management API is answered from it.

    Functions are called in the test's thread when a client connects, sends or closes, and their exceptions reach the
    test. `before_post` is called with the connection id before each post.
    """

    def __init__(self, handlers: dict[str, Any] | None = None) -> None:
        self.clients: dict[str, Client] = {}
        self.before_post: Callable[[str], object] = lambda _: None
        self._handlers = dict(catalog.sockets(app)) if handlers is None else handlers

    def connect(
        self,
        token: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> Client:
        """Connect a client that sends `token` as its bearer token."""
        sent = {"Host": "desk.test", "User-Agent": "tests"}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}
        about = Connection.new((sent | (headers or {})).items(), query=urlencode(query or {}))
        client = self.clients[about.connection_id] = Client(self._handlers, about)
        client.shake_hands()
        return client

    def frames(self, connection_id: str) -> list[Any]:
        """Return the frames posted to the connection, parsed."""
        return self.clients[connection_id].frames

    def post(self, connection_id: str, data: bytes) -> None:
        data.decode()
        self.before_post(connection_id)
        client = self._open(connection_id)
        if client.failing:
            raise ConnectionError("the test wants this post to fail")
        client.posted.append(data)

    def about(self, connection_id: str) -> dict[str, Any]:
        about = self._open(connection_id).about
        return {
            "connectedAt": about.connected_at // 1000,
            "identity": {"sourceIp": about.source_ip, "userAgent": about.user_agent or ""},
            "lastActiveAt": about.connected_at // 1000,
        }

    def end(self, connection_id: str) -> None:
        client = self._open(connection_id)
        if client.unending:
            raise ConnectionError("the test wants this connection to stay open")
        client.gone = True

    def _open(self, connection_id: str) -> Client:
        client = self.clients.get(connection_id)
        if client is None or client.gone:
            raise ConnectionGone
        return client


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode()
