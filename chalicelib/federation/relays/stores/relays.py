"""The table `relays`: what people of connected desks sent each other, in both directions.

<user id> / RELAY#<relay id>   the relay; the user is its sender or recipient at this desk. It is counted, so it ends
                               by ENDS (see core ends), with the row below
<user id> / COUNTS             see lists; by direction and status
CONNECTION#<connection id> / PEER#<the peer's relay id>   relayId, userId, threadId; reply if it was received. A signed
                               relay without an id has one under its signature, with expiresAt (the table's TTL)

index order:  orderKey  = time of creation, newest first, so that it sorts as text, and the id
index facets: facetsKey = direction, status, and the same
index list:   unsent, createdAt: what the peer has not taken yet

The last kind of row makes a received relay unique, however often it comes: one transaction writes it with the relay and
its effects. A sent relay gets one when the peer has answered with its id, so responses and acknowledgements find the
relay by either desk's id. The sent relays of a connection belong to its user, so the relay's own id finds it directly.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.board.stores.board import add_card_actions, change_card_actions
from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import add_message_action
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import NEW, put, put_new
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.relays.domain.relay_effects import Effects, Work
from chalicelib.federation.relays.domain.relays import (
    REMEMBERED_FOR,
    Direction,
    Relay,
    RelayReference,
    is_replay_name,
)
from chalicelib.federation.relays.stores.relay_rows import (
    change_action,
    claim_row,
    peer_key,
    relay_from_row,
    relay_key,
    relay_row,
)
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import RELAYS
from chalicelib.tasks.stores.queue import add_item_actions, change_items_actions


class DynamoRelays:
    def find_references(self, connection_id: str, peer_relay_ids: Iterable[str]) -> dict[str, RelayReference]:
        """Find relays by the peer's ids, read consistently. One store call, or none without ids."""
        rows = get_all(RELAYS, [peer_key(connection_id, each) for each in peer_relay_ids if each])
        return {row["sk"].partition("#")[2]: _reference(row) for row in rows}

    def receive(
        self, relay: Relay, *, name: str | None, reply: dict[str, Any], message: Message, work: Work | None
    ) -> RelayReference | bool:
        """Store a received relay with its effects, and return True. `name` tells its repeats, if anything does.

        Returns the relay's reference if it was received before, and False if the end of the board or the queue has
        changed since it was read. One store call.

        Raises:
            NotFound: the recipient has been deactivated.
        """
        claimed: list[Action] = []
        if name:
            received_at = parse_timestamp(relay.created_at)
            row = peer_key(relay.connection_id, name) | claim_row(relay, reply)
            if is_replay_name(name):
                row["expiresAt"] = int((received_at + REMEMBERED_FOR).timestamp())
            claimed = [put(RELAYS, row, f"{NEW} OR expiresAt <= :now", now=int(received_at.timestamp()))]
        brought = _work_actions(work, relay) if work else []
        actions = [
            *claimed,
            put_new(RELAYS, relay_row(relay)),
            active_person_check(relay.user_id),
            lists.count_action(RELAYS, relay.user_id, added=[relay.facets]),
            add_message_action(message),
            *brought,
        ]
        try:
            commit(actions)
        except Refused as refused:
            first = refused.rows[0]
            if 0 in refused.failed and first:
                # A repeat of the write below us meets its own row.
                is_own = first.get("relayId", first.get("id")) == relay.relay_id
                return True if is_own else _reference(first)
            if len(claimed) + 1 in refused.failed:
                raise NotFound("No active connection for this token.") from refused
            return False
        return True

    def find(self, user_id: str, relay_id: str) -> Relay | None:
        """Find one of the person's relays, sent or received, read consistently. One store call."""
        found = get_all(RELAYS, [relay_key(user_id, relay_id)])
        return relay_from_row(found[0]) if found else None

    def find_sent(self, connection: Connection, names: Sequence[str]) -> Relay | None:
        """Find the relay sent over this connection that the first of these ids names, of this desk or of the peer.

        One store call; two if it is the peer's id.
        """
        own = [relay_key(connection.user_id, each) for each in names]
        theirs = [peer_key(connection.connection_id, each) for each in names]
        rows = {(row["pk"], row["sk"]): row for row in get_all(RELAYS, [*own, *theirs])} if names else {}
        for mine, other in zip(own, theirs, strict=True):
            found = rows.get((mine["pk"], mine["sk"]))
            if found is None and (pointer := rows.get((other["pk"], other["sk"]))) is not None:
                found = next(iter(get_all(RELAYS, [relay_key(pointer["userId"], pointer["relayId"])])), None)
            if found is None:
                continue
            relay = relay_from_row(found)
            if relay.connection_id == connection.connection_id and relay.direction is Direction.OUTBOUND:
                return relay
        return None

    def save(self, relay: Relay, *, over: Relay, message: Message | None, effects: Effects | None = None) -> bool:
        """Replace `over` by `relay`, with its message and effects; False if anything has changed. One store call."""
        names = ("status", "response", "verified", "resolvedAt", "updatedAt", "facetsKey", "changes")
        actions = [change_action(relay, over, names)]
        if relay.facets != over.facets:
            actions.append(lists.count_action(RELAYS, relay.user_id, added=[relay.facets], taken=[over.facets]))
        if effects and effects.changes:
            actions += change_items_actions(effects.changes, by=relay.connection_id, seen=effects.desk)
        if effects and effects.card and effects.card_before:
            actions += change_card_actions(effects.card, effects.card_before)
        return try_commit([*actions, *([add_message_action(message)] if message else [])])


def _work_actions(work: Work, relay: Relay) -> list[Action]:
    dispatch = work.dispatch
    queued = add_item_actions(dispatch.item, further=dispatch.changes, by=relay.connection_id, seen=dispatch.state)
    return [*add_card_actions(work.card, work.tail, work.placement), *queued]


def _reference(row: Row) -> RelayReference:
    return RelayReference(row["relayId"], row["threadId"], json.loads(row["reply"]) if "reply" in row else None)
