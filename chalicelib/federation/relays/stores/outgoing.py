"""Sending of relays, across the tables `relays` and `outbox` (see both). Each step is one transaction.

The row of a relay that is sent or acknowledged has these attributes as well: dispatch, tries, sendError
"""

import logging
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import ListFull
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.relays.domain.outbox import Outbox, Sending, SendOutcome
from chalicelib.federation.relays.domain.outgoing import (
    ACKNOWLEDGEMENT,
    DISPATCH_OF,
    Dispatch,
    RelayFilter,
    RelayOut,
    to_response,
)
from chalicelib.federation.relays.domain.relays import Relay, RelayStatus
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.relay_rows import (
    UNSENT,
    add_peer_id_action,
    add_relay_actions,
    change_action,
    relay_from_row,
    relay_key,
)
from chalicelib.resources import FACETS_INDEX, ORDER_INDEX, RELAYS

log = logging.getLogger("fluxden")


class DynamoOutgoing:
    def send(
        self, relay: Relay, sending: Sending, *, over: Outbox, claim: Claim | None, reply: dict[str, Any], now: datetime
    ) -> bool:
        """Store a relay and queue it; False if another sending was queued meanwhile. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [*add_relay_actions(relay), *DynamoOutbox().queue_actions(sending, over=over, now=now)]
        return try_commit(actions, claim=claim, reply=reply)

    def find(self, user_id: str, relay_id: str) -> Relay | None:
        """Find a relay. One store call."""
        found = get_all(RELAYS, [relay_key(user_id, relay_id)])
        return relay_from_row(found[0]) if found else None

    def end_actions(
        self, ended: Relay, over: Relay, acknowledgement: Sending, *, outbox: Outbox, now: datetime
    ) -> list[Action]:
        """Return the actions that end a received relay and queue its acknowledgement. No store call."""
        return [*_change_actions(ended, over), *DynamoOutbox().queue_actions(acknowledgement, over=outbox, now=now)]

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
        """Record the outcome of an attempt; when the sending has ended, take it out. Repeats do no harm.

        The outcome is recorded on `relay`, also that of its acknowledgement, unless its list has no more room: what
        waits behind it is for other people. One store call, 1 more without room, and 2 each time the relay has changed
        since it was read.
        """
        ended = [] if outcome is SendOutcome.RETRY else [DynamoOutbox().remove_action(sending)]
        attempts = Attempts("The relay is changed by too many requests at once. Try again.")
        while attempts.again():
            changes: list[Action] = []
            if relay is not None and sending.kind == ACKNOWLEDGEMENT:
                to = replace(relay, changes=relay.changes + 1)
                changes = _change_actions(to, relay, tried=True, dispatch=DISPATCH_OF[outcome].value, sendError=error)
            elif relay is not None:
                changes = _record_actions(relay, outcome, peer_relay_id=peer_relay_id, error=error, now=now)
            actions = [*ended, *changes]
            try:
                if actions:
                    commit(actions)
            except ListFull:
                log.warning("the outcome %s of relay %s was not recorded: no more room", outcome, sending.item_id)
                relay = None
            except Refused as refused:
                if relay is None or not ended or 0 in refused.failed:
                    # Another run has recorded the end, or will.
                    return
                if len(actions) - 1 in refused.failed:
                    # The peer gave two relays the same id, so this one is found by its own id only.
                    peer_relay_id = None
                # The acknowledgement may arrive before the relay is recorded as sent.
                relay = self.find(relay.user_id, relay.relay_id)
            else:
                return

    def list_page(self, user_id: str, query: RelayFilter, page: PageRequest) -> Listed[RelayOut]:
        """List a page of the person's relays, newest first; return it and the total. Store calls in sequence: 3."""
        counts = lists.find_counts(RELAYS, user_id)
        read = partial(lists.page_keys, RELAYS, pk=user_id, start=page.start, limit=page.limit)
        if query.direction or query.status:
            wanted = lists.combinations(counts, query.direction, query.status)
            prefixes = ["#".join((*facets, "")) for facets in wanted]
            keys = read(index=FACETS_INDEX, prefixes=prefixes, interleaved=True)
        else:
            keys = read(index=ORDER_INDEX, prefixes=[""])
        total = lists.total(counts, query.direction, query.status)
        return lists.list_rows(RELAYS, user_id, keys, total, _relay_out)


def change_relay_actions(to: Relay, over: Relay, *, dispatch: Dispatch, error: str | None) -> list[Action]:
    """Return the actions that replace `over` by `to`, with the state of sending it."""
    return _change_actions(to, over, dispatch=dispatch.value, sendError=error)


def _record_actions(
    relay: Relay, outcome: SendOutcome, *, peer_relay_id: str | None, error: str | None, now: datetime
) -> list[Action]:
    status = relay.status
    if outcome is SendOutcome.SENT and status is RelayStatus.PENDING:
        status = RelayStatus.DELIVERED
    elif outcome is SendOutcome.EXPIRED and not status.is_final:
        status = RelayStatus.EXPIRED
    elif outcome is SendOutcome.FILTERED and not status.is_final:
        # It reached the other desk but not the person, and nothing will come of it.
        status = RelayStatus.DECLINED
    to = replace(
        relay,
        status=status,
        peer_relay_id=peer_relay_id or relay.peer_relay_id,
        updated_at=timestamp(now),
        resolved_at=timestamp(now) if status.is_final and not relay.status.is_final else relay.resolved_at,
        changes=relay.changes + 1,
    )
    named = [add_peer_id_action(to)] if peer_relay_id and relay.peer_relay_id is None else []
    return [*_change_actions(to, relay, tried=True, dispatch=DISPATCH_OF[outcome].value, sendError=error), *named]


def _change_actions(to: Relay, over: Relay, *, tried: bool = False, **more: Any) -> list[Action]:
    names = ("status", "peerRelayId", "response", "resolvedAt", "updatedAt", "facetsKey", "changes")
    is_sent = bool(more) and more["dispatch"] in (Dispatch.SENT, Dispatch.FILTERED)
    if more and not is_sent:
        more["unsent"] = UNSENT
    change = change_action(to, over, names, removed=["unsent"] if is_sent else [], tried=tried, **more)
    counted = []
    if to.facets != over.facets:
        counted = [lists.count_action(RELAYS, to.user_id, added=[to.facets], taken=[over.facets])]
    return [change, *counted]


def _relay_out(row: Row) -> RelayOut:
    dispatch = Dispatch(row["dispatch"]) if row.get("dispatch") else None
    return to_response(
        relay_from_row(row), dispatch=dispatch, tries=int(row.get("tries", 0)), error=row.get("sendError")
    )
