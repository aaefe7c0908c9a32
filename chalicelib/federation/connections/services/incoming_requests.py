"""Connection requests that other desks send to a person here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.federation.connections.domain.confirmations import Verdict
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    confirmation_notice,
    crossing_notice,
)
from chalicelib.federation.connections.domain.connection_requests import crossing_id, held_id
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionState,
    ConnectionStatus,
    PeerKey,
    Proof,
)
from chalicelib.federation.connections.domain.handshake import (
    ConnectedAnswer,
    ConnectIn,
    IntroductionOut,
    new_incoming,
)
from chalicelib.federation.connections.domain.known_desks import addresses_of, is_remembered
from chalicelib.federation.connections.domain.transitions import opening
from chalicelib.federation.connections.services.admission import Admittance, AdmittedStranger, admit_claim
from chalicelib.federation.connections.services.ports import Connections, HeldRequests, KnownDesks
from chalicelib.federation.connections.services.transitions import Queue, announce
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People

_MOST_REPEATS = 10


@dataclass(frozen=True)
class NewConnection:
    """Fresh ids for a connection and for the message about it, and the hash of the connection's token."""

    connection_id: str
    message_id: str
    token_hash: str
    now: datetime


@dataclass(frozen=True)
class ConnectionRequestReceiver:
    """Takes the connection requests of other desks in.

    A request that proves nothing is held: its desk is asked whether it is its own, and until then nobody here sees it.
    It is answered alike whether or not the person exists. A request that proves its origin is taken at once, and so is
    every request of an open desk that trusts claims; then its desk is asked afterwards.

    Store and queue calls after the first look at the settings: 2, and 1 for a repeat. Beside these: 1 with an
    allowlist, 1 where claims are trusted, 1 for a Fluxden desk, which learns the key of this one. For a request that is
    taken at once: 2 more to find the person and 2 to tell them, and 2 if somebody here has asked for the same.
    """

    admitted: AdmittedStranger
    base_url: str
    people: People
    connections: Connections
    held: HeldRequests
    queue: Queue
    notifier: Notifier
    own_key: Callable[[], PeerKey]
    is_approved_instance: Callable[[str], bool]
    known_desks: KnownDesks

    def receive(self, given: ConnectIn, new: NewConnection, *, proof: Proof | None) -> ConnectedAnswer:
        """Take the request, or hold it until its desk was asked. `proof` is what the request itself proves.

        Raises:
            Forbidden: the desk is suspended or not on the allowlist, or its token is too short.
            NotFound: nobody here has the address. Only who proves its origin learns that.
            RateLimited: the person or the claimed desk has had too many requests within this hour.
        """
        admittance = admit_claim(
            self.admitted.settings,
            given.from_instance_url,
            given.federation_token,
            proof=proof,
            publishes_keys=given.fluxden is not None,
            is_approved_instance=self.is_approved_instance,
            signs=lambda origin: is_remembered(
                self.known_desks.find_last_seen(addresses_of(origin)), Verdict.UNREACHABLE, now=new.now
            ),
        )
        if admittance is Admittance.HELD:
            # Whether the person exists is looked up when the request is released, so nothing here depends on it.
            held = self._hold(given, new)
            return self._answer(given, held.state, message="Your desk is asked to confirm the request.")
        person = self.people.find_person_by_email(given.to_user_email.strip().lower())
        if person is None or not person.active:
            raise NotFound("No person at this desk has this email address.")
        asked, found = self._add(given, person, new, proof)
        if isinstance(found, Connection):
            return self._answer(given, found.state, person)
        if proof and not found.awaits_peer and not self._has_token(found, given):
            # The desk lost its data. The worker replaces the connection, and the person is asked anew.
            held = self._hold(given, new, proof=proof)
            return self._answer(given, held.state, message="Your desk had another token before. You are asked anew.")
        message = "You are connected already, with the token of the first request."
        if found.awaits_peer:
            found = self._cross(found, asked, given, now=new.now)
            message = "This person has sent you a request as well. One of the two requests counts."
        return self._answer(given, found, message=message)

    def _answer(
        self, given: ConnectIn, state: ConnectionState, person: Person | None = None, *, message: str | None = None
    ) -> ConnectedAnswer:
        answer = ConnectedAnswer(success=True, connection_id=state.connection_id, status=state.status)
        if message:
            answer.message = message
        # Who has not been accepted learns no name.
        if person and state.status is ConnectionStatus.ACTIVE:
            answer.local_user_name, answer.local_user_email = person.name, person.email
        if given.fluxden:
            answer.fluxden = IntroductionOut(**vars(self.own_key()))
        return answer

    def _has_token(self, found: ConnectionState, given: ConnectIn) -> bool:
        known = self.connections.find_by_token(given.federation_token)
        return any(each.connection_id == found.connection_id for each in known)

    def _hold(self, given: ConnectIn, new: NewConnection, *, proof: Proof | None = None) -> Connection:
        """Store the request for nobody to see, and have its desk asked; return it, or the one it repeats."""
        for number in range(_MOST_REPEATS):
            asked = new_incoming(
                given,
                None,
                ConnectionStatus.PENDING,
                connection_id=held_id(given, new.token_hash, number),
                hashed=new.token_hash,
                now=new.now,
            )
            asked = replace(asked, held=True, proof=proof, keys_due_at=None)
            notice = self._confirmation(asked, new.now)
            found = self.held.hold(asked, given.federation_token, notice=notice, network=self.admitted.network)
            if found is asked:
                self.queue.announce(notice.job)
            # A request that ended can be repeated.
            if found.status in (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE):
                return found
        raise Conflict("Requests with this token have ended too often. Use another token.")

    def _confirmation(self, asked: Connection, now: datetime) -> ConnectionNotice:
        return confirmation_notice(asked, own_url=self.admitted.own_url, signed=self.admitted.signed, now=now)

    def _add(
        self, given: ConnectIn, person: Person, new: NewConnection, proof: Proof | None
    ) -> tuple[Connection, Connection | ConnectionState]:
        """Store the connection that was asked for, with what follows; return it, and it or the one there is."""
        approval = self.admitted.settings.approval
        status = ConnectionStatus.PENDING if approval else ConnectionStatus.ACTIVE
        replaced: ConnectionStatus | None = None
        attempts = Attempts("The connection is changed by too many requests at once. Try again.")
        while attempts.again():
            asked = new_incoming(
                given, person, status, connection_id=new.connection_id, hashed=new.token_hash, now=new.now
            )
            asked = replace(asked, proof=proof)
            stored = opening(asked, message_id=new.message_id, now=new.now)
            if proof is None:
                stored = replace(stored, notices=[*stored.notices, self._confirmation(asked, new.now)])
            found = self.connections.add(
                asked,
                given.federation_token,
                after=replaced,
                message=stored.message,
                notices=stored.notices,
                claimed_from=self.admitted.network if proof is None else None,
            )
            if isinstance(found, Connection):
                announce(asked, stored, queue=self.queue, notifier=self.notifier, now=new.now)
                return asked, found
            if found.status is not ConnectionStatus.BLOCKED:
                return asked, found
            # A blocked peer may ask again, but the person has to accept it.
            status, replaced = ConnectionStatus.PENDING, ConnectionStatus.BLOCKED

    def _cross(self, own: ConnectionState, asked: Connection, given: ConnectIn, *, now: datetime) -> ConnectionState:
        """Settle two requests that crossed, and return the one that counts and has to be accepted.

        Both desks must come to the same result without asking each other: the request of the desk whose URL sorts
        first counts. Desks of other makes don't know this rule, so theirs counts. Anybody can pretend to be the
        other desk. So a notice first asks it to confirm the token, and until then the request of this desk counts.
        """
        ours, theirs = (self.base_url, asked.user_email), (asked.peer_url, asked.asked_as)
        if given.fluxden and ours < theirs:
            return own
        pending = replace(
            asked,
            connection_id=crossing_id(own.connection_id, asked.token_hash),
            status=ConnectionStatus.PENDING,
            held=True,
        )
        notice = crossing_notice(pending, now=now)
        self.held.hold(pending, given.federation_token, notice=notice, network=self.admitted.network)
        self.queue.announce(notice.job)
        return pending.state
