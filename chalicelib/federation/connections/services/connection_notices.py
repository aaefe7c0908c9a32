"""The worker of connection notices: one attempt at a time, until one succeeds or the retries end.

Most notices tell the peer something. The answer to a request decides the connection's next state.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.board.domain.contacts import Contact, ContactFilter
from chalicelib.board.services.ports import Contacts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.domain.pages import PageRequest
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
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Proof
from chalicelib.federation.connections.domain.handshake import DIGEST_HEADER, TOKEN_HEADER
from chalicelib.federation.connections.domain.transitions import CROSSING_EFFECTS, Event, follow_up, next_step
from chalicelib.federation.connections.services.confirmations import RequestSettler
from chalicelib.federation.connections.services.inquiries import Inquirer
from chalicelib.federation.connections.services.ports import (
    ConnectionNotices,
    Connections,
    Federation,
    HeldRequests,
    KnownDesks,
)
from chalicelib.federation.connections.services.removals import Traces, delete_removed
from chalicelib.federation.connections.services.transitions import Ports, advance, announce
from chalicelib.live.services.ports import Notifier

_LADDERS = {
    ConnectionNoticeKind.REQUESTED: CONNECTION_REQUEST_RETRIES,
    ConnectionNoticeKind.CROSSED: CONNECTION_REQUEST_RETRIES,
    ConnectionNoticeKind.ACCEPTED: CONNECTION_ACCEPTANCE_RETRIES,
    ConnectionNoticeKind.ENDED: CONNECTION_NOTICE_RETRIES,
    ConnectionNoticeKind.CONTACT: CONNECTION_NOTICE_RETRIES,
    ConnectionNoticeKind.CONFIRMATION: CONNECTION_NOTICE_RETRIES,
    ConnectionNoticeKind.REMOVED: CONNECTION_NOTICE_RETRIES,
}
_ATTEMPTS = 8
_CONFLICT, _NOT_FOUND = 409, 404
_CANDIDATES = 50
_REMOVED = "the connection was removed"


def _conclude(outcome: Outcome, now: datetime, error: str | None) -> Conclusion:
    return Conclusion(outcome, Attempt(timestamp(now), None, error, None))


def _refusal(result: HttpResult) -> str | None:
    return f"its desk {result.error}" if result.sent else result.error


class Sign(Protocol):
    def __call__(
        self, method: str, url: str, body: bytes, *, destination: str, key: Any, at: datetime
    ) -> Mapping[str, str]: ...


def peer_headers(
    connection: Connection, url: str, body: bytes, *, token: str, at: datetime, federation: Federation, sign: Sign
) -> dict[str, str]:
    """Return the headers that authenticate and sign a request to a peer. Store calls: 1.

    All peers get the token and an HTTP message signature, since a desk that publishes keys must sign; those that know
    no signatures ignore it. They get the digest of the body if the connection has `hmac_enabled`.
    """
    headers = {TOKEN_HEADER: token}
    if connection.hmac_enabled:
        headers[DIGEST_HEADER] = body_digest(body, token)
    return headers | dict(sign("POST", url, body, destination=connection.peer_url, key=federation.find_key(), at=at))


@dataclass(frozen=True)
class ConnectionNoticeWorker:
    """Sends notices to peers, asks desks whether requests are their own, and makes peers contacts of their owners.

    Store and queue calls of an attempt: 8, 1 to announce the next attempt, 4 for the answer to a request, and 1 for a
    request to a Fluxden desk. For a contact: 6, or 5 if a contact with the address exists. For a removed
    connection: 8, and those of `traces`. 1 if no attempt is due.
    """

    notices: ConnectionNotices
    connections: Connections
    held: HeldRequests
    federation: Federation
    contacts: Contacts
    inquirer: Inquirer
    settler: RequestSettler
    notifier: Notifier
    post: Post
    sign: Sign
    runner: AttemptRunner[ConnectionNotice, ConnectionNoticeJob]
    base_url: str
    traces: Sequence[Traces]
    known_desks: KnownDesks

    def attempt(self, job: ConnectionNoticeJob, *, message_id: str) -> None:
        """Make the notice's next attempt if one is due; a message that comes twice, late or early does no harm.

        A peer's failure is an outcome; only failures of the stores raise. A notice that no longer fits the
        connection is not sent.
        """
        notice, now = self.notices.find(job), self.runner.clock()
        if notice is None or not is_due(notice.next_attempt_at, now):
            return
        connection = self.connections.find_with_removed(notice.connection_id)

        def send() -> HttpResult | Conclusion:
            if connection is None:
                return _conclude(Outcome.GONE, now, _REMOVED)
            if connection.removed:
                return self._remove(notice, connection, now)
            if notice.kind is ConnectionNoticeKind.CONFIRMATION:
                return self.settler.settle(notice, connection, message_id=message_id)
            return self._send(notice, connection, now)

        def conclude(result: HttpResult, outcome: Outcome) -> None:
            if notice.kind.is_answered and connection is not None:
                self._take_answer(notice, connection, result, outcome, message_id)

        self.runner.run(notice, job, ladder=_LADDERS[notice.kind], at=now, send=send, conclude=conclude)

    def _send(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult | Conclusion:
        if not notice.kind.still_holds(connection):
            return _conclude(Outcome.GONE, now, f"the connection is {connection.status}")
        if notice.kind in (ConnectionNoticeKind.CONTACT, ConnectionNoticeKind.ACCEPTED):
            connection = self._add_contact(connection)
        if notice.kind is ConnectionNoticeKind.CONTACT:
            return _conclude(Outcome.DELIVERED, now, None)
        if notice.kind is ConnectionNoticeKind.REQUESTED:
            met = self._meet(connection, now)
            if met is None:
                return HttpResult(_CONFLICT, excerpt="there is a connection with this person at its canonical address")
            connection = met
        return self._post(notice, connection, now)

    def _meet(self, connection: Connection, now: datetime) -> Connection | None:
        """Read what the desk that is asked publishes; return the connection with its keys and canonical address.

        None if another connection counts between the two people there.
        """
        origin, description, _ = self.inquirer.describe(connection.peer_url)
        if description is not None and description.signs:
            self.known_desks.note(origin, now=now)
        keys = description.keys if description else ()
        if origin == connection.peer_url and keys in ((), connection.published):
            return connection
        met = replace(connection.changed(peer_url=origin, now=now), published=keys or connection.published)
        return met if self.connections.meet(met, over=connection, keys=met.published) else None

    def _remove(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> Conclusion:
        """Tell the desk of a removed connection once, whatever it answers, and delete the connection's rows."""
        if notice.kind is not ConnectionNoticeKind.REMOVED:
            return _conclude(Outcome.GONE, now, _REMOVED)
        if notice.body:
            self._post(notice, connection, now)
        # The notice is deleted too, in the last write. Until then it is due again.
        delete_removed(connection, notice.job, now=now, connections=self.connections, traces=self.traces)
        return _conclude(Outcome.DELIVERED, now, None)

    def _post(self, notice: ConnectionNotice, connection: Connection, now: datetime) -> HttpResult | Conclusion:
        token, content, key = self.connections.token_of(connection), dict(notice.body), self.federation.find_key()
        if token is None:
            return _conclude(Outcome.GONE, now, _REMOVED)
        if notice.kind is ConnectionNoticeKind.REQUESTED:
            content = request_body(connection, token=token, own_url=self.base_url, key=key.public)
        elif not notice.kind.is_of_an_end:
            content |= {
                "instanceUrl": self.base_url,
                "fluxden": {"keyId": key.key_id, "publicKey": key.public_key},
            }
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{connection.peer_url}{notice.kind.path}"
        if notice.kind is ConnectionNoticeKind.REQUESTED:
            headers = dict(self.sign("POST", url, body, destination=connection.peer_url, key=key, at=now))
        else:
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
            now = self.runner.clock()
            if notice.kind is ConnectionNoticeKind.CROSSED:
                if self._release_crossed(found, outcome, message_id, now):
                    return
                found = self.connections.find(notice.connection_id)
                continue
            if notice.kind is ConnectionNoticeKind.REQUESTED:
                step = answer_step(found, result, outcome, now=now, probe=self._probe)
            elif notice.kind is ConnectionNoticeKind.ACCEPTED:
                if result.status not in ACCEPTANCE_REFUSED or self._lacks_the_path(found, result):
                    return
                step = next_step(found, Event.ACCEPTANCE_REFUSED, now=now, reason=_refusal(result))
            else:
                return
            ports = Ports(self.connections, self.runner.queue, self.notifier)
            if step is None or advance(step, ports=ports, message_id=message_id, now=now):
                return
            found = self.connections.find(notice.connection_id)
        raise RuntimeError(f"connection {notice.connection_id} is changed by too many calls at once")

    def _lacks_the_path(self, connection: Connection, result: HttpResult) -> bool:
        """Whether a plain peer refused only since the contract has no acceptances, or it counts on one already.

        Its person accepted it as unverified, and it stays so. A desk that describes itself has the path.
        """
        if result.status != _NOT_FOUND or connection.is_confirmed or connection.keys:
            return False
        return self.inquirer.is_plain(connection.peer_url)

    def _probe(self, connection: Connection) -> bool:
        """Whether the peer's desk says at its own address that the connection with our token is active."""
        status, _ = self.inquirer.connection_status(connection.peer_url, connection.token_hash, self.base_url)
        return status == ConnectionStatus.ACTIVE

    def _release_crossed(self, found: Connection, outcome: Outcome, message_id: str, now: datetime) -> bool:
        """Let the peer's request take the place of ours, once the peer has confirmed its token; False if it changed."""
        own = self.connections.find_pair(found.user_id, found.peer_url, found.asked_as)
        if outcome is not Outcome.DELIVERED or own is None or not own.awaits_peer:
            return True
        proof = found.proof or Proof.CALLBACK
        active = found.changed(held=False, status=ConnectionStatus.ACTIVE, proof=proof, now=now)
        stored = follow_up(active, CROSSING_EFFECTS, message_id=message_id, now=now)
        done = self.held.release(
            active,
            over=found,
            keys=(),
            instead_of=own,
            ended=None,
            notices=stored.notices,
            message=stored.message,
        )
        if done:
            announce(active, stored, queue=self.runner.queue, notifier=self.notifier, now=now)
        return done

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
        found = self.contacts.search_contacts(connection.user_id, wanted, PageRequest(_CANDIDATES)).rows
        address = connection.peer_email.lower()
        return next((each for each in found if (each.email or "").lower() == address), None)
