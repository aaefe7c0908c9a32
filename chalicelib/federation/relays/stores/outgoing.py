"""Relays on their way out, across the tables `relays` and `outbox` (see both): each step is one transaction.

A sent relay's row, and that of one which was acknowledged, has besides its columns: dispatch, tries, sendError
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.relays.domain.outbox import Outbox, Sending, SendOutcome
from chalicelib.federation.relays.domain.outgoing import (
    ACKNOWLEDGEMENT,
    DISPATCH_OF,
    Dispatch,
    RelayOut,
    RelayQuery,
    to_response,
)
from chalicelib.federation.relays.domain.relays import Relay, RelayStatus
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.relay_rows import (
    UNSENT,
    added_relay,
    named_by_peer,
    relay_key,
    relay_of,
    relay_row,
)
from chalicelib.resources import FACETS_INDEX, ORDER_INDEX, RELAYS

_ATTEMPTS = 16


class DynamoOutgoing:
    def send(
        self, relay: Relay, sending: Sending, *, over: Outbox, claim: Claim | None, reply: dict[str, Any], now: datetime
    ) -> bool:
        """Store a relay and queue it; False when something else was queued meanwhile. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [*added_relay(relay), *DynamoOutbox().queued(sending, over=over, now=now)]
        return _done(actions, claim=claim, reply=reply)

    def find(self, user_id: str, relay_id: str) -> Relay | None:
        """The relay. One store call."""
        found = get_all(RELAYS, [relay_key(user_id, relay_id)])
        return relay_of(found[0]) if found else None

    def end_actions(
        self, ended: Relay, over: Relay, acknowledgement: Sending, *, outbox: Outbox, now: datetime
    ) -> list[Action]:
        """The part of a transaction that ends a received relay and queues its acknowledgement. No store call."""
        return [*_moved(ended, over), *DynamoOutbox().queued(acknowledgement, over=outbox, now=now)]

    def settle(
        self,
        sending: Sending,
        relay: Relay | None,
        outcome: SendOutcome,
        *,
        peer_relay_id: str | None,
        error: str | None,
        now: datetime,
    ) -> None:
        """Note what came of a sending, and with its end take it out. Again does no harm.

        `relay` is the one to note it on; that an acknowledgement went wrong is noted on the relay it is about.
        One store call, and two for each time that the relay has changed since it was read.
        """
        ended = [] if outcome is SendOutcome.RETRY else [DynamoOutbox().sent(sending)]
        for _ in range(_ATTEMPTS):
            noted: list[Action] = []
            if relay is not None and sending.kind == ACKNOWLEDGEMENT:
                to = replace(relay, changes=relay.changes + 1)
                noted = _moved(to, relay, tried=True, dispatch=DISPATCH_OF[outcome].value, sendError=error)
            elif relay is not None:
                noted = _noted(relay, outcome, peer_relay_id=peer_relay_id, error=error, now=now)
            actions = [*ended, *noted]
            try:
                if actions:
                    commit(actions, claim=None, reply={})
            except Refused as refused:
                if relay is None or not ended or 0 in refused.failed:
                    # Its end has been noted, or is to come.
                    return
                if len(actions) - 1 in refused.failed:
                    # The other desk has called two relays the same: this one is known by its own id only.
                    peer_relay_id = None
                # An acknowledgement may be here before what it acknowledges has been noted as sent.
                relay = self.find(relay.user_id, relay.relay_id)
            else:
                return
        raise Unavailable("The relay is being changed by many calls at once.")

    def list_page(self, user_id: str, query: RelayQuery) -> tuple[Sequence[RelayOut], int]:
        """A page of the person's relays, newest first, and how many there are in all. Store calls in sequence: 3."""
        counts = lists.find_counts(RELAYS, user_id)
        if query.direction or query.status:
            wanted = lists.combinations(counts, query.direction, query.status)
            prefixes = ["#".join((*facets, "")) for facets in wanted]
            sks = lists.sort_keys(
                RELAYS,
                FACETS_INDEX,
                user_id,
                prefixes,
                offset=query.offset,
                limit=query.count,
                order=lambda key: key.split("#", 2)[2],
            )
        else:
            sks = lists.sort_keys(RELAYS, ORDER_INDEX, user_id, [""], offset=query.offset, limit=query.count)
        rows = lists.in_order(RELAYS, user_id, sks)
        return [_shown(row) for row in rows], lists.total(counts, query.direction, query.status)


def moved_relay(to: Relay, over: Relay, *, dispatch: Dispatch, error: str | None) -> list[Action]:
    """The part of a transaction that replaces `over` by `to`, and says where its sending stands."""
    return _moved(to, over, dispatch=dispatch.value, sendError=error)


def _noted(
    relay: Relay, outcome: SendOutcome, *, peer_relay_id: str | None, error: str | None, now: datetime
) -> list[Action]:
    status = relay.status
    if outcome is SendOutcome.SENT and status is RelayStatus.PENDING:
        status = RelayStatus.DELIVERED
    elif outcome is SendOutcome.EXPIRED and not status.is_final:
        status = RelayStatus.EXPIRED
    to = replace(
        relay,
        status=status,
        peer_relay_id=peer_relay_id or relay.peer_relay_id,
        updated_at=timestamp(now),
        resolved_at=timestamp(now) if status is RelayStatus.EXPIRED else relay.resolved_at,
        changes=relay.changes + 1,
    )
    named = [named_by_peer(to)] if peer_relay_id and relay.peer_relay_id is None else []
    return [*_moved(to, relay, tried=True, dispatch=DISPATCH_OF[outcome].value, sendError=error), *named]


def _moved(to: Relay, over: Relay, *, tried: bool = False, **more: Any) -> list[Action]:
    row = relay_row(to)
    names = ("status", "peerRelayId", "response", "resolvedAt", "updatedAt", "facetsKey", "changes")
    sets = {name: row[name] for name in names} | more
    more_tries = ", tries = if_not_exists(tries, :none) + :one" if tried else ""
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets) + more_tries
    if more:
        expression += " REMOVE unsent" if more["dispatch"] == Dispatch.SENT else ", unsent = :unsent"
    named: Row = {"none": 0, "one": 1} if tried else {}
    named |= {"unsent": UNSENT} if more and more["dispatch"] != Dispatch.SENT else {}
    update: Row = {
        "TableName": RELAYS.physical_name,
        "Key": to_item(relay_key(over.user_id, over.relay_id)),
        "UpdateExpression": expression,
        "ConditionExpression": "#changes = :seen",
        "ExpressionAttributeNames": {f"#{name}": name for name in sets},
        "ExpressionAttributeValues": values(**sets, seen=over.changes, **named),
    }
    counted = []
    if to.facets != over.facets:
        counted = [lists.counting(RELAYS, to.user_id, added=[to.facets], taken=[over.facets])]
    return [{"Update": update}, *counted]


def _done(actions: Sequence[Action], *, claim: Claim | None = None, reply: dict[str, Any] | None = None) -> bool:
    try:
        commit(actions, claim=claim, reply=reply or {})
    except Refused:
        return False
    return True


def _shown(row: Row) -> RelayOut:
    dispatch = Dispatch(row["dispatch"]) if row.get("dispatch") else None
    return to_response(relay_of(row), dispatch=dispatch, tries=int(row.get("tries", 0)), error=row.get("sendError"))
