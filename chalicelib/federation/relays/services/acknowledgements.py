"""Acknowledgements that peers send for relays of this desk."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.board.domain.board import MOST_ITEMS, Card
from chalicelib.board.domain.board_messages import ChecklistItemIn, check_size, new_item, place_item
from chalicelib.board.services.ports import Cards
from chalicelib.chat.domain.chat import Message
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.core.domain.fields import timestamp, to_one_line
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.remote_texts import new_peer_message, origin_marks
from chalicelib.federation.relays.domain.relay_effects import Effects
from chalicelib.federation.relays.domain.relay_messages import AckAnswer, AckIn
from chalicelib.federation.relays.domain.relays import Relay, RelayStatus, json_text
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.dispatch import status_events
from chalicelib.tasks.domain.queue import Change, Item, ItemStatus, check_move
from chalicelib.tasks.domain.settings import QueueState
from chalicelib.tasks.services.dispatch import plan_dispatch
from chalicelib.tasks.services.ports import QueueItems

_LONGEST_NOTE = 500


class SentRelays(Protocol):
    def find_sent(self, connection: Connection, names: Sequence[str]) -> Relay | None: ...
    def save(self, relay: Relay, *, over: Relay, message: Message | None, effects: Effects | None = None) -> bool: ...


@dataclass(frozen=True)
class AcknowledgementReceiver:
    """Takes acknowledgements of relays that were sent over this connection.

    A final status stays, so a repeat or a late acknowledgement changes nothing and notifies nobody. When the relay is
    completed, the queue item that it handed over is done, and the queue hands out the next one. An item that can't be
    done, or whose relay was declined, gets a note, and so does the checklist of the relay's card. All of this is one
    transaction.

    Store calls after admission: 4, and 1 for a repeat. Beside these: 1 if the relay is named by the peer's id, 1 if
    it has a card or an item, and 2 to hand out the next item.
    """

    connection: Connection
    message_id: str
    note_id: str
    now: datetime
    relays: SentRelays
    queue: QueueItems
    board: Cards
    notifier: Notifier
    gather: Callable[..., list[Any]]

    def receive(self, given: AckIn) -> AckAnswer:
        """Record the acknowledgement with its effects, and tell the sender of the relay.

        Raises:
            NotFound: no such relay was sent over this connection.
            TooLarge: the response is too large to store.
        """
        response = None if given.response_payload is None else json_text(given.response_payload)
        attempts = Attempts("The relay is changed by too many requests at once. Try again.")
        while attempts.again():
            over = self.relays.find_sent(self.connection, given.names)
            if over is None:
                raise NotFound("No such relay was sent over this connection.")
            if over.status is given.status or over.status.is_final:
                return AckAnswer(success=True, relay_id=over.relay_id, status=over.status)
            relay = over.with_status(given.status, response=response, now=self.now)
            relay = replace(relay, verified=self.connection.is_confirmed)
            message, effects = None, Effects()
            if relay.status.is_final:
                message, effects = self._message(relay), self._effects(relay)
            if self.relays.save(relay, over=over, message=message, effects=effects):
                if message:
                    events = [message.live_event, *status_events(effects.changes)]
                    self.notifier.notify(over.user_id, *events, log_state=None, now=self.now)
                return AckAnswer(success=True, relay_id=relay.relay_id, status=relay.status)

    def _effects(self, relay: Relay) -> Effects:
        item_id, card_id = relay.queue_item_id, relay.card_id
        reads: dict[str, Callable[[], Any]] = {}
        if item_id is not None:
            reads["item"] = lambda: self.queue.find_with_state(relay.user_id, item_id)
        if card_id is not None:
            reads["card"] = lambda: self.board.find_card(relay.user_id, card_id)
        found = dict(zip(reads, self.gather(*reads.values()), strict=True)) if reads else {}
        item, desk = found.get("item", (None, None))
        card = found.get("card")
        changes = self._changes(relay, item, desk) if item is not None and desk is not None else []
        noted = self._with_note(relay, card) if card is not None else None
        return Effects(changes, desk if changes else None, noted, card)

    def _changes(self, relay: Relay, item: Item, desk: QueueState) -> list[Change]:
        at = timestamp(self.now)
        notes = {"relayStatus": relay.status.value, "relayAnsweredAt": at, "relayId": relay.relay_id}
        answer = _message_of(relay)
        try:
            # The item's own text stays this desk's: with `relayStatus` the marks are those of the answer.
            said = {"agentResult": answer, **origin_marks(self.connection)} if answer else {}
            noted = item.with_metadata(**notes, **said)
            if relay.status is RelayStatus.COMPLETED:
                check_move(item, ItemStatus.DONE_TODAY)
        except Invalid:
            # The item can't end, or its notes are full. The chat message has the result.
            return []
        if relay.status is not RelayStatus.COMPLETED or item.status is ItemStatus.DONE_TODAY:
            return [Change(item, noted)]
        done = noted.with_metadata(completedBy=self.connection.peer_label, completedAt=at)
        ended = done.with_status(ItemStatus.DONE_TODAY, now=self.now)
        dispatch = plan_dispatch(ended, before=item, state=desk, now=self.now, queue=self.queue)
        return [Change(item, ended), *dispatch.changes]

    def _with_note(self, relay: Relay, card: Card) -> Card | None:
        answer, text = _message_of(relay), f"{self.connection.peer_label} has {relay.status.value}: {relay.subject}"
        if answer:
            text += f": {answer}"
        completed = relay.status is RelayStatus.COMPLETED
        note = ChecklistItemIn(text=to_one_line(text)[:_LONGEST_NOTE], completed=completed)
        peer = self.connection
        made = new_item(note, item_id=self.note_id, now=self.now, origin=peer.peer_url, verified=peer.is_confirmed)
        noted = place_item(card, made, note, now=self.now)
        try:
            check_size(noted)
        except Invalid:
            return None
        return noted if len(noted.checklist) <= MOST_ITEMS else None

    def _message(self, relay: Relay) -> Message:
        about = {"type": "federated_relay_ack", "relayId": relay.relay_id, "status": relay.status.value}
        peer, answer = self.connection, _message_of(relay)
        text = f"{peer.peer_label} ({peer.peer_url}) has {relay.status.value}: {relay.subject}"
        if answer:
            text += f"\n\n{answer}"
        return new_peer_message(
            text, peer, message_id=self.message_id, user_id=relay.user_id, metadata=about, now=self.now
        )


def _message_of(relay: Relay) -> str | None:
    content = json.loads(relay.response) if relay.response else None
    found = content.get("message") if isinstance(content, dict) else None
    return found if isinstance(found, str) and found.strip() else None
