"""A mail server on this machine that keeps what a local desk sends, to be read at /_local/mail without the internet."""

import logging
import socket
import threading
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from infra.local.gateway import MAILBOX_PATH as PATH

# The desk sends as this one, so settings with it are replaced at the next start, and no others.
SENDER = "Fluxden <desk@example.com>"
_KEPT = 100
_HOST = "127.0.0.1"
_HOSTS = {_HOST, "localhost", "::1"}
# The page is for the person at this machine: messages hold links, but nothing of them is loaded or run.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class _Kept:
    number: int
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, subtype: str) -> str:
        found = self.message.get_body((subtype,))
        return str(found.get_content()) if found else ""


class _Controller(Controller):
    """Serves at a socket that is open already, so that no port has to be free twice."""

    def __init__(self, handler: Any, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(handler, hostname=host, port=port, enable_SMTPUTF8=True)
        # A copy is closed at the end, so that the desk has the port again after a reload.
        self._listener = listener.dup()

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)


class Mailbox:
    """The newest messages of this desk, in memory, and the page that shows them."""

    def __init__(self, listener: socket.socket) -> None:
        self._port = listener.getsockname()[1]
        self._controller = _Controller(self, listener)
        self._lock, self._kept, self._count = threading.Lock(), deque[_Kept](maxlen=_KEPT), 0
        # It warns of each connection that ends, as those of the desk do.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._controller.start()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Keep a message, as aiosmtpd calls for it."""
        assert isinstance(envelope.content, bytes)
        with self._lock:
            self._count += 1
            self._kept.append(_Kept(self._count, [*envelope.rcpt_tos], envelope.content))
        return "250 OK"

    def register(self) -> None:
        """Let the desk in this process send its mail here, unless an operator has named another mail server."""
        settings = DynamoMailSettings().find()
        if settings is None or (settings.sender, settings.host, settings.user) == (SENDER, _HOST, None):
            mine = MailSettings(Transport.SMTP, SENDER, _HOST, self._port, Security.NONE)
            DynamoMailSettings().save(mine, None)

    def answer(self, method: str, target: str, host: str, peer: str | None) -> dict[str, Any]:
        """Answer a request: all messages as text, the newest first, or one of them as HTML.

        Only a page of this machine may ask, not a name that another site has pointed at it.
        """
        path = urlsplit(target).path.removeprefix(PATH)
        if _hostname(host) not in _HOSTS or (peer or _HOST) not in _HOSTS:
            return _response(403, "This page is for this machine only.\n")
        if method not in ("GET", "HEAD"):
            return _response(405, "This path answers to GET and HEAD.\n")
        with self._lock:
            kept = list(reversed(self._kept))
        if path in ("", "/"):
            return _response(200, "\n".join(map(_as_text, kept)) or "No mail yet.\n")
        number = path.removeprefix("/").removesuffix(".html")
        for each in kept:
            if str(each.number) == number:
                return _response(200, each.part("html") or f"<pre>{escape(each.part('plain'))}</pre>", "html")
        return _response(404, "There is no such message.\n")

    def stop(self) -> None:
        """Take no more mail."""
        self._controller.stop()


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _as_text(kept: _Kept) -> str:
    message = kept.message
    head = {"To": ", ".join(kept.recipients), "Subject": message["Subject"], "HTML": f"{PATH}/{kept.number}.html"}
    lines = [f"{name}: {value}" for name, value in head.items()]
    return "\n".join([*lines, "", kept.part("plain").replace("\r\n", "\n").rstrip(), "", "=" * 72, ""])


def _response(status: int, text: str, subtype: str = "plain") -> dict[str, Any]:
    headers = _HEADERS | {"Content-Type": f"text/{subtype}; charset=utf-8"}
    return {"statusCode": status, "headers": headers, "multiValueHeaders": {}, "body": text}
