"""Relays that peers send: their recipient, their filters and their effects."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.board.domain.board import Tail
from chalicelib.board.services.placing import place_last
from chalicelib.board.services.ports import Cards
from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.measures import RELAYS
from chalicelib.core.ports import Gather
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.remote_texts import new_peer_message
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.relays.domain.ambient import refuse_ambient
from chalicelib.federation.relays.domain.relay_effects import (
    Work,
    new_card,
    new_item,
    relay_text,
    resolve_scope,
    stored_payload,
    to_scope_response,
)
from chalicelib.federation.relays.domain.relay_messages import RelayAnswer, RelayIn
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayReference,
    RelayStatus,
    Scope,
    json_text,
    replay_name,
)
from chalicelib.live.domain.frames import LogState
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Memberships
from chalicelib.people.domain.profile import to_response as completed_profile
from chalicelib.people.services.ports import People, Profiles, Teams
from chalicelib.tasks.domain.settings import QueueState
from chalicelib.tasks.services.dispatch import plan_dispatch
from chalicelib.tasks.services.ports import QueueItems


class Relays(Protocol):
    def find_references(self, connection_id: str, peer_relay_ids: Iterable[str]) -> dict[str, RelayReference]: ...
    def receive(
        self, relay: Relay, *, name: str | None, reply: dict[str, Any], message: Message, work: Work | None
    ) -> RelayReference | bool: ...


@dataclass(frozen=True)
class Ids:
    """Fresh ids for a relay and what it may create."""

    relay_id: str
    message_id: str
    card_id: str
    item_id: str


@dataclass(frozen=True)
class _Context:
    """The rows read for a relay and its recipient; None if one was not needed."""

    references: Mapping[str, RelayReference]
    profile: tuple[dict[str, Any], int] | None
    memberships: Memberships | None
    tail: Tail | None
    desk: QueueState | None
    log_state: LogState | None


@dataclass(frozen=True)
class RelayReceiver:
    """Receives relays: each once, by the peer's id, in one transaction with its effects.

    Admission has let the request in (see connections.services.admission). Here only the recipient's own filters can
    refuse it (see relays.domain.ambient).

    Store calls after admission, in sequence: 3, and 1 or 3 for a repeat. Beside these: 1 if the relay names a team or
    a project, 2 if it is for somebody other than the connected person, 2 if the chief of staff may dispatch another
    item that is ready, and 2 each time the recipient's board or queue changes at the same moment.
    """

    connection: Connection
    proof: str | None
    ids: Ids
    now: datetime
    relays: Relays
    connections: Connections
    people: People
    teams: Teams
    profiles: Profiles
    board: Cards
    queue: QueueItems
    notifier: Notifier
    gather: Gather

    def receive(self, given: RelayIn) -> RelayAnswer:
        """Store the relay with its effects, unless it is a repeat or its recipient's filters refuse it.

        Raises:
            NotFound: the recipient is no longer active.
            TooLarge: the payload is too large to store.
        """
        answer, outcome = self._receive(given)
        RELAYS.add(outcome=outcome)
        return answer

    def _receive(self, given: RelayIn) -> tuple[RelayAnswer, str]:
        user_id, fallback = self._recipient(given)
        attempts = Attempts("The board is changed by too many requests at once. Try again.")
        while attempts.again():
            context = self._read_context(given, user_id)
            name = self._name(given)
            if name and (before := context.references.get(name)) is not None:
                return _repeated(before), "repeated"
            scope, dropped = resolve_scope(given, context.memberships or Memberships())
            if context.profile is not None:
                profile = completed_profile(context.profile[0])
                if (refused := refuse_ambient(profile, topic=given.topic, scope=scope, now=self.now)) is not None:
                    reason, detail = refused
                    more = _remarks(given, fallback=fallback)
                    filtered = RelayAnswer(
                        success=True, ambient=True, filtered=True, reason=reason, reason_detail=detail, **more
                    )
                    return filtered, "filtered"
            relay = self._new_relay(given, user_id, scope, context)
            work, message = self._new_work(given, relay, context), self._new_message(given, relay)
            answer = _answer(given, relay, dropped, fallback=fallback)
            reply = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
            stored = self.relays.receive(relay, name=name, reply=reply, message=message, work=work)
            if isinstance(stored, RelayReference):
                return _repeated(stored), "repeated"
            if stored:
                self._notify(given, relay, message, work, context.log_state)
                return answer, "received"

    def _name(self, given: RelayIn) -> str | None:
        """Return what tells repeats of the relay: its id, or else its signature; None if it has neither."""
        return given.relay_id or (replay_name(self.proof) if self.proof else None)

    def _recipient(self, given: RelayIn) -> tuple[str, bool]:
        """Return the recipient, and whether it is the connected person in place of the addressee."""
        address = (given.to_user_email or "").strip().lower()
        if address in ("", self.connection.user_email):
            return self.connection.user_id, False
        user_id = self.people.find_user_ids([address]).get(address)
        if user_id == self.connection.user_id:
            return user_id, False
        # Who only claims to be that desk must not reach the people who are connected with it.
        if user_id is not None and self.connection.is_confirmed:
            person, connected = self.gather(
                lambda: self.people.find_person(user_id),
                lambda: self.connections.is_connected(user_id, self.connection.peer_url),
            )
            if person is not None and person.active and connected:
                return user_id, False
        return self.connection.user_id, True

    def _read_context(self, given: RelayIn, user_id: str) -> _Context:
        named = {self._name(given) or "", given.parent_relay_id or ""} - {""}
        reads: dict[str, Callable[[], Any]] = {}
        if named:
            reads["references"] = lambda: self.relays.find_references(self.connection.connection_id, sorted(named))
        if given.is_ambient:
            reads["profile"] = lambda: self.profiles.find_profile(user_id)
        else:
            reads["log_state"] = lambda: self.notifier.find_log_state(user_id, now=self.now)
        if given.team_id or given.project_id:
            reads["memberships"] = lambda: self.teams.find_memberships(user_id)
        if given.is_task:
            reads["tail"] = lambda: self.board.find_tail(user_id)
            reads["desk"] = lambda: self.queue.find_state(user_id)
        found = dict(zip(reads, self.gather(*reads.values()), strict=True))
        return _Context(
            references=found.get("references", {}),
            profile=found.get("profile"),
            memberships=found.get("memberships"),
            tail=found.get("tail"),
            desk=found.get("desk"),
            log_state=found.get("log_state"),
        )

    def _new_relay(self, given: RelayIn, user_id: str, scope: Scope, context: _Context) -> Relay:
        parent = context.references.get(given.parent_relay_id or "")
        at, payload = timestamp(self.now), stored_payload(given, self.connection, given.attached())
        return Relay(
            relay_id=self.ids.relay_id,
            connection_id=self.connection.connection_id,
            user_id=user_id,
            direction=Direction.INBOUND,
            type=given.type,
            intent=given.intent,
            subject=given.title or "Federated relay",
            payload=json_text(payload),
            priority=given.weight,
            status=RelayStatus.DELIVERED,
            thread_id=parent.thread_id if parent else given.thread_id or self.ids.relay_id,
            peer_url=self.connection.peer_url,
            peer_email=self.connection.peer_email,
            peer_relay_id=given.relay_id or None,
            created_at=at,
            updated_at=at,
            parent_relay_id=parent.relay_id if parent else None,
            due_date=timestamp(given.due_date) if given.due_date else None,
            scope=scope,
            ambient=given.is_ambient,
            card_id=self.ids.card_id if given.is_task else None,
            queue_item_id=self.ids.item_id if given.is_task else None,
            verified=self.connection.is_confirmed,
        )

    def _new_work(self, given: RelayIn, relay: Relay, context: _Context) -> Work | None:
        if context.tail is None or context.desk is None:
            return None
        card = new_card(given, relay, self.connection, card_id=self.ids.card_id)
        placement = place_last(context.tail, card_id=card.card_id, user_id=relay.user_id, board=self.board)
        approved = context.desk.queue_auto_approve
        item = new_item(card, relay, self.connection, item_id=self.ids.item_id, approved=approved)
        dispatch = plan_dispatch(item, before=None, state=context.desk, now=self.now, queue=self.queue)
        return Work(card.placed(placement), placement, context.tail, dispatch)

    def _new_message(self, given: RelayIn, relay: Relay) -> Message:
        about = {
            "type": "federated_relay",
            "relayId": relay.relay_id,
            "connectionId": relay.connection_id,
            "ambient": relay.ambient,
            "taskIntent": relay.card_id is not None,
            "cardId": relay.card_id,
            "threadId": relay.thread_id,
            "parentRelayId": relay.parent_relay_id,
            "teamId": relay.scope.team_id,
            "projectId": relay.scope.project_id,
        }
        text, message_id = relay_text(given, self.connection, given.attached()), self.ids.message_id
        return new_peer_message(
            text, self.connection, message_id=message_id, user_id=relay.user_id, metadata=about, now=self.now
        )

    def _notify(
        self, given: RelayIn, relay: Relay, message: Message, work: Work | None, log_state: LogState | None
    ) -> None:
        # An ambient relay notifies nobody.
        if given.is_ambient:
            return
        events = [message.live_event]
        if work is not None:
            events += work.dispatch.added_events
        self.notifier.notify(relay.user_id, *events, log_state=log_state, now=self.now)


def _answer(given: RelayIn, relay: Relay, dropped: Scope, *, fallback: bool) -> RelayAnswer:
    message, more = "Relay accepted.", _remarks(given, fallback=fallback)
    if vars(dropped) != vars(Scope()):
        message = "Relay accepted. Part of its scope was dropped, because the recipient is not in it."
    if relay.ambient:
        message, more["ambient"] = "Ambient relay received.", True
    if relay.card_id is not None:
        message, more["task"], more["card_id"] = (
            "Relay accepted. The task is on the board and in the queue.",
            True,
            relay.card_id,
        )
    if fallback:
        message = "Relay accepted. The addressee is not connected, so it went to the person who is."
    return RelayAnswer(
        success=True,
        relay_id=relay.relay_id,
        message=message,
        thread_id=relay.thread_id,
        parent_relay_id=relay.parent_relay_id,
        attachment_count=len(given.attached()),
        scope_resolved=to_scope_response(relay.scope),
        scope_dropped=to_scope_response(dropped),
        **more,
    )


def _remarks(given: RelayIn, *, fallback: bool) -> dict[str, Any]:
    return {**({"fallback": True} if fallback else {}), **({"warnings": given.warnings} if given.warnings else {})}


def _repeated(reference: RelayReference) -> RelayAnswer:
    stored = {"success": True, "relayId": reference.relay_id, "threadId": reference.thread_id}
    repeat = {"duplicate": True, "message": "This relay was received before."}
    return RelayAnswer.model_validate(stored | dict(reference.reply or {}) | repeat)
