"""Connection requests of people here: stored first, and sent by the worker of connection notices."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.domain.retries import Outcome
from chalicelib.federation.connections.domain.connection_notices import (
    acceptance_job,
    request_notice,
)
from chalicelib.federation.connections.domain.connection_requests import ConnectionRequestIn, new_outgoing
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionStatus,
    Initiator,
)
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.domain.owned_connections import (
    Action,
    ConnectionOut,
    ConnectionPatch,
    to_response,
)
from chalicelib.federation.connections.services.connections import change_connection
from chalicelib.federation.connections.services.ports import ConnectionNotices, Connections, Federation
from chalicelib.federation.connections.services.transitions import Ports, Queue
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People

_OPEN = (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE)


@dataclass(frozen=True)
class ConnectionRequester:
    """Asks people of other desks for connections with people here."""

    base_url: str
    token_hash: Callable[[str], str]
    settings: Federation
    people: People
    connections: Connections
    notices: ConnectionNotices
    queue: Queue
    gather: Callable[..., list[Any]]

    def request(
        self, given: ConnectionRequestIn, *, connection_id: str, token: str, owner: ApiKey, context: RequestContext
    ) -> tuple[int, ConnectionOut]:
        """Ask for a connection; return the status of the reply, and the connection.

        The request is stored with the notice that carries it. A request that the peer has sent already is accepted
        instead, and an open connection stays as it is. A request after an end uses the first token again, if the peer
        surely knows it, since the peer may still have the connection. Store and queue calls after authentication, in
        sequence: 3; 2 more if there was a connection before, and 1 more if the peer asked for it; 6 to accept.

        Raises:
            Invalid: the peer is this desk itself.
            Conflict: other desks can't reach this one, so no answer could arrive; or an operator cut that desk off.
            Forbidden: the owner is no longer an active employee.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        rules, person = self.gather(self.settings.find_settings, lambda: self.people.find_person(owner.user_id))
        person = self._check(given, rules, person)
        attempts = Attempts("The connection is changed by too many requests at once. Try again.")
        while attempts.again():
            found = self.connections.find_pair(owner.user_id, given.peer_instance_url, given.asked_as)
            if found and found.status is ConnectionStatus.PENDING and found.initiator is Initiator.PEER:
                patch, ports = ConnectionPatch(action=Action.ACCEPT), Ports(self.connections, self.queue)
                return 200, change_connection(found.connection_id, patch, owner=owner, context=context, ports=ports)
            if found and found.status in _OPEN:
                answer = to_response(found)
                if self.connections.save(found, over=found, claim=context.claim, reply=stored_envelope(200, answer)):
                    return 200, answer
                continue
            known = self.connections.token_of(found) if found and self._peer_knows_token(found) else None
            shared = known or token
            hashed = self.token_hash(shared)
            made = new_outgoing(given, person, connection_id=connection_id, hashed=hashed, now=context.now)
            notice = request_notice(made, now=context.now)
            answer = to_response(made)
            added = self.connections.add(
                made,
                shared,
                after=ConnectionStatus.BLOCKED,
                message=None,
                notices=[notice],
                claim=context.claim,
                reply=stored_envelope(201, answer),
            )
            if isinstance(added, Connection):
                self.queue.announce(notice.job)
                return 201, answer

    def _check(self, given: ConnectionRequestIn, rules: FederationSettings, person: Person | None) -> Person:
        if person is None or not person.active:
            raise Forbidden("The key's owner is not an active employee.")
        if not self.base_url or not rules.inbound:
            raise Conflict(
                "Other desks can't answer this one. Its operator has not set its public URL, or does not let them in."
            )
        if rules.cuts(given.peer_instance_url):
            raise Conflict("An administrator of your desk has suspended or blocked that desk.")
        if given.peer_instance_url == self.base_url:
            raise Invalid("peerInstanceUrl: is this desk's own", {"peerInstanceUrl": ["is this desk's own"]})
        return person

    def _peer_knows_token(self, found: Connection) -> bool:
        # Anybody can ask in the peer's name, and then knows the token of that request. The peer's own desk knows it
        # only if it has taken the notice that accepted the request.
        if found.initiator is Initiator.US:
            return True
        notice = self.notices.find(acceptance_job(found))
        return notice is not None and notice.outcome is Outcome.DELIVERED
