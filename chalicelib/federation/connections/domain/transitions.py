"""The states of a connection: which event leads from which state to which, and what follows from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.errors import Conflict
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    acceptance_notice,
    contact_task,
    end_notice,
)
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.domain.owned_connections import Action, ConnectionPatch
from chalicelib.federation.connections.domain.remote_texts import new_peer_message, origin_marks
from chalicelib.live.domain.frames import FrameType, LiveEvent

PENDING, ACTIVE, BLOCKED, DECLINED, EXPIRED = ConnectionStatus
_US, _PEER, _EITHER = (Initiator.US,), (Initiator.PEER,), tuple(Initiator)


class Event(StrEnum):
    """Something that happens to a connection. The first three are the owner's actions."""

    ACCEPT = "accept"
    DECLINE = "decline"
    BLOCK = "block"
    # The peer has the request of this desk, and answers later; or it accepted it.
    PEER_RECEIVED = "peer-received"
    PEER_ACCEPTED = "peer-accepted"
    # The peer declined a request, withdrew one or ended the connection.
    PEER_ENDED = "peer-ended"
    # The desk in whose name the request came refused for good that it was accepted.
    ACCEPTANCE_REFUSED = "acceptance-refused"
    # Its desk denied the request, or has sent a new one that counts instead.
    REFUTED = "refuted"
    REPLACED = "replaced"
    # Every attempt to deliver the request failed; or nobody answered it in time.
    UNDELIVERED = "undelivered"
    UNANSWERED = "unanswered"
    # An operator of this desk removed it.
    REMOVED = "removed"


class Effect(StrEnum):
    """Something that follows from an event, beside the new state."""

    # Send the peer's desk a notice. Only Fluxden desks understand one about an end.
    NOTIFY_ACCEPTED = "notify-accepted"
    NOTIFY_ENDED = "notify-ended"
    # Make the peer a contact of the owner.
    ADD_CONTACT = "add-contact"
    # Tell the owner in their chat, once they have accepted or asked.
    TELL_OWNER = "tell-owner"
    # Tell the owner's open sockets. What nobody has accepted stays out of the chat.
    SIGNAL_OWNER = "signal-owner"


@dataclass(frozen=True)
class Transition:
    """The state that an event leads to, and its effects."""

    to: ConnectionStatus
    effects: frozenset[Effect]


@dataclass(frozen=True)
class Step:
    """One change of a connection: the version before and after, and the effects."""

    before: Connection
    after: Connection
    effects: frozenset[Effect] = frozenset()


@dataclass(frozen=True)
class FollowUp:
    """The notices and the message for the owner that are stored with a change, and the live event of a request."""

    notices: Sequence[ConnectionNotice]
    message: Message | None
    event: LiveEvent | None = None


@dataclass(frozen=True)
class _Rule:
    event: Event
    asked_by: Collection[Initiator]
    states: Collection[ConnectionStatus]
    to: ConnectionStatus
    effects: Collection[Effect] = ()


# An event is not possible in a state that no rule names.
_RULES = (
    _Rule(Event.ACCEPT, _PEER, (PENDING,), ACTIVE, (Effect.NOTIFY_ACCEPTED,)),
    _Rule(Event.ACCEPT, _PEER, (BLOCKED,), ACTIVE, (Effect.ADD_CONTACT,)),
    _Rule(Event.ACCEPT, _EITHER, (ACTIVE,), ACTIVE),
    _Rule(Event.DECLINE, _EITHER, (PENDING, ACTIVE), DECLINED, (Effect.NOTIFY_ENDED,)),
    _Rule(Event.DECLINE, _EITHER, (DECLINED,), DECLINED),
    # A peer that is blocked while it waits for an answer learns no more than one that is declined.
    _Rule(Event.BLOCK, _EITHER, (PENDING,), BLOCKED, (Effect.NOTIFY_ENDED,)),
    _Rule(Event.BLOCK, _EITHER, (ACTIVE, BLOCKED, DECLINED, EXPIRED), BLOCKED),
    _Rule(Event.PEER_RECEIVED, _US, (PENDING,), PENDING),
    _Rule(Event.PEER_ACCEPTED, _US, (PENDING,), ACTIVE, (Effect.ADD_CONTACT, Effect.TELL_OWNER)),
    _Rule(Event.PEER_ENDED, _US, (PENDING,), DECLINED, (Effect.TELL_OWNER,)),
    _Rule(Event.PEER_ENDED, _PEER, (PENDING,), DECLINED, (Effect.SIGNAL_OWNER,)),
    _Rule(Event.PEER_ENDED, _EITHER, (ACTIVE,), DECLINED, (Effect.TELL_OWNER,)),
    # Its desk was asked, and says that it is not its own; or it lost its data and asks anew.
    _Rule(Event.REFUTED, _PEER, (PENDING,), DECLINED, (Effect.SIGNAL_OWNER,)),
    _Rule(Event.REFUTED, _PEER, (ACTIVE,), DECLINED, (Effect.TELL_OWNER,)),
    _Rule(Event.REPLACED, _EITHER, (PENDING, ACTIVE), DECLINED),
    _Rule(Event.ACCEPTANCE_REFUSED, _PEER, (ACTIVE,), DECLINED, (Effect.NOTIFY_ENDED, Effect.TELL_OWNER)),
    _Rule(Event.UNDELIVERED, _US, (PENDING,), EXPIRED, (Effect.TELL_OWNER,)),
    _Rule(Event.UNANSWERED, _US, (PENDING,), EXPIRED, (Effect.NOTIFY_ENDED, Effect.TELL_OWNER)),
    _Rule(Event.UNANSWERED, _PEER, (PENDING,), DECLINED, (Effect.NOTIFY_ENDED,)),
    # The notice that deletes the connection tells the peer.
    _Rule(Event.REMOVED, _US, (PENDING,), DECLINED, (Effect.TELL_OWNER,)),
    _Rule(Event.REMOVED, _PEER, (PENDING,), DECLINED, (Effect.SIGNAL_OWNER,)),
    _Rule(Event.REMOVED, _EITHER, (ACTIVE,), DECLINED, (Effect.TELL_OWNER,)),
    _Rule(Event.REMOVED, _EITHER, (BLOCKED, DECLINED, EXPIRED), DECLINED),
)
TRANSITIONS: Mapping[tuple[Initiator, ConnectionStatus, Event], Transition] = {
    (initiator, status, rule.event): Transition(rule.to, frozenset(rule.effects))
    for rule in _RULES
    for initiator in rule.asked_by
    for status in rule.states
}
# The effects of a request of the peer's that crossed one of this desk, once the peer has confirmed it.
CROSSING_EFFECTS = frozenset((Effect.ADD_CONTACT, Effect.TELL_OWNER))
# The effects of a new connection that the peer asked for, by its first state.
_OPENING = {
    PENDING: frozenset((Effect.SIGNAL_OWNER,)),
    ACTIVE: frozenset((Effect.ADD_CONTACT, Effect.TELL_OWNER)),
}

_REMOVED = "an administrator removed the connection"

_NEWS = {
    PENDING: "asks to be connected with you",
    ACTIVE: "is connected with you now",
    DECLINED: "is not connected with you",
    BLOCKED: "is not connected with you",
    EXPIRED: "has not answered your request",
}


def next_step(connection: Connection, event: Event, *, now: datetime, **changes: Any) -> Step | None:
    """Return the step that an event leads to, with `changes` of other fields; None if it is not possible now.

    A held request has no steps: it is released or dropped (see services.confirmations).
    """
    if connection.held:
        return None
    transition = TRANSITIONS.get((connection.initiator, connection.status, event))
    if transition is None:
        return None
    after = connection
    if changes or transition.to is not connection.status:
        after = connection.changed(status=transition.to, now=now, **changes)
    return Step(connection, after, transition.effects)


def removal_step(connection: Connection, *, now: datetime) -> Step:
    """Return the step with which an operator removes a connection, in whatever state it is."""
    step = next_step(connection, Event.REMOVED, now=now, removed=True, reason=_REMOVED)
    # A held request is nobody's yet.
    return step or Step(connection, connection.changed(now=now, removed=True))


def owner_step(connection: Connection, patch: ConnectionPatch, *, now: datetime) -> Step:
    """Return the step that the owner asks for; its version stays the same if nothing changes.

    Raises:
        Conflict: the connection can't go there from its state, or it is the peer's to accept.
    """
    changes: dict[str, Any] = {}
    if patch.hmac_enabled is not None and patch.hmac_enabled != connection.hmac_enabled:
        changes["hmac_enabled"] = patch.hmac_enabled
    if patch.action is None:
        return Step(connection, connection.changed(now=now, **changes) if changes else connection)
    step = next_step(connection, Event(patch.action), now=now, **changes)
    if step is None:
        raise _refusal(connection, patch.action)
    return step


def follow_up(connection: Connection, effects: Collection[Effect], *, message_id: str, now: datetime) -> FollowUp:
    """Return what is stored with a change that led to `connection`."""
    notices = []
    if Effect.NOTIFY_ACCEPTED in effects:
        notices.append(acceptance_notice(connection, now=now))
    if Effect.NOTIFY_ENDED in effects and connection.keys:
        notices.append(end_notice(connection, now=now))
    if Effect.ADD_CONTACT in effects:
        notices.append(contact_task(connection, now=now))
    message = _status_message(connection, message_id, now) if Effect.TELL_OWNER in effects else None
    event = LiveEvent(FrameType.CONNECTION_REQUEST, request_members(connection))
    return FollowUp(notices, message, event if Effect.SIGNAL_OWNER in effects else None)


def opening(connection: Connection, *, message_id: str, now: datetime, released: bool = False) -> FollowUp:
    """Return what is stored with a new connection that the peer asked for.

    A request that was held and is `released` had no answer yet, so its desk is told that it is active.
    """
    effects = set(_OPENING[connection.status])
    if released and connection.status is ACTIVE:
        effects.add(Effect.NOTIFY_ACCEPTED)
    return follow_up(connection, effects, message_id=message_id, now=now)


def request_members(connection: Connection) -> dict[str, Any]:
    """Return the members of the frame that tells of a connection request."""
    return {
        "connectionId": connection.connection_id,
        "status": connection.status.value,
        "peerUserName": connection.peer_name,
        "peerUserEmail": connection.peer_email,
        **origin_marks(connection),
    }


def _refusal(connection: Connection, action: Action) -> Conflict:
    to = next(rule.to for rule in _RULES if rule.event is Event(action))
    if any(event is Event(action) and status is connection.status for _, status, event in TRANSITIONS):
        return Conflict("You asked for this connection, so the peer has to accept it. If it ended, ask again.")
    return Conflict(f"The connection is {connection.status}, and can't become {to}.")


def _status_message(connection: Connection, message_id: str, now: datetime) -> Message:
    kind = "federation_connection_request"
    if connection.initiator is Initiator.US or connection.status not in (PENDING, ACTIVE):
        kind = "federation_connection_answer"
    metadata = {
        "type": kind,
        "connectionId": connection.connection_id,
        "remoteConnectionId": connection.peer_connection_id,
        "status": connection.status.value,
    }
    content = f"{connection.peer_label} ({connection.peer_email}, {connection.peer_url}) {_NEWS[connection.status]}."
    if connection.reason:
        content += f" Reason: {connection.reason}."
    return new_peer_message(
        content, connection, message_id=message_id, user_id=connection.user_id, metadata=metadata, now=now
    )
