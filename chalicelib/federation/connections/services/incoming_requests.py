"""Connection requests that other desks send to a person here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Forbidden, NotFound
from chalicelib.federation.connections.domain.connection_notices import crossing_notice
from chalicelib.federation.connections.domain.connection_requests import crossing_id
from chalicelib.federation.connections.domain.connections import Connection, ConnectionState, ConnectionStatus, PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import (
    ConnectedAnswer,
    ConnectIn,
    IntroductionOut,
    new_incoming,
)
from chalicelib.federation.connections.domain.transitions import opening
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.connections.services.transitions import Queue, announce
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People


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

    Store calls after the first look at the settings: 5, and 3 for a repeat. Beside these: 1 if only approved
    instances may ask, 1 for a Fluxden desk, which learns the key of this one, 1 if the connection is active at once,
    and 2 if somebody here has asked for the same.
    """

    settings: FederationSettings
    base_url: str
    people: People
    connections: Connections
    queue: Queue
    notifier: Notifier
    own_key: Callable[[], PeerKey]
    is_approved_instance: Callable[[str], bool]

    def receive(self, given: ConnectIn, new: NewConnection) -> ConnectedAnswer:
        """Connect the two people, or have the person here decide; a worker fetches the peer's keys soon after.

        Raises:
            Forbidden: only approved instances may ask, and this is none.
            NotFound: nobody here has the address.
            RateLimited: the person has received too many requests within this hour.
        """
        person = self._recipient(given)
        own = {"fluxden": IntroductionOut(**vars(self.own_key()))} if given.fluxden else {}
        asked, found = self._add(given, person, new)
        if isinstance(found, Connection):
            return ConnectedAnswer(
                success=True,
                connection_id=found.connection_id,
                status=found.status,
                local_user_name=person.name,
                local_user_email=person.email,
                **own,
            )
        message = "You are connected already, with the token of the first request."
        if found.awaits_peer:
            found = self._cross(found, asked, given, now=new.now)
            message = "This person has sent you a request as well. One of the two requests counts."
        return ConnectedAnswer(
            success=True, connection_id=found.connection_id, status=found.status, message=message, **own
        )

    def _recipient(self, given: ConnectIn) -> Person:
        if self.settings.cuts(given.from_instance_url):
            raise Forbidden("This desk accepts nothing from your desk.")
        allowlist = self.settings.mode is FederationMode.ALLOWLIST
        if allowlist and not self.is_approved_instance(given.from_instance_url):
            raise Forbidden("This desk accepts connection requests from approved instances only.")
        person = self.people.find_person_by_email(given.to_user_email.strip().lower())
        if person is None or not person.active:
            raise NotFound("No person at this desk has this email address.")
        return person

    def _add(
        self, given: ConnectIn, person: Person, new: NewConnection
    ) -> tuple[Connection, Connection | ConnectionState]:
        """Store the connection that was asked for, with what follows; return it, and it or the one there is."""
        status = ConnectionStatus.PENDING if self.settings.approval else ConnectionStatus.ACTIVE
        replaced: ConnectionStatus | None = None
        attempts = Attempts("The connection is changed by too many requests at once. Try again.")
        while attempts.again():
            asked = new_incoming(
                given, person, status, connection_id=new.connection_id, hashed=new.token_hash, now=new.now
            )
            stored = opening(asked, message_id=new.message_id, now=new.now)
            found = self.connections.add(
                asked, given.federation_token, after=replaced, message=stored.message, notices=stored.notices
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
            asked, connection_id=crossing_id(own.connection_id, asked.token_hash), status=ConnectionStatus.PENDING
        )
        notice = crossing_notice(pending, now=now)
        self.connections.add_crossing(pending, given.federation_token, notice=notice)
        self.queue.announce(notice.job)
        return pending.state
