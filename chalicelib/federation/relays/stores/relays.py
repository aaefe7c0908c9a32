"""The table `relays`: what people of connected desks sent each other, in both directions.

<user id> / RELAY#<relay id>   the relay: its columns, changes; the person is who sent it from here, or received it
<user id> / COUNTS             see lists; by direction and status
CONNECTION#<connection id> / PEER#<the other desk's relay id>   relayId, userId, threadId; of a received one also reply

index order:  orderKey  = time of creation, newest first, so that it sorts as text, and the id
index facets: facetsKey = direction, status, and the same
index list:   unsent, createdAt: what is to be sent and was not taken yet

The last kind of row makes a received relay one, however often it comes: it is written in one transaction with all
that the relay brings about. Of a sent relay it is to be written when the other desk has told its id, so that answers
and acknowledgements find the relay by either desk's id. A connection's sent relays belong to its own person, so that
one is found by its id here without more.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.board.stores.board import added_card, changed_card
from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import added_message
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.relays.domain.relay_effects import Effects, Work
from chalicelib.federation.relays.domain.relays import Direction, Relay, RelayReference
from chalicelib.federation.relays.stores.relay_rows import claim_row, peer_key, relay_from_row, relay_key, relay_row
from chalicelib.people.stores.directory_rows import active_person
from chalicelib.resources import RELAYS
from chalicelib.tasks.stores.queue import added_item, changed_items


class DynamoRelays:
    def find_references(self, connection_id: str, peer_relay_ids: Iterable[str]) -> dict[str, RelayReference]:
        """Those of the relays that are known, by the other desk's ids, read consistently. One store call, or none."""
        rows = get_all(RELAYS, [peer_key(connection_id, each) for each in peer_relay_ids if each])
        return {row["sk"].partition("#")[2]: _reference(row) for row in rows}

    def receive(
        self, relay: Relay, *, reply: dict[str, Any], message: Message, work: Work | None
    ) -> RelayReference | bool:
        """Store a relay that was received, with all it brings about; True when that is done.

        Returns what was stored under the other desk's id before, if anything was, and False when the board has
        another end by now. One store call.

        Raises:
            NotFound: the recipient has been deactivated.
        """
        claimed: list[Action] = []
        if relay.peer_relay_id:
            row = peer_key(relay.connection_id, relay.peer_relay_id) | claim_row(relay, reply)
            claimed = [put_new(RELAYS, row)]
        brought = [*added_card(work.card, work.tail), *added_item(work.item)] if work else []
        actions = [
            *claimed,
            put_new(RELAYS, relay_row(relay)),
            active_person(relay.user_id),
            lists.counting(RELAYS, relay.user_id, added=[relay.facets]),
            added_message(message),
            *brought,
        ]
        try:
            commit(actions)
        except Refused as refused:
            first = refused.rows[0]
            if 0 in refused.failed and first:
                # One of the same id was written by a retry below us.
                ours = first.get("relayId", first.get("id")) == relay.relay_id
                return True if ours else _reference(first)
            if len(claimed) + 1 in refused.failed:
                raise NotFound("No active connection for this token.") from refused
            return False
        return True

    def find(self, user_id: str, relay_id: str) -> Relay | None:
        """One of the person's relays, sent or received, read consistently. One store call."""
        found = get_all(RELAYS, [relay_key(user_id, relay_id)])
        return relay_from_row(found[0]) if found else None

    def find_sent(self, connection: Connection, names: Sequence[str]) -> Relay | None:
        """The relay sent over this connection that the first of these names means: ours, or the other desk's.

        One store call; two when it is the other desk's.
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
        """Replace `over` by `relay`, with what follows; False when something of it has changed. One store call."""
        row = relay_row(relay)
        sets = {name: row[name] for name in ("status", "response", "resolvedAt", "updatedAt", "facetsKey", "changes")}
        change = update(
            RELAYS,
            relay_key(over.user_id, over.relay_id),
            f"SET {assignments(sets)}",
            "#changes = :seen",
            **sets,
            seen=over.changes,
        )
        actions = [change]
        if relay.facets != over.facets:
            actions.append(lists.counting(RELAYS, relay.user_id, added=[relay.facets], taken=[over.facets]))
        if effects and effects.changes:
            actions += changed_items(effects.changes, by=relay.connection_id, seen=effects.desk)
        if effects and effects.card and effects.card_met:
            actions += changed_card(effects.card, effects.card_met)
        return try_commit([*actions, *([added_message(message)] if message else [])])


def _reference(row: Row) -> RelayReference:
    return RelayReference(row["relayId"], row["threadId"], json.loads(row["reply"]) if "reply" in row else None)
