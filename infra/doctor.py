"""Follow a test event through a running desk: publish, inbox, WebSocket and callback."""

import hmac
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from infra import canary

_SECONDS = 10
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class HopFailed(Exception):
    """A hop failed. The message says what to check."""


@dataclass(frozen=True)
class Hop:
    """One hop and its time. `skipped` says why it was not tried, `failed` what to check."""

    name: str
    milliseconds: float | None = None
    skipped: str | None = None
    failed: str | None = None


@dataclass
class Checkup:
    """The hops so far. No hop follows one that failed."""

    hops: list[Hop] = field(default_factory=list)

    @contextmanager
    def hop(self, name: str, advice: str) -> Iterator[None]:
        """Time the block as one hop. A failure is recorded with the advice and raised as HopFailed."""
        start = time.perf_counter()
        try:
            yield
        except (OSError, WebSocketException, BotoCoreError, ClientError, ValueError, KeyError, HopFailed) as error:
            reason = f"{error} " if isinstance(error, HopFailed) else ""
            self.hops.append(Hop(name, failed=f"{reason}{advice}"))
            raise HopFailed(self.hops[-1].failed) from error
        self.hops.append(Hop(name, (time.perf_counter() - start) * 1000))


def check_desk(url: str, socket_url: str | None) -> list[Hop]:
    """Follow an event through the desk at `url`, and clean up. If a hop failed, it is the last one.

    Uses the AWS settings of this process, which must be those of the desk. Don't run two at a time: they share an
    employee.
    """
    way, url = Checkup(), url.rstrip("/")
    try:
        with way.hop("health", f"{url} does not answer. Check the URL, and that the desk is running."):
            _request(f"{url}/api/v1/health")
        with ExitStack() as held:
            with way.hop("stores", "Can't write to the tables. Check the AWS settings and FLUXDEN_PREFIX."):
                present = held.enter_context(canary.create_canary())
            _check_hops(way, url, socket_url, present, held)
            with way.hop("clean up", "Can't delete the test data. Run the doctor again."):
                held.close()
    except HopFailed:
        pass
    return way.hops


def _check_hops(way: Checkup, url: str, socket_url: str | None, present: canary.Canary, held: ExitStack) -> None:
    with way.hop(
        "key", "The desk rejects a key that was just created. Check that the AWS settings belong to this desk."
    ):
        me = _request(f"{url}/api/v2/me", present.key)["data"]
    _check_federation(way, url)
    socket_url, socket = socket_url or me["urls"]["socket"], None
    if socket_url:
        with way.hop("socket", f"Can't open a WebSocket at {socket_url}. Check the logs of the socket functions."):
            socket = held.enter_context(_open_socket(socket_url, present.key))
            _receive_frame(socket, "connected")
    else:
        way.hops.append(Hop("socket", skipped="no WebSocket URL; set FLUXDEN_SOCKET_URL or --socket-url"))
    receiver = held.enter_context(_start_receiver()) if urlsplit(url).hostname in _LOOPBACK else None
    with way.hop("publish", "Can't publish. Check the log of publish_event, and whether tables are throttled."):
        sent = time.perf_counter()
        delivery_id, has_button = _publish_event(url, present, receiver)
        present.deliveries.append(delivery_id)
    with way.hop("inbox", "The event was accepted but is not in the inbox. Check the log of get_inbox_delivery."):
        _request(f"{url}/api/v1/inbox/{delivery_id}", present.key)
    if socket:
        _check_frame(way, socket, delivery_id, sent)
    if receiver and has_button:
        with way.hop(
            "callback", "No valid callback arrived. Check the callback worker, its queue and its dead letters."
        ):
            _request(f"{url}/api/v1/inbox/{delivery_id}/actions/0", present.key, {})
            receiver.wait()
    else:
        reason = (
            "callbacks to this machine are off (ALLOW_LOOPBACK=1)" if receiver else "the desk can't reach this machine"
        )
        way.hops.append(Hop("callback", skipped=reason))


def _check_federation(way: Checkup, url: str) -> None:
    """Check that the desk knows its address, if it lets other desks in: signatures are checked against it."""
    if not DynamoFederation().find_settings().inbound:
        way.hops.append(Hop("federation", skipped="nothing comes in from other desks (--inbound off)"))
        return
    with way.hop("federation", "Set FLUXDEN_BASE_URL on the desk, the URL at which other desks reach it."):
        if not _request(f"{url}/.well-known/fluxden").get("url"):
            raise HopFailed("Nothing comes in from other desks, since the desk does not know its own address.")


def _check_frame(way: Checkup, socket: ClientConnection, delivery_id: str, sent: float) -> None:
    with way.hop("frame", "The WebSocket received no frame. Check FLUXDEN_SOCKETS_URL and the socket-work queue."):
        frame = _receive_frame(socket, "delivery")
        if frame["deliveryId"] != delivery_id:
            raise HopFailed("Received a frame of another delivery.")
    # The frame was sent while the inbox was read, so time it from the publish.
    way.hops[-1] = Hop("frame", (time.perf_counter() - sent) * 1000)


def _publish_event(url: str, present: canary.Canary, receiver: "_CallbackReceiver | None") -> tuple[str, bool]:
    event: dict[str, Any] = {
        "spec_version": "2",
        "event_id": f"canary-{secrets.token_hex(8)}",
        "event_type": canary.EVENT_TYPE,
        "severity": "info",
        "title": "Canary",
        "occurred_at": timestamp(datetime.now(UTC)),
    }
    button = {"label": "Call back", "action_type": "webhook", "webhook_url": receiver.url if receiver else ""}
    if receiver:
        try:
            answer = _request(f"{url}/api/v1/events", present.token, event | {"actions": [button]})
        except _ErrorStatus as refused:
            if refused.status != 400:  # noqa: PLR2004 - this desk does not allow loopback URLs
                raise
        else:
            return str(answer["deliveryId"]), True
    return str(_request(f"{url}/api/v1/events", present.token, event)["deliveryId"]), False


class _ErrorStatus(HopFailed):
    def __init__(self, status: int, url: str) -> None:
        super().__init__(f"{urlsplit(url).path} answered {status}.")
        self.status = status


def _request(url: str, token: str | None = None, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    if urlsplit(url).scheme not in ("http", "https"):
        raise HopFailed(f"{url} is not an http or https URL.")
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - checked above
    direct = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    try:
        with urllib.request.build_opener(*direct).open(request, timeout=_SECONDS) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        error.close()
        raise _ErrorStatus(error.code, url) from error


@contextmanager
def _open_socket(url: str, key: str) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {key}"}
    direct: dict[str, Any] = {"proxy": None} if urlsplit(url).hostname in _LOOPBACK else {}
    with connect(url, additional_headers=headers, open_timeout=_SECONDS, **direct) as socket:
        yield socket


def _receive_frame(socket: ClientConnection, kind: str) -> Any:
    deadline = time.monotonic() + _SECONDS
    while True:
        frame = json.loads(socket.recv(max(0.0, deadline - time.monotonic())))
        if frame["type"] == kind:
            return frame


class _CallbackReceiver:
    """An HTTP server on this machine that waits for one callback."""

    def __init__(self, genuine: Callable[[Any, bytes], bool]) -> None:
        self._came, self._genuine, receiver = threading.Event(), genuine, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                is_genuine = receiver._genuine(self.headers, body)
                self.send_response(204 if is_genuine else 401)
                self.end_headers()
                if is_genuine:
                    receiver._came.set()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/canary"

    def wait(self) -> None:
        if not self._came.wait(_SECONDS):
            raise TimeoutError


@contextmanager
def _start_receiver() -> Iterator[_CallbackReceiver]:
    receiver = _CallbackReceiver(_is_genuine)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()


def _is_genuine(headers: Any, body: bytes) -> bool:
    secret = b64decode(DynamoSigningSecrets().get(canary.INTEGRATOR).current.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = f"v1,{b64encode(hmac.digest(secret, signed, sha256)).decode()}"
    return any(hmac.compare_digest(expected, each) for each in headers.get("webhook-signature", "").split(" "))
