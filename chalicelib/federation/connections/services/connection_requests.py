"""Connections that people here ask for: stored first, and sent by the worker of notices."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from chalicelib.core.domain.idempotency import Claim, StoredReply, kept
from chalicelib.core.domain.retries import Outcome
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
    acceptance,
    requested,
)
from chalicelib.federation.connections.domain.connection_requests import ConnectionRequestIn, asked
from chalicelib.federation.connections.domain.connections import (
    Action,
    Connection,
    ConnectionAnswer,
    ConnectionPatch,
    ConnectionState,
    ConnectionStatus,
    Initiator,
    shown,
)
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.services.admission import Settings
from chalicelib.federation.connections.services.connections import Changes, change
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People

_ATTEMPTS = 16
_COUNTS = (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE)


class Connections(Changes, Protocol):
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None: ...
    def token_of(self, connection: Connection) -> str: ...
    def add(
        self,
        connection: Connection,
        token: str,
        *,
        after: ConnectionStatus | None,
        message: Message | None,
        notices: Sequence[ConnectionNotice] = (),
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> Connection | ConnectionState: ...


class Notices(Protocol):
    def find(self, job: ConnectionNoticeJob) -> ConnectionNotice | None: ...


def ask(
    given: ConnectionRequestIn,
    *,
    connection_id: str,
    token: str,
    hashed: Callable[[str], str],
    base_url: str,
    owner: ApiKey,
    call: Call,
    settings: Settings,
    people: People,
    connections: Connections,
    notices: Notices,
    queue: JobAnnouncer[ConnectionNoticeJob],
    together: Callable[..., list[Any]],
) -> tuple[int, ConnectionAnswer]:
    """Ask somebody of another desk to be connected with the owner; the status of the reply, and the connection.

    The request is stored with the notice that carries it. Whoever has asked the owner already is accepted, and what
    there is already stays as it is. Asking anew after an end is done with the first token, if it is the other desk's
    beyond doubt: it may know the connection still. Store and queue calls after authentication, in sequence: 3; 2 more
    where there was a connection before, and 1 more where the peer had asked for it; 6 to accept.

    Raises:
        Invalid: the other desk is this one.
        Conflict: this desk can't be reached by others, so that no answer would come.
        Forbidden: the owner is no active employee any more.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    rules, person = together(settings.find_settings, lambda: people.find_person(owner.user_id))
    _check(given, rules, person, base_url)
    for _ in range(_ATTEMPTS):
        met = connections.find_pair(owner.user_id, given.peer_instance_url, given.asked_as)
        if met is not None and met.status is ConnectionStatus.PENDING and met.initiator is Initiator.PEER:
            patch = ConnectionPatch(action=Action.ACCEPT)
            accepted = change(met.connection_id, patch, owner=owner, call=call, connections=connections, queue=queue)
            return 200, accepted
        if met is not None and met.status in _COUNTS:
            answer = ConnectionAnswer(success=True, data=shown(met))
            if connections.save(met, over=met, claim=call.claim, reply=kept(200, answer)):
                return 200, answer
            continue
        shared = connections.token_of(met) if met is not None and _is_peers_token(met, notices) else token
        made = asked(given, person, connection_id=connection_id, hashed=hashed(shared), now=call.now)
        answer = ConnectionAnswer(success=True, data=shown(made))
        notice = requested(made, now=call.now)
        added = connections.add(
            made,
            shared,
            after=ConnectionStatus.BLOCKED,
            message=None,
            notices=[notice],
            claim=call.claim,
            reply=kept(201, answer),
        )
        if isinstance(added, Connection):
            queue.announce(notice.job)
            return 201, answer
    raise Unavailable("The connection is being changed by many calls at once.")


def _is_peers_token(met: Connection, notices: Notices) -> bool:
    # Anybody can ask in the name of the peer, and knows the token of that request. Only if the peer's own desk has
    # taken word of its acceptance is it known there, too.
    if met.initiator is Initiator.US:
        return True
    told = notices.find(acceptance(met))
    return told is not None and told.outcome is Outcome.DELIVERED


def _check(given: ConnectionRequestIn, rules: FederationSettings, person: Person | None, base_url: str) -> None:
    if person is None or not person.active:
        raise Forbidden("The key's owner is not an active employee.")
    if not base_url or not rules.inbound:
        raise Conflict(
            "Other desks can't answer this one: its operator has not said where it is reached, or lets none in."
        )
    if given.peer_instance_url == base_url:
        raise Invalid("peerInstanceUrl: is this desk's own", {"peerInstanceUrl": ["is this desk's own"]})
