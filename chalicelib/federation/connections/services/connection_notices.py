"""The worker of connection notices: one attempt at a time, until one succeeds or the retries end.

Most notices tell the peer something. The answer to a request decides the connection's next state.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.board.domain.contacts import Contact, ContactFilter
from chalicelib.board.services.ports import Contacts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.domain.retries import (
    ACCEPTANCE_REFUSED,
    CONNECTION_ACCEPTANCE_RETRIES,
    CONNECTION_NOTICE_RETRIES,
    CONNECTION_REQUEST_RETRIES,
    Attempt,
    Outcome,
    is_due,
)
from chalicelib.core.domain.signatures import body_digest
from chalicelib.core.domain.text import normalize_text
from chalicelib.core.ports import Post
from chalicelib.core.services.attempts import AttemptRunner, Conclusion
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
    ConnectionNoticeKind,
)
from chalicelib.federation.connections.domain.connection_requests import answer_step, new_contact, request_body
from chalicelib.federation.connections.domain.connections import Connection, PeerKey
from chalicelib.federation.connections.domain.handshake import DIGEST_HEADER, TOKEN_HEADER
from chalicelib.federation.connections.domain.transitions import Event, next_step
from chalicelib.federation.connections.services.ports import ConnectionNotices, Connections, Federation
from chalicelib.federation.connections.services.transitions import Ports, advance
from chalicelib.live.services.ports import Notifier

_LADDERS = {
    ConnectionNoticeKind.REQUESTED: CONNECTION_REQUEST_RETRIES,
    ConnectionNoticeKind.CROSSED: CONNECTION_REQUEST_RETRIES,
    ConnectionNoticeKind.ACCEPTED: CONNECTION_ACCEPTANCE_RETRIES,
    ConnectionNoticeKind.ENDED: CONNECTION_NOTICE_RETRIES,
    ConnectionNoticeKind.CONTACT: CONNECTION_NOTICE_RETRIES,
}
_ATTEMPTS = 8
_CANDIDATES = 50


class Sign(Protocol):
    def __call__(
        self, method: str, url: str, body: bytes, *, destination: str, key: Any, at: datetime
    ) -> Mapping[str, str]: ...


def peer_headers(
    connection: Connection, url: str, body: bytes, *, token: str, at: datetime, federation: Federation, sign: Sign
) -> dict[str, str]:
    """Return the headers that authenticate and sign a request to a peer. Store calls: 1 for a Fluxden desk.

    All peers get the token, and the digest of the body if the connection has `hmac_enabled`. Desks with a known key
    are Fluxden desks, and get an HTTP message signature as well.
    """
    headers = {TOKEN_HEADER: token}
    if connection.hmac_enabled:
        headers[DIGEST_HEADER] = body_digest(body, token)
    if connection.keys:
        headers |= sign("POST", url, body, destination=connection.peer_url, key=federation.find_key(), at=at)
    return headers


@dataclass(frozen=True)
class ConnectionNoticeWorker:
    """Sends notices to peers, and makes peers contacts of their owners.

    Store and queue calls of an attempt: 6, 1 more for a Fluxden desk, 1 to announce the next attempt, and 4 for the
    answer to a request. For a contact: 6, or 5 if a contact with the address exists. 1 if no attempt is due.
    """

    notices: ConnectionNotices
    connections: Connections
    federation: Federation
    contacts: Contacts
    notifier: Notifier
    post: Post
    sign: Sign
    runner: AttemptRunner[ConnectionNotice, ConnectionNoticeJob]
    base_url: str

    def attempt(self, job: ConnectionNoticeJob, *, message_id: str) -> None:
        """Make the notice's next attempt if one is due; a message that comes twice, late or early does no harm.

        A peer's failure is an outcome; only failures of the stores raise. A notice that no longer fits the
        connection is not sent.
        """
        notice, now = self.notices.find(job), self.runner.clock()
        if notice is None or not is_due(notice.next_attempt_at, now):
            return
        connection = self.connections.find(notice.connection_id)
        if connection is None:
            return

        def send() -> HttpResult | Conclusion:
            return self._send(notice, connection, now)

        def conclude(result: HttpResult, outcome: Outcome) -> None:
            if notice.kind.is_answered:
                self._take_answer(notice, connection, result, outcome, message_id)

        self.runner.run(notice, job, ladder=_LADDERS[notice.kind], at=now, send=send, conclude=conclude)

    def _send(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult | Conclusion:
        if not notice.kind.still_holds(connection):
            made = Attempt(timestamp(now), None, f"the connection is {connection.status}", None)
            return Conclusion(Outcome.GONE, made)
        if notice.kind in (ConnectionNoticeKind.CONTACT, ConnectionNoticeKind.ACCEPTED):
            connection = self._add_contact(connection)
        if notice.kind is ConnectionNoticeKind.CONTACT:
            return Conclusion(Outcome.DELIVERED, Attempt(timestamp(now), None, None, None))
        return self._post(notice, connection, now)

    def _post(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult:
        token, content, headers = self.connections.token_of(connection), dict(notice.body), dict[str, str]()
        own = notice.kind.is_answered or connection.peer_key is not None
        key: PeerKey | None = self.federation.find_key().public if own else None
        if notice.kind is ConnectionNoticeKind.REQUESTED:
            assert key is not None
            content = request_body(connection, token=token, own_url=self.base_url, key=key)
        elif notice.kind is not ConnectionNoticeKind.ENDED:
            content["instanceUrl"] = self.base_url
            if key is not None:
                content["fluxden"] = {"keyId": key.key_id, "publicKey": key.public_key}
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{connection.peer_url}{notice.kind.path}"
        if notice.kind is not ConnectionNoticeKind.REQUESTED:
            headers = peer_headers(
                connection, url, body, token=token, at=now, federation=self.federation, sign=self.sign
            )
        return require_success(self.post(url, body, headers))

    def _take_answer(
        self, notice: ConnectionNotice, connection: Connection, result: HttpResult, outcome: Outcome, message_id: str
    ) -> None:
        """Carry out what the peer's answer means for the connection; a repeat does no harm."""
        found: Connection | None = connection
        for _ in range(_ATTEMPTS):
            if found is None or not notice.kind.still_holds(found):
                return
            now, replaced = self.runner.clock(), None
            if notice.kind is ConnectionNoticeKind.REQUESTED:
                step = answer_step(found, result, outcome, now=now)
            elif notice.kind is ConnectionNoticeKind.ACCEPTED:
                if result.status not in ACCEPTANCE_REFUSED:
                    return
                step = next_step(found, Event.ACCEPTANCE_REFUSED, now=now, reason=f"its desk {result.error}")
            else:
                replaced = self.connections.find_pair(found.user_id, found.peer_url, found.asked_as)
                if outcome is not Outcome.DELIVERED or replaced is None or not replaced.awaits_peer:
                    return
                step = next_step(found, Event.CROSSING_CONFIRMED, now=now)
            ports = Ports(self.connections, self.runner.queue, self.notifier)
            if step is None or advance(step, ports=ports, message_id=message_id, now=now, instead_of=replaced):
                return
            found = self.connections.find(notice.connection_id)
        raise RuntimeError(f"connection {notice.connection_id} is changed by too many calls at once")

    def _add_contact(self, connection: Connection) -> Connection:
        """Return the connection with its contact: the one with the peer's address, or a new one. Repeats are safe."""
        found: Connection | None = connection
        for _ in range(_ATTEMPTS):
            if found is None or found.contact_id is not None:
                return found or connection
            contact = self._find_contact(found)
            if contact is None:
                contact = new_contact(found, now=self.runner.clock())
                self.contacts.keep_contact(contact)
            changed = found.changed(contact_id=contact.contact_id, now=self.runner.clock())
            if self.connections.save(changed, over=found):
                return changed
            found = self.connections.find(connection.connection_id)
        raise RuntimeError(f"connection {connection.connection_id} is changed by too many calls at once")

    def _find_contact(self, connection: Connection) -> Contact | None:
        wanted = ContactFilter(normalize_text(connection.peer_email), "")
        found, _ = self.contacts.search_contacts(connection.user_id, wanted, offset=0, limit=_CANDIDATES)
        address = connection.peer_email.lower()
        return next((each for each in found if (each.email or "").lower() == address), None)
