"""The table of a connection's states: which event leads where, and what follows."""

from datetime import UTC, datetime

import pytest

from chalicelib.core.domain.errors import Conflict
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, PeerKey
from chalicelib.federation.connections.domain.owned_connections import Action, ConnectionPatch
from chalicelib.federation.connections.domain.transitions import (
    TRANSITIONS,
    Effect,
    Event,
    follow_up,
    next_step,
    owner_step,
)

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
PENDING, ACTIVE, BLOCKED, DECLINED, EXPIRED = ConnectionStatus


def connection(
    status: ConnectionStatus, initiator: Initiator = Initiator.PEER, key: PeerKey | None = None
) -> Connection:
    return Connection(
        connection_id="c1",
        user_id="u1",
        user_email="alice@here.example",
        user_name="Alice",
        peer_url="https://there.example",
        peer_email="bob@there.example",
        asked_as="bob@there.example",
        peer_name="Bob",
        peer_instance_name=None,
        peer_connection_id=None,
        token_hash="hash",
        status=status,
        initiator=initiator,
        hmac_enabled=False,
        peer_key=key,
        created_at="2026-05-04T00:00:00.000Z",
        updated_at="2026-05-04T00:00:00.000Z",
    )


def kinds(status: ConnectionStatus, *effects: Effect, key: PeerKey | None = None) -> tuple[list[str], bool]:
    stored = follow_up(connection(status, key=key), effects, message_id="m1", now=NOW)
    return [notice.kind.value for notice in stored.notices], stored.message is not None


def test_an_event_that_no_rule_names_is_not_possible() -> None:
    for initiator in Initiator:
        for status in ConnectionStatus:
            for event in Event:
                step = next_step(connection(status, initiator), event, now=NOW)
                assert (step is not None) == ((initiator, status, event) in TRANSITIONS), (initiator, status, event)


def test_only_the_side_that_was_asked_opens_a_connection() -> None:
    opening = {
        (initiator, status, event) for (initiator, status, event), each in TRANSITIONS.items() if each.to is ACTIVE
    }
    assert opening - {(initiator, ACTIVE, Event.ACCEPT) for initiator in Initiator} == {
        (Initiator.PEER, PENDING, Event.ACCEPT),
        (Initiator.PEER, BLOCKED, Event.ACCEPT),
        (Initiator.US, PENDING, Event.PEER_ACCEPTED),
    }


def test_nothing_but_the_owner_and_an_operator_change_a_connection_that_has_ended() -> None:
    ended = {event for (_, status, event) in TRANSITIONS if status in (BLOCKED, DECLINED, EXPIRED)}
    assert ended == {Event.ACCEPT, Event.DECLINE, Event.BLOCK, Event.REMOVED}


def test_a_step_is_the_next_version_and_a_repeat_is_none() -> None:
    step = next_step(connection(PENDING), Event.ACCEPT, now=NOW)
    assert step is not None
    assert (step.before.version, step.after.version, step.after.status) == (1, 2, ACTIVE)
    repeat = owner_step(step.after, ConnectionPatch(action=Action.ACCEPT), now=NOW)
    assert (repeat.after, repeat.effects) == (step.after, frozenset())


@pytest.mark.parametrize(
    ("status", "initiator", "action", "said"),
    [
        (DECLINED, Initiator.PEER, Action.ACCEPT, "The connection is declined, and can't become active."),
        (BLOCKED, Initiator.PEER, Action.DECLINE, "The connection is blocked, and can't become declined."),
        (PENDING, Initiator.US, Action.ACCEPT, "the peer has to accept it"),
    ],
)
def test_an_owner_is_told_why_an_action_is_refused(
    status: ConnectionStatus, initiator: Initiator, action: Action, said: str
) -> None:
    with pytest.raises(Conflict) as refused:
        owner_step(connection(status, initiator), ConnectionPatch(action=action), now=NOW)
    assert said in refused.value.detail


def test_an_owner_can_change_the_signing_alone() -> None:
    step = owner_step(connection(ACTIVE), ConnectionPatch(hmacEnabled=True), now=NOW)
    assert (step.after.hmac_enabled, step.after.version, step.effects) == (True, 2, frozenset())


def test_only_a_desk_that_signs_is_notified_of_an_end() -> None:
    assert kinds(DECLINED, Effect.NOTIFY_ENDED) == ([], False)
    assert kinds(DECLINED, Effect.NOTIFY_ENDED, key=PeerKey("k", "p")) == (["ended"], False)
    assert kinds(ACTIVE, Effect.ADD_CONTACT, Effect.TELL_OWNER) == (["contact"], True)
    assert kinds(ACTIVE, Effect.NOTIFY_ACCEPTED) == (["accepted"], False)
