"""What is to be done for connections: one attempt at a time, until one succeeds or the ladder ends.

Mostly that is to tell the other desk something; what it answers to a request decides what becomes of the connection.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Protocol

from chalicelib.board.domain.contacts import Contact, ContactFilter
from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import (
    CONNECTION_NOTICE_RETRIES,
    CONNECTION_REQUEST_RETRIES,
    EARLY,
    GRACE,
    LEASE,
    Attempt,
    Outcome,
    next_attempt,
)
from chalicelib.core.domain.search import normalised
from chalicelib.core.domain.signatures import body_digest
from chalicelib.federation.connections.domain.connection_requests import (
    answered,
    contact_of,
    request_body,
)
from chalicelib.federation.connections.domain.peer_notices import Notice, NoticeJob, NoticeKind, befriended
from chalicelib.federation.connections.domain.peering import (
    DIGEST_HEADER,
    TOKEN_HEADER,
    Peering,
    PeeringStatus,
    PeerKey,
)
from chalicelib.federation.connections.services.peering import told_of
from chalicelib.live.domain.frames import News, Standing

_ATTEMPTS = 8
_CANDIDATES = 50


class Notices(Protocol):
    def find(self, job: NoticeJob) -> Notice | None: ...
    def lease(self, notice: Notice, lease_id: str, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self, notice: Notice, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
    ) -> bool: ...


class Peers(Protocol):
    def find(self, connection_id: str) -> Peering | None: ...
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Peering | None: ...
    def token_of(self, peering: Peering) -> str: ...
    def save(
        self,
        peering: Peering,
        *,
        over: Peering,
        notices: Sequence[Notice] = (),
        message: Message | None = None,
        instead_of: Peering | None = None,
    ) -> bool: ...


class Contacts(Protocol):
    def search_contacts(
        self, user_id: str, wanted: ContactFilter, *, offset: int, limit: int
    ) -> tuple[list[Contact], int]: ...
    def keep_contact(self, contact: Contact) -> None: ...


class Notifier(Protocol):
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...


class Federation(Protocol):
    def find_key(self) -> Any: ...


class Queue(Protocol):
    def announce(self, job: NoticeJob, *, delay: int = 0) -> None: ...


class Post(Protocol):
    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], /) -> HttpResult: ...


class Sign(Protocol):
    def __call__(
        self, method: str, url: str, body: bytes, *, destination: str, key: Any, at: datetime
    ) -> Mapping[str, str]: ...


def peer_headers(
    peering: Peering, url: str, body: bytes, *, token: str, at: datetime, federation: Federation, sign: Sign
) -> dict[str, str]:
    """By what a peer knows us, and that nobody changed `body` on its way to `url`. Store calls: 1 for a Fluxden desk.

    Fluxden desks are those that have told a key, or publish some. Others are shown the token, and its digest where the
    connection has that on.
    """
    headers = {TOKEN_HEADER: token}
    if peering.hmac_enabled:
        headers[DIGEST_HEADER] = body_digest(body, token)
    if peering.keys:
        headers |= sign("POST", url, body, destination=peering.peer_url, key=federation.find_key(), at=at)
    return headers


@dataclass(frozen=True)
class Errands:
    """Does what is to be done for connections.

    Store and queue calls of an attempt: 6 to tell something, 1 more for a Fluxden desk, and 1 to announce the next;
    for the answer to a request 4 more. To make the peer a contact: 6, or 5 where there is one of the address. For
    a message that is none of its time: 1.
    """

    notices: Notices
    peers: Peers
    federation: Federation
    contacts: Contacts
    notifier: Notifier
    queue: Queue
    post: Post
    sign: Sign
    clock: Callable[[], datetime]
    longest_delay: int
    base_url: str

    def attempt(self, job: NoticeJob, *, lease_id: str, message_id: str, spread: float) -> None:
        """Make the notice's next attempt, if one is due; a message that comes twice, late or early does no harm.

        The attempt is taken by a lease before and recorded after its POST. A peer's failure is an outcome; only our
        own stores' raises. Nothing is sent that the connection has overtaken.
        """
        notice, now = self.notices.find(job), self.clock()
        if notice is None or not _is_due(notice, now):
            return
        peering = self.peers.find(notice.connection_id)
        if peering is None or not self.notices.lease(notice, lease_id, now=now, until=now + LEASE):
            return
        if not notice.kind.still_holds(peering):
            made = Attempt(timestamp(now), None, f"the connection is {peering.status}", None)
            self.notices.record(notice, lease_id, outcome=Outcome.GONE, attempt=made, due_at=None)
            return
        if notice.kind in (NoticeKind.CONTACT, NoticeKind.ACCEPTED):
            peering = self._befriended(peering)
        if notice.kind is NoticeKind.CONTACT:
            made = Attempt(timestamp(now), None, None, None)
            self.notices.record(notice, lease_id, outcome=Outcome.DELIVERED, attempt=made, due_at=None)
            return
        answer = self._told(notice, peering, now)
        ladder = CONNECTION_REQUEST_RETRIES if notice.kind.is_answered else CONNECTION_NOTICE_RETRIES
        number = len(notice.attempts) + 1
        outcome, made = next_attempt(answer, number, ladder=ladder, at=now, now=self.clock(), spread=spread)
        if notice.kind.is_answered and outcome is not Outcome.PENDING:
            self._conclude(notice, peering, answer, outcome, message_id)
        self._record(notice, lease_id, outcome, made)

    def _record(self, notice: Notice, lease_id: str, outcome: Outcome, made: Attempt) -> None:
        due_at = parse_timestamp(made.next_attempt_at) if made.next_attempt_at else None
        delay = ceil((due_at - self.clock()).total_seconds()) if due_at else None
        announced = delay is not None and delay <= self.longest_delay
        if due_at and announced:
            due_at += GRACE
        recorded = self.notices.record(notice, lease_id, outcome=outcome, attempt=made, due_at=due_at)
        if recorded and announced and delay:
            self.queue.announce(notice.job, delay=delay)

    def _told(self, notice: Notice, peering: Peering, now: datetime) -> HttpResult:
        token, said, headers = self.peers.token_of(peering), dict(notice.body), dict[str, str]()
        own = notice.kind.is_answered or peering.peer_key is not None
        key: PeerKey | None = self.federation.find_key().public if own else None
        if notice.kind is NoticeKind.REQUESTED:
            assert key is not None
            said = request_body(peering, token=token, own_url=self.base_url, key=key)
        elif notice.kind is not NoticeKind.ENDED:
            said["instanceUrl"] = self.base_url
            if key is not None:
                said["fluxden"] = {"keyId": key.key_id, "publicKey": key.public_key}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{peering.peer_url}{notice.kind.path}"
        if notice.kind is not NoticeKind.REQUESTED:
            headers = peer_headers(peering, url, body, token=token, at=now, federation=self.federation, sign=self.sign)
        return self.post(url, body, headers)

    def _conclude(self, notice: Notice, met: Peering, answer: HttpResult, outcome: Outcome, message_id: str) -> None:
        """Have the connection be what the other desk's answer makes of it; doing it again does no harm."""
        peering: Peering | None = met
        for _ in range(_ATTEMPTS):
            if peering is None or not notice.kind.still_holds(peering):
                return
            now, ours = self.clock(), None
            if notice.kind is NoticeKind.REQUESTED:
                to = answered(peering, answer, outcome, now=now)
            else:
                ours = self.peers.find_pair(peering.user_id, peering.peer_url, peering.asked_as)
                if outcome is not Outcome.DELIVERED or ours is None or not ours.awaits_peer:
                    return
                to = peering.changed(status=PeeringStatus.ACTIVE, now=now)
            tasks = [befriended(to, now=now)] if to.status is PeeringStatus.ACTIVE else []
            message = None if to.status is PeeringStatus.PENDING else told_of(to, message_id, now)
            if self.peers.save(to, over=peering, notices=tasks, message=message, instead_of=ours):
                for each in tasks:
                    self.queue.announce(each.job)
                if message:
                    self.notifier.notify(to.user_id, message.news, standing=None, now=now)
                return
            peering = self.peers.find(notice.connection_id)
        raise RuntimeError(f"connection {notice.connection_id} is being changed by many calls at once")

    def _befriended(self, met: Peering) -> Peering:
        """The connection with its contact: who has the peer's address, else a new one. Again changes nothing."""
        peering: Peering | None = met
        for _ in range(_ATTEMPTS):
            if peering is None or peering.contact_id is not None:
                return peering or met
            wanted = ContactFilter(normalised(peering.peer_email), "")
            found, _ = self.contacts.search_contacts(peering.user_id, wanted, offset=0, limit=_CANDIDATES)
            address = peering.peer_email.lower()
            contact = next((each for each in found if (each.email or "").lower() == address), None)
            if contact is None:
                contact = contact_of(peering, now=self.clock())
                self.contacts.keep_contact(contact)
            to = peering.changed(contact_id=contact.contact_id, now=self.clock())
            if self.peers.save(to, over=peering):
                return to
            peering = self.peers.find(met.connection_id)
        raise RuntimeError(f"connection {met.connection_id} is being changed by many calls at once")


def _is_due(notice: Notice, now: datetime) -> bool:
    return notice.next_attempt_at is not None and notice.next_attempt_at <= timestamp(now + EARLY)
