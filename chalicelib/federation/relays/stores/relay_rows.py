"""The rows of the table `relays` (see relays), and the actions that write them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.ends import COUNTED_COLUMNS, counted_end_of
from chalicelib.core.stores.items import Row
from chalicelib.federation.relays.domain.relays import Relay, Scope
from chalicelib.resources import RELAYS

_LATEST_MILLISECONDS = 9_999_999_999_999
_PREFIX = "RELAY#"
UNSENT = "unsent"

_SCOPE = Codec(Scope)
_RELAY = Codec(
    Relay,
    {"relay_id": "id", "peer_url": "peerInstanceUrl", "peer_email": "peerUserEmail"},
    without=("user_id", "scope"),
)


def add_relay_actions(relay: Relay) -> list[Action]:
    """Return the actions that store a relay of this desk."""
    row = relay_row(relay) | {"unsent": UNSENT}
    return [put_new(RELAYS, row), lists.count_action(RELAYS, relay.user_id, added=[relay.facets])]


def add_peer_id_action(relay: Relay) -> Action:
    """Return the action that makes a sent relay found by the peer's id."""
    assert relay.peer_relay_id is not None
    return put_new(RELAYS, peer_key(relay.connection_id, relay.peer_relay_id) | claim_row(relay, None))


def relay_key(user_id: str, relay_id: str) -> Row:
    return {"pk": user_id, "sk": f"{_PREFIX}{relay_id}"}


def peer_key(connection_id: str, peer_relay_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": f"PEER#{peer_relay_id}"}


def claim_row(relay: Relay, reply: Mapping[str, Any] | None) -> Row:
    kept = {"reply": json.dumps(reply, ensure_ascii=False)} if reply is not None else {}
    return {"relayId": relay.relay_id, "userId": relay.user_id, "threadId": relay.thread_id, **kept}


def relay_row(relay: Relay) -> Row:
    """A relay's own attributes, with its keys."""
    milliseconds = round(parse_timestamp(relay.created_at).timestamp() * 1000)
    order_key = f"{_LATEST_MILLISECONDS - milliseconds:013d}#{relay.relay_id}"
    keys = {"orderKey": order_key, "facetsKey": "#".join((*relay.facets, order_key))}
    own = _RELAY.to_row(relay) | _SCOPE.to_row(relay.scope)
    return relay_key(relay.user_id, relay.relay_id) | keys | own | end_of_relay(relay)


def end_of_relay(relay: Relay) -> Row:
    """Return the columns with which a relay ends; none while anything can still come of it."""
    return counted_end_of(retention.RELAYS, relay.updated_at) if relay.status.is_final else {}


def change_action(
    to: Relay, over: Relay, names: Sequence[str], *, removed: Sequence[str] = (), tried: bool = False, **more: Any
) -> Action:
    """Return the update of these attributes, and of the relay's end, if it is still as it was in `over`.

    With `tried`, it counts one more attempt to send the relay.
    """
    row, end = relay_row(to), end_of_relay(to)
    sets = {name: row[name] for name in names} | end | more
    counted: Row = {"none": 0, "one": 1} if tried else {}
    expression = f"SET {assignments(sets)}" + (", tries = if_not_exists(tries, :none) + :one" if tried else "")
    if removed := [*removed, *(each for each in COUNTED_COLUMNS if each not in end)]:
        expression += f" REMOVE {', '.join(removed)}"
    key = relay_key(over.user_id, over.relay_id)
    return update(RELAYS, key, expression, "#changes = :seen", **sets, **counted, seen=over.changes)


def relay_from_row(row: Row) -> Relay:
    """Convert a relay's row."""
    return _RELAY.from_row(row, user_id=row["pk"], scope=_SCOPE.from_row(row))
