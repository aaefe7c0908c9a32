"""What is to be done for connections: one attempt at a time, until one succeeds or the ladder ends.

Mostly that is to tell the other desk something; what it answers to a request decides what becomes of the connection.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.board.domain.contacts import Contact, ContactFilter
from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import (
    CONNECTION_NOTICE_RETRIES,
    CONNECTION_REQUEST_RETRIES,
    Attempt,
    Outcome,
    is_due,
)
from chalicelib.core.domain.search import normalised
from chalicelib.core.domain.signatures import body_digest
from chalicelib.core.ports import Post
from chalicelib.core.services.attempts import AttemptRunner, Conclusion
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
    ConnectionNoticeKind,
    befriended,
)
from chalicelib.federation.connections.domain.connection_requests import (
    answered,
    contact_of,
    request_body,
)
from chalicelib.federation.connections.domain.connections import (
    DIGEST_HEADER,
    TOKEN_HEADER,
    Connection,
    ConnectionStatus,
    PeerKey,
)
from chalicelib.federation.connections.services.connections import told_of
from chalicelib.live.services.ports import Notifier

_ATTEMPTS = 8
_CANDIDATES = 50


class Notices(Protocol):
    def find(self, job: ConnectionNoticeJob) -> ConnectionNotice | None: ...


class Connections(Protocol):
    def find(self, connection_id: str) -> Connection | None: ...
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None: ...
    def token_of(self, connection: Connection) -> str: ...
    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
        instead_of: Connection | None = None,
    ) -> bool: ...


class Contacts(Protocol):
    def search_contacts(
        self, user_id: str, wanted: ContactFilter, *, offset: int, limit: int
    ) -> tuple[list[Contact], int]: ...
    def keep_contact(self, contact: Contact) -> None: ...


class Federation(Protocol):
    def find_key(self) -> Any: ...


class Sign(Protocol):
    def __call__(
        self, method: str, url: str, body: bytes, *, destination: str, key: Any, at: datetime
    ) -> Mapping[str, str]: ...


def peer_headers(
    connection: Connection, url: str, body: bytes, *, token: str, at: datetime, federation: Federation, sign: Sign
) -> dict[str, str]:
    """By what a peer knows us, and that nobody changed `body` on its way to `url`. Store calls: 1 for a Fluxden desk.

    Fluxden desks are those that have told a key, or publish some. Others are shown the token, and its digest where the
    connection has that on.
    """
    headers = {TOKEN_HEADER: token}
    if connection.hmac_enabled:
        headers[DIGEST_HEADER] = body_digest(body, token)
    if connection.keys:
        headers |= sign("POST", url, body, destination=connection.peer_url, key=federation.find_key(), at=at)
    return headers


@dataclass(frozen=True)
class ConnectionNoticeWorker:
    """Does what is to be done for connections.

    Store and queue calls of an attempt: 6 to tell something, 1 more for a Fluxden desk, and 1 to announce the next;
    for the answer to a request 4 more. To make the peer a contact: 6, or 5 where there is one of the address. For
    a message that is none of its time: 1.
    """

    notices: Notices
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

        A peer's failure is an outcome; only failures of our own stores raise. A notice that no longer fits the
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

        if not notice.kind.is_answered:
            self.runner.run(notice, job, ladder=CONNECTION_NOTICE_RETRIES, at=now, send=send)
            return

        def conclude(result: HttpResult, outcome: Outcome) -> None:
            self._conclude(notice, connection, result, outcome, message_id)

        self.runner.run(notice, job, ladder=CONNECTION_REQUEST_RETRIES, at=now, send=send, conclude=conclude)

    def _send(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult | Conclusion:
        if not notice.kind.still_holds(connection):
            made = Attempt(timestamp(now), None, f"the connection is {connection.status}", None)
            return Conclusion(Outcome.GONE, made)
        if notice.kind in (ConnectionNoticeKind.CONTACT, ConnectionNoticeKind.ACCEPTED):
            connection = self._befriended(connection)
        if notice.kind is ConnectionNoticeKind.CONTACT:
            return Conclusion(Outcome.DELIVERED, Attempt(timestamp(now), None, None, None))
        return self._told(notice, connection, now)

    def _told(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult:
        token, said, headers = self.connections.token_of(connection), dict(notice.body), dict[str, str]()
        own = notice.kind.is_answered or connection.peer_key is not None
        key: PeerKey | None = self.federation.find_key().public if own else None
        if notice.kind is ConnectionNoticeKind.REQUESTED:
            assert key is not None
            said = request_body(connection, token=token, own_url=self.base_url, key=key)
        elif notice.kind is not ConnectionNoticeKind.ENDED:
            said["instanceUrl"] = self.base_url
            if key is not None:
                said["fluxden"] = {"keyId": key.key_id, "publicKey": key.public_key}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{connection.peer_url}{notice.kind.path}"
        if notice.kind is not ConnectionNoticeKind.REQUESTED:
            headers = peer_headers(
                connection, url, body, token=token, at=now, federation=self.federation, sign=self.sign
            )
        return self.post(url, body, headers)

    def _conclude(
        self, notice: ConnectionNotice, met: Connection, answer: HttpResult, outcome: Outcome, message_id: str
    ) -> None:
        """Have the connection be what the other desk's answer makes of it; doing it again does no harm."""
        connection: Connection | None = met
        for _ in range(_ATTEMPTS):
            if connection is None or not notice.kind.still_holds(connection):
                return
            now, ours = self.runner.clock(), None
            if notice.kind is ConnectionNoticeKind.REQUESTED:
                to = answered(connection, answer, outcome, now=now)
            else:
                ours = self.connections.find_pair(connection.user_id, connection.peer_url, connection.asked_as)
                if outcome is not Outcome.DELIVERED or ours is None or not ours.awaits_peer:
                    return
                to = connection.changed(status=ConnectionStatus.ACTIVE, now=now)
            tasks = [befriended(to, now=now)] if to.status is ConnectionStatus.ACTIVE else []
            message = None if to.status is ConnectionStatus.PENDING else told_of(to, message_id, now)
            if self.connections.save(to, over=connection, notices=tasks, message=message, instead_of=ours):
                for each in tasks:
                    self.runner.queue.announce(each.job)
                if message:
                    self.notifier.notify(to.user_id, message.news, standing=None, now=now)
                return
            connection = self.connections.find(notice.connection_id)
        raise RuntimeError(f"connection {notice.connection_id} is being changed by many calls at once")

    def _befriended(self, met: Connection) -> Connection:
        """The connection with its contact: who has the peer's address, else a new one. Again changes nothing."""
        connection: Connection | None = met
        for _ in range(_ATTEMPTS):
            if connection is None or connection.contact_id is not None:
                return connection or met
            wanted = ContactFilter(normalised(connection.peer_email), "")
            found, _ = self.contacts.search_contacts(connection.user_id, wanted, offset=0, limit=_CANDIDATES)
            address = connection.peer_email.lower()
            contact = next((each for each in found if (each.email or "").lower() == address), None)
            if contact is None:
                contact = contact_of(connection, now=self.runner.clock())
                self.contacts.keep_contact(contact)
            to = connection.changed(contact_id=contact.contact_id, now=self.runner.clock())
            if self.connections.save(to, over=connection):
                return to
            connection = self.connections.find(met.connection_id)
        raise RuntimeError(f"connection {met.connection_id} is being changed by many calls at once")
