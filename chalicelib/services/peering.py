"""Connections with people of other desks: asked for, accepted, ended; and who is let in by their tokens."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.domain.call import Call, Sent
from chalicelib.domain.callers import ApiKey
from chalicelib.domain.chat import Message, announced
from chalicelib.domain.directory import Person
from chalicelib.domain.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from chalicelib.domain.fields import is_uuid, parse_timestamp, timestamp
from chalicelib.domain.frames import News, Standing
from chalicelib.domain.idempotency import Claim, kept
from chalicelib.domain.peer_notices import Notice, NoticeJob, accepted
from chalicelib.domain.peering import (
    DIGEST_HEADER,
    TOKEN_HEADER,
    AcceptedIn,
    Action,
    ConnectedAnswer,
    ConnectIn,
    ConnectionAnswer,
    ConnectionOut,
    ConnectionPatch,
    ConnectionsQuery,
    FederationMode,
    FederationSettings,
    Initiator,
    IntroductionOut,
    Peering,
    PeeringStatus,
    PeerKey,
    UnknownKey,
    moved,
    shown,
)
from chalicelib.domain.signatures import is_body_digest

Reply = dict[str, Any]
Together = Callable[..., list[Any]]

_ATTEMPTS = 16
# Till then keys that were asked for are there.
_SOON = timedelta(minutes=2)
_NO_CONNECTION = "No such connection."
_ACTIVE, _PENDING = frozenset({PeeringStatus.ACTIVE}), frozenset({PeeringStatus.PENDING, PeeringStatus.ACTIVE})


class Settings(Protocol):
    def find_settings(self) -> FederationSettings: ...


class Tokens(Protocol):
    def find_by_token(self, token: str) -> list[Peering]: ...


class WantedKeys(Protocol):
    def want(self, peering: Peering, *, now: datetime) -> bool: ...


class Peers(Protocol):
    def add(
        self, peering: Peering, token: str, *, after: PeeringStatus | None, message: Message | None
    ) -> Peering | tuple[str, PeeringStatus]: ...
    def save(
        self, peering: Peering, *, over: Peering, notice: Notice | None, claim: Claim | None, reply: Reply
    ) -> bool: ...
    def find(self, connection_id: str) -> Peering | None: ...
    def list_own(self, user_id: str) -> list[Peering]: ...
    def is_current(self, peering: Peering) -> bool: ...


class People(Protocol):
    def find_person_by_email(self, email: str) -> Person | None: ...


class Notifier(Protocol):
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...


class Queue(Protocol):
    def announce(self, job: NoticeJob, *, delay: int = 0) -> None: ...


class RefuseSignature(Protocol):
    def __call__(self, sent: Sent, *, base_url: str, keys: Sequence[PeerKey]) -> str | None: ...


def admit_stranger(_: Sent, *, settings: Settings) -> FederationSettings:
    """What a desk that nobody here is connected with may do. Store calls: 1.

    Raises:
        Forbidden: nothing.
    """
    found = settings.find_settings()
    if not found.inbound:
        raise Forbidden("This desk takes nothing from other desks.")
    if found.mode is FederationMode.CLOSED:
        raise Forbidden("This desk takes no connection requests.")
    return found


def admit_peer(
    sent: Sent,
    *,
    settings: Settings,
    peers: Tokens,
    refuse_signature: RefuseSignature,
    together: Together,
    base_url: str,
    wanted: WantedKeys,
    statuses: frozenset[PeeringStatus] = _ACTIVE,
) -> Peering:
    """The connection whose token the request shows, and by which it is signed where that is on.

    `base_url` is where others reach this desk; empty when nobody has said, and then it is what the request names.

    A signature that names an unknown key has the peer's keys asked for, now and then; till then it may try again.
    Store calls in sequence: 1; 2 for the first such signature.

    Raises:
        Unauthorized: there is no token, or what must be signed is not.
        Unavailable: it is signed by a key that is being asked for.
        Forbidden: nothing is let in.
        NotFound: the token is of no connection that lets anything in.
    """
    token = sent.headers.get(TOKEN_HEADER.lower(), "").strip()
    if not token:
        raise Unauthorized(f"The header {TOKEN_HEADER} is missing.")
    rules, known = together(settings.find_settings, lambda: peers.find_by_token(token))
    if not rules.inbound:
        raise Forbidden("This desk takes nothing from other desks.")
    peering: Peering | None = next((each for each in known if each.status in statuses), None)
    if peering is None:
        raise NotFound("No active connection for this token.")
    if peering.hmac_enabled and not is_body_digest(sent.headers.get(DIGEST_HEADER.lower(), ""), sent.body, token):
        raise Unauthorized(f"The header {DIGEST_HEADER} does not sign this body.")
    if peering.peer_key is not None or (peering.keys and "signature-input" in sent.headers):
        own = base_url or f"https://{sent.headers.get('host', '')}"
        try:
            reason = refuse_signature(sent, base_url=own, keys=peering.keys)
        except UnknownKey:
            reason = _unknown_key(peering, wanted, now=sent.now)
        if reason is not None:
            raise Unauthorized(f"The request was refused by its HTTP message signature: {reason}.")
    return peering


def _unknown_key(peering: Peering, wanted: WantedKeys, *, now: datetime) -> str:
    asked = peering.keys_due_at is not None and parse_timestamp(peering.keys_due_at) <= now + _SOON
    if asked or wanted.want(peering, now=now):
        refusal = Unavailable("The request is signed by a key that is not known yet; it is being asked for.")
        refusal.retry_after = int(_SOON.total_seconds())
        raise refusal
    return "it names a key that its desk does not publish"


def admit_accepting_peer(sent: Sent, **ports: Any) -> Peering:
    """The connection, asked for from here, that its peer has word of: `admit_peer`, but it may be pending.

    Raises:
        Unauthorized, Forbidden: as there.
        NotFound: it is none of ours to be accepted by the peer.
    """
    peering = admit_peer(sent, **ports, statuses=_PENDING)
    # Else whoever asks could accept in the name of the person asked.
    if peering.initiator is not Initiator.US:
        raise NotFound("No connection that waits for this desk.")
    return peering


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
    peers: Peers,
    notifier: Notifier,
    introduce: Callable[[], PeerKey],
) -> ConnectedAnswer:
    """Connect somebody of another desk with somebody here, at once or when they accept.

    The other desk's keys are asked for at its own address soon after.

    Store calls after the first look at the settings: 5, and of a repeat 3; 1 more where only approved instances may
    ask, and 1 more for a Fluxden desk, which is told our key. The person is told in their chat.

    Raises:
        Forbidden: only approved instances may ask, and this is none.
        NotFound: there is nobody here of this address.
    """
    if settings.mode is FederationMode.ALLOWLIST and not is_approved_instance(given.from_instance_url):
        raise Forbidden("This desk takes connection requests of approved instances only.")
    person = people.find_person_by_email(given.to_user_email.strip().lower())
    if person is None or not person.active:
        raise NotFound("There is nobody of this address here.")
    status = PeeringStatus.PENDING if settings.approval else PeeringStatus.ACTIVE
    own = {"fluxden": IntroductionOut(**vars(introduce()))} if given.fluxden else {}
    after: PeeringStatus | None = None
    for _ in range(_ATTEMPTS):
        asked = _asked(given, person, status, connection_id=connection_id, hashed=hashed, now=now)
        told = _told(asked, message_id, now)
        found = peers.add(asked, given.federation_token, after=after, message=told)
        if isinstance(found, Peering):
            notifier.notify(person.user_id, told.news, standing=None, now=now)
            return ConnectedAnswer(
                success=True,
                connection_id=connection_id,
                status=status,
                local_user_name=person.name,
                local_user_email=person.email,
                **own,
            )
        if found[1] is not PeeringStatus.BLOCKED:
            break
        # Who was blocked may ask again, but never comes in unasked.
        status, after = PeeringStatus.PENDING, PeeringStatus.BLOCKED
    else:
        raise Unavailable("The connection is being changed by many calls at once.")
    return ConnectedAnswer(
        success=True,
        connection_id=found[0],
        status=found[1],
        message="There is a connection already; it keeps the token it was made with.",
        **own,
    )


def list_own(query: ConnectionsQuery, *, owner: ApiKey, peers: Peers) -> list[ConnectionOut]:
    """The owner's connections in the state asked for. Store calls after authentication: 2; 1 when there are none."""
    found: Sequence[Peering] = []
    if query.status in ("all", *PeeringStatus):
        found = peers.list_own(owner.user_id)
    return [shown(each) for each in found if query.status in ("all", each.status.value)]


def change(
    connection_id: str, patch: ConnectionPatch, *, owner: ApiKey | None, call: Call, peers: Peers, queue: Queue
) -> ConnectionAnswer:
    """Accept, decline or block a connection of the owner's, or change how it is signed; without an owner, anybody's.

    Whoever asked is told that they were accepted: the notice is stored with the change, and sent by a worker. Store
    and queue calls after authentication: 3, and 1 to announce the notice.

    Raises:
        NotFound: there is no such connection, or it is somebody else's.
        Conflict: it can't go there any more.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    for _ in range(_ATTEMPTS):
        met = peers.find(connection_id) if is_uuid(connection_id) else None
        if met is None or (owner is not None and met.user_id != owner.user_id):
            raise NotFound(_NO_CONNECTION)
        status = moved(met, patch.action) if patch.action else met.status
        signed = met.hmac_enabled if patch.hmac_enabled is None else patch.hmac_enabled
        to = met
        if (status, signed) != (met.status, met.hmac_enabled):
            to = met.changed(status=status, hmac_enabled=signed, now=call.now)
        answer = ConnectionAnswer(success=True, data=shown(to))
        was_asked = met.initiator is Initiator.PEER and met.status is PeeringStatus.PENDING
        notice = accepted(to, now=call.now) if was_asked and patch.action is Action.ACCEPT else None
        if peers.save(to, over=met, notice=notice, claim=call.claim, reply=kept(200, answer)):
            if notice:
                queue.announce(notice.job)
            return answer
        if not peers.is_current(met):
            raise Conflict("A later request has taken this connection's place.")
    raise Unavailable("The connection is being changed by many calls at once.")


def be_accepted(given: AcceptedIn, peering: Peering, *, now: datetime, peers: Peers) -> ConnectedAnswer:
    """A request of ours was accepted; a repeat changes nothing. Store calls after admission: 1.

    Raises:
        NotFound: it was called off meanwhile.
    """
    if peering.status is PeeringStatus.PENDING:
        told: dict[str, Any] = {
            "peer_connection_id": given.connection_id or peering.peer_connection_id,
            "peer_email": given.accepted_by_email or peering.peer_email,
            "peer_name": given.accepted_by_name or peering.peer_name,
        }
        if given.fluxden and peering.peer_key is None:
            told |= {"peer_key": given.fluxden.key, "hmac_enabled": True}
        active = peering.changed(status=PeeringStatus.ACTIVE, now=now, **told)
        if not peers.save(active, over=peering, notice=None, claim=None, reply={}):
            found = peers.find(peering.connection_id)
            if found is None or found.status is not PeeringStatus.ACTIVE:
                raise NotFound("No connection that waits for this desk.")
    return ConnectedAnswer(success=True, connection_id=peering.connection_id, status=PeeringStatus.ACTIVE)


def _asked(
    given: ConnectIn, person: Person, status: PeeringStatus, *, connection_id: str, hashed: str, now: datetime
) -> Peering:
    return Peering(
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


def _told(peering: Peering, message_id: str, now: datetime) -> Message:
    wants = "is connected with you now" if peering.status is PeeringStatus.ACTIVE else "asks to be connected with you"
    metadata = {
        "type": "federation_connection_request",
        "connectionId": peering.connection_id,
        "remoteConnectionId": peering.peer_connection_id,
        "status": peering.status.value,
    }
    content = f"{peering.peer_label} ({peering.peer_email}, {peering.peer_url}) {wants}."
    return announced(content, message_id=message_id, user_id=peering.user_id, metadata=metadata, now=now)
