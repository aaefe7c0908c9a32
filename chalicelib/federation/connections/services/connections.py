"""Connections with people of other desks: asked for, accepted, ended."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.chat.domain.chat import Message, announced
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply, kept
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
    ConnectionNoticeKind,
    accepted,
    befriended,
    follow_ups,
)
from chalicelib.federation.connections.domain.connection_requests import crossing_id
from chalicelib.federation.connections.domain.connections import (
    AcceptedIn,
    ConnectedAnswer,
    ConnectIn,
    Connection,
    ConnectionAnswer,
    ConnectionOut,
    ConnectionPatch,
    ConnectionsQuery,
    ConnectionState,
    ConnectionStatus,
    Initiator,
    IntroductionOut,
    PeerKey,
    moved,
    shown,
)
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People

_ATTEMPTS = 16
_NO_CONNECTION = "No such connection."
_NEWS = {
    ConnectionStatus.PENDING: "asks to be connected with you",
    ConnectionStatus.ACTIVE: "is connected with you now",
    ConnectionStatus.DECLINED: "is not connected with you",
    ConnectionStatus.BLOCKED: "is not connected with you",
    ConnectionStatus.EXPIRED: "has not answered your request",
}
_PENDING = (ConnectionStatus.ACTIVE, ConnectionStatus.PENDING)


class Changes(Protocol):
    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> bool: ...
    def find(self, connection_id: str) -> Connection | None: ...
    def is_current(self, connection: Connection) -> bool: ...


class Connections(Changes, Protocol):
    def add(
        self,
        connection: Connection,
        token: str,
        *,
        after: ConnectionStatus | None,
        message: Message | None,
        notices: Sequence[ConnectionNotice] = (),
    ) -> Connection | ConnectionState: ...
    def add_crossing(self, connection: Connection, token: str, *, notice: ConnectionNotice) -> None: ...
    def list_own(self, user_id: str) -> list[Connection]: ...


def connect(
    given: ConnectIn,
    settings: FederationSettings,
    *,
    connection_id: str,
    message_id: str,
    hashed: str,
    now: datetime,
    is_approved_instance: Callable[[str], bool],
    people: People,
    connections: Connections,
    notifier: Notifier,
    queue: JobAnnouncer[ConnectionNoticeJob],
    introduce: Callable[[], PeerKey],
    base_url: str,
) -> ConnectedAnswer:
    """Connect somebody of another desk with somebody here, at once or when they accept.

    The other desk's keys are asked for at its own address soon after.

    Store calls after the first look at the settings: 5, and of a repeat 3; 1 more where only approved instances may
    ask, 1 more for a Fluxden desk, which is told our key, and 1 more where they are connected at once. The person is
    told in their chat. When somebody here has asked for the same, one of both requests is as good as accepted: 2
    more calls.

    Raises:
        Forbidden: only approved instances may ask, and this is none.
        NotFound: there is nobody here of this address.
        RateLimited: too many have asked this person within this hour.
    """
    if settings.mode is FederationMode.ALLOWLIST and not is_approved_instance(given.from_instance_url):
        raise Forbidden("This desk takes connection requests of approved instances only.")
    person = people.find_person_by_email(given.to_user_email.strip().lower())
    if person is None or not person.active:
        raise NotFound("There is nobody of this address here.")
    status = ConnectionStatus.PENDING if settings.approval else ConnectionStatus.ACTIVE
    own = {"fluxden": IntroductionOut(**vars(introduce()))} if given.fluxden else {}
    after: ConnectionStatus | None = None
    for _ in range(_ATTEMPTS):
        asked = _asked(given, person, status, connection_id=connection_id, hashed=hashed, now=now)
        told = told_of(asked, message_id, now)
        tasks = [befriended(asked, now=now)] if status is ConnectionStatus.ACTIVE else []
        found = connections.add(asked, given.federation_token, after=after, message=told, notices=tasks)
        if isinstance(found, Connection):
            for each in tasks:
                queue.announce(each.job)
            notifier.notify(person.user_id, told.news, standing=None, now=now)
            return ConnectedAnswer(
                success=True,
                connection_id=connection_id,
                status=status,
                local_user_name=person.name,
                local_user_email=person.email,
                **own,
            )
        if found.status is not ConnectionStatus.BLOCKED:
            break
        # Who was blocked may ask again, but never comes in unasked.
        status, after = ConnectionStatus.PENDING, ConnectionStatus.BLOCKED
    else:
        raise Unavailable("The connection is being changed by many calls at once.")
    message = "There is a connection already; it keeps the token it was made with."
    if found.awaits_peer:
        found = _crossed(found, asked, given, base_url=base_url, now=now, connections=connections, queue=queue)
        message = "Somebody here has asked for the same; of both requests one counts."
    return ConnectedAnswer(success=True, connection_id=found.connection_id, status=found.status, message=message, **own)


def list_own(query: ConnectionsQuery, *, owner: ApiKey, connections: Connections) -> list[ConnectionOut]:
    """The owner's connections in the state asked for. Store calls after authentication: 2; 1 when there are none."""
    found: Sequence[Connection] = []
    if query.status in ("all", *ConnectionStatus):
        found = connections.list_own(owner.user_id)
    return [shown(each) for each in found if query.status in ("all", each.status.value)]


def change(
    connection_id: str,
    patch: ConnectionPatch,
    *,
    owner: ApiKey | None,
    call: Call,
    connections: Changes,
    queue: JobAnnouncer[ConnectionNoticeJob],
) -> ConnectionAnswer:
    """Accept, decline or block a connection of the owner's, or change how it is signed; without an owner, anybody's.

    The other desk is told that it was accepted, and one of our kind also of an end: the notice is stored with the
    change, and sent by a worker. Store and queue calls after authentication: 3, and 1 to announce the notice.

    Raises:
        NotFound: there is no such connection, or it is somebody else's.
        Conflict: it can't go there any more.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    for _ in range(_ATTEMPTS):
        met = connections.find(connection_id) if is_uuid(connection_id) else None
        if met is None or (owner is not None and met.user_id != owner.user_id):
            raise NotFound(_NO_CONNECTION)
        status = moved(met, patch.action) if patch.action else met.status
        signed = met.hmac_enabled if patch.hmac_enabled is None else patch.hmac_enabled
        to = met
        if (status, signed) != (met.status, met.hmac_enabled):
            to = met.changed(status=status, hmac_enabled=signed, now=call.now)
        answer = ConnectionAnswer(success=True, data=shown(to))
        notices = follow_ups(to, met, now=call.now)
        if connections.save(to, over=met, notices=notices, claim=call.claim, reply=kept(200, answer)):
            for each in notices:
                queue.announce(each.job)
            return answer
        if not connections.is_current(met):
            raise Conflict("A later request has taken this connection's place.")
    raise Unavailable("The connection is being changed by many calls at once.")


def be_accepted(
    given: AcceptedIn,
    connection: Connection,
    *,
    message_id: str,
    now: datetime,
    connections: Connections,
    notifier: Notifier,
    queue: JobAnnouncer[ConnectionNoticeJob],
) -> ConnectedAnswer:
    """A request of ours was accepted; a repeat changes nothing. Store and queue calls after admission: 4, or none.

    Raises:
        NotFound: it was called off meanwhile, or not this desk was asked.
    """
    # A third desk may have been shown our token by the one that was asked, which pretends to be us there.
    if not given.is_from(connection):
        raise NotFound("No connection that waits for this desk.")
    if connection.status is ConnectionStatus.PENDING:
        told: dict[str, Any] = {
            "peer_connection_id": given.connection_id or connection.peer_connection_id,
            "peer_email": given.accepted_by_email or connection.peer_email,
            "peer_name": given.accepted_by_name or connection.peer_name,
        }
        if given.fluxden and connection.peer_key is None:
            told |= {"peer_key": given.fluxden.key, "hmac_enabled": True}
        active = connection.changed(status=ConnectionStatus.ACTIVE, now=now, **told)
        task, message = befriended(active, now=now), told_of(active, message_id, now)
        if connections.save(active, over=connection, notices=[task], message=message):
            queue.announce(task.job)
            notifier.notify(connection.user_id, message.news, standing=None, now=now)
        else:
            found = connections.find(connection.connection_id)
            if found is None or found.status is not ConnectionStatus.ACTIVE:
                raise NotFound("No connection that waits for this desk.")
    return ConnectedAnswer(success=True, connection_id=connection.connection_id, status=ConnectionStatus.ACTIVE)


def be_ended(
    connection: Connection, *, message_id: str, now: datetime, connections: Connections, notifier: Notifier
) -> ConnectedAnswer:
    """The other desk has declined a request, taken one back, or ended a connection; a repeat changes nothing.

    Store calls after admission: 3, or none.

    Raises:
        Unavailable: the connection is being changed by many calls at once.
    """
    found: Connection | None = connection
    for _ in range(_ATTEMPTS):
        if found is None or found.status not in _PENDING:
            break
        over = found.changed(status=ConnectionStatus.DECLINED, reason="the other desk has declined it", now=now)
        message = told_of(over, message_id, now)
        if connections.save(over, over=found, message=message):
            notifier.notify(over.user_id, message.news, standing=None, now=now)
            break
        found = connections.find(connection.connection_id)
    else:
        raise Unavailable("The connection is being changed by many calls at once.")
    return ConnectedAnswer(success=True, connection_id=connection.connection_id, status=ConnectionStatus.DECLINED)


def _crossed(
    own: ConnectionState,
    asked: Connection,
    given: ConnectIn,
    *,
    base_url: str,
    now: datetime,
    connections: Connections,
    queue: JobAnnouncer[ConnectionNoticeJob],
) -> ConnectionState:
    """Which of two requests that crossed counts, and so has to be accepted.

    Both desks must say the same without asking each other: that of the desk whose URL sorts first. Other makes know
    nothing of this, so theirs counts. Anybody can pretend to be the other desk, so it is asked whether it knows the
    token that the request brought, and until then ours stays what counts.
    """
    ours, theirs = (base_url, asked.user_email), (asked.peer_url, asked.asked_as)
    if given.fluxden and ours < theirs:
        return own
    pending = replace(
        asked,
        connection_id=crossing_id(own.connection_id, asked.token_hash),
        status=ConnectionStatus.PENDING,
    )
    notice = accepted(pending, now=now, kind=ConnectionNoticeKind.CROSSED)
    connections.add_crossing(pending, given.federation_token, notice=notice)
    queue.announce(notice.job)
    return ConnectionState(pending.connection_id, pending.status, pending.initiator)


def _asked(
    given: ConnectIn, person: Person, status: ConnectionStatus, *, connection_id: str, hashed: str, now: datetime
) -> Connection:
    return Connection(
        connection_id=connection_id,
        user_id=person.user_id,
        user_email=person.email,
        user_name=person.name,
        peer_url=given.from_instance_url,
        peer_email=given.from_user_email.strip(),
        asked_as=given.from_user_email.strip().lower(),
        peer_name=given.from_user_name or None,
        peer_instance_name=given.from_instance_name or None,
        peer_connection_id=given.connection_id or None,
        token_hash=hashed,
        status=status,
        initiator=Initiator.PEER,
        # Desks of our own kind sign from the start; others are known to have to be told by hand.
        hmac_enabled=given.fluxden is not None,
        peer_key=given.fluxden.key if given.fluxden else None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        nickname=given.from_user_name or None,
        keys_due_at=timestamp(now),
    )


def told_of(connection: Connection, message_id: str, now: datetime) -> Message:
    """What the connection's user reads of a change that was not theirs."""
    news, kind = _NEWS[connection.status], "federation_connection_request"
    if connection.initiator is Initiator.US or connection.status not in _PENDING:
        kind = "federation_connection_answer"
    metadata = {
        "type": kind,
        "connectionId": connection.connection_id,
        "remoteConnectionId": connection.peer_connection_id,
        "status": connection.status.value,
    }
    content = f"{connection.peer_label} ({connection.peer_email}, {connection.peer_url}) {news}."
    if connection.reason:
        content += f" Reason: {connection.reason}."
    return announced(content, message_id=message_id, user_id=connection.user_id, metadata=metadata, now=now)
