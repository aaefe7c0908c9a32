"""The events with which API Gateway's WebSocket API calls functions: handshake, message and disconnect."""

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

DOMAIN, STAGE, API_ID = "sockets.local", "local", "local"
# Headers of the handshake that are not passed on.
_HOP_BY_HOP_HEADERS = {"connection", "upgrade"}


@dataclass(frozen=True)
class Connection:
    """A client's connection with the data of its handshake. `connected_at` is in epoch milliseconds."""

    connection_id: str
    connected_at: int
    source_ip: str
    headers: tuple[tuple[str, str], ...]
    query: str

    @classmethod
    def new(cls, headers: Iterable[tuple[str, str]], *, query: str = "", source_ip: str = "127.0.0.1") -> "Connection":
        """Return a connection with a new id. As in API Gateway, the id must be quoted in URLs."""
        return cls(_new_id(), _now_milliseconds(), source_ip, tuple(headers), query)

    @property
    def user_agent(self) -> str | None:
        return next((value for name, value in self.headers if name.lower() == "user-agent"), None)

    def connect_event(self) -> dict[str, Any]:
        """Return the event of the handshake."""
        sent: dict[str, list[str]] = {}
        spelled: dict[str, str] = {}
        for name, value in (*self.headers, ("X-Forwarded-For", self.source_ip), ("X-Forwarded-Proto", "http")):
            if name.lower() not in _HOP_BY_HOP_HEADERS:
                sent.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
        event = self._event("$connect", "CONNECT") | _header_fields(sent)
        if asked := parse_qs(self.query, keep_blank_values=True):
            event["queryStringParameters"] = {name: values[-1] for name, values in asked.items()}
            event["multiValueQueryStringParameters"] = asked
        return event

    def message_event(self, body: str | bytes) -> dict[str, Any]:
        """Return the event of a message. Text is passed as it is, bytes as base64."""
        event = self._event("$default", "MESSAGE", messageId=_new_id())
        if isinstance(body, bytes):
            return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        return event | {"body": body}

    def disconnect_event(self, code: int, reason: str) -> dict[str, Any]:
        """Return the event of the disconnect with its close code (1006 if there was none)."""
        host = next((value for name, value in self.headers if name.lower() == "host"), DOMAIN)
        sent = {"Host": host, "x-api-key": "", "X-Forwarded-For": self.source_ip, "x-restapi": ""}
        event = self._event("$disconnect", "DISCONNECT", disconnectStatusCode=code, disconnectReason=reason)
        return event | _header_fields({name: [value] for name, value in sent.items()})

    def error_message(self, event: dict[str, Any], message: str) -> dict[str, Any]:
        """Return the message that the gateway sends to the client when a function has failed."""
        request_id = event["requestContext"]["requestId"]
        return {"message": message, "connectionId": self.connection_id, "requestId": request_id}

    def _event(self, route_key: str, event_type: str, **more: Any) -> dict[str, Any]:
        now, request_id = _now_milliseconds(), _new_id()
        context = {
            "routeKey": route_key,
            **more,
            "eventType": event_type,
            "extendedRequestId": request_id,
            "requestTime": datetime.fromtimestamp(now / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "messageDirection": "IN",
            "stage": STAGE,
            "connectedAt": self.connected_at,
            "requestTimeEpoch": now,
            "identity": {"sourceIp": self.source_ip, "userAgent": self.user_agent},
            "requestId": request_id,
            "domainName": DOMAIN,
            "connectionId": self.connection_id,
            "apiId": API_ID,
        }
        return {"requestContext": context, "isBase64Encoded": False}


def is_success(answer: Any) -> bool:
    """Return whether a function's answer has a 2xx status."""
    return status_of(answer) // 100 == 2  # noqa: PLR2004 - the class of all 2xx


def status_of(answer: Any) -> int:
    """Return the status of a function's answer; 500 if it has none."""
    try:
        return int(answer["statusCode"])
    except (KeyError, TypeError, ValueError):
        return 500


def subprotocol_of(answer: Any) -> str | None:
    """Return the subprotocol that `$connect` selected."""
    headers = dict(answer.get("headers") or {})
    headers |= {name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items() if values}
    return next((str(value) for name, value in headers.items() if name.lower() == "sec-websocket-protocol"), None)


def _header_fields(sent: dict[str, list[str]]) -> dict[str, Any]:
    return {"headers": {name: values[-1] for name, values in sent.items()}, "multiValueHeaders": sent}


def _new_id() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def _now_milliseconds() -> int:
    return int(time.time() * 1000)
