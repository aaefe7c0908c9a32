"""Relays that were not sent, as operators see and repair them; the rows are those of `outgoing`."""

from dataclasses import replace
from datetime import datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.relays.domain.outbox import Outbox, Sending
from chalicelib.federation.relays.domain.outgoing import Dispatch, RelayDispatch
from chalicelib.federation.relays.domain.relays import Direction, Relay, RelayStatus
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import change_relay_actions
from chalicelib.federation.relays.stores.relay_rows import UNSENT, relay_from_row
from chalicelib.resources import LIST_INDEX, RELAYS


class DynamoDispatches:
    def list_unsent(self) -> list[RelayDispatch]:
        """List what its peer has not taken, oldest first. Store calls in sequence: 2."""
        rows = query(
            RELAYS,
            IndexName=LIST_INDEX,
            KeyConditionExpression="unsent = :unsent",
            ExpressionAttributeValues=values(unsent=UNSENT),
        )
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        found = map(_from_row, get_all(RELAYS, keys) if keys else [])
        return sorted(found, key=lambda each: (each.relay.created_at, each.relay.relay_id))

    def find(self, relay_id: str) -> RelayDispatch | None:
        """Find the relay with this id if it waits to be sent. Store calls in sequence: 2."""
        return next((each for each in self.list_unsent() if each.relay.relay_id == relay_id), None)

    def queue_again(self, over: RelayDispatch, sending: Sending, *, outbox: Outbox, now: datetime) -> bool:
        """Queue a relay again, behind all others; False if anything has changed since. One store call."""
        status = over.relay.status
        if over.relay.direction is Direction.OUTBOUND and status is RelayStatus.EXPIRED:
            status = RelayStatus.PENDING
        changed = _with_status(over.relay, status, now=now)
        actions = change_relay_actions(changed, over.relay, dispatch=Dispatch.QUEUED, error=None)
        return try_commit([*actions, *DynamoOutbox().queue_actions(sending, over=outbox, now=now)])

    def give_up(self, over: RelayDispatch, sending: Sending | None, *, error: str, now: datetime) -> bool:
        """Stop sending a relay, and take it out of the outbox; False if anything has changed since. One store call."""
        status = over.relay.status
        if over.relay.direction is Direction.OUTBOUND and not status.is_final:
            status = RelayStatus.EXPIRED
        changed = _with_status(over.relay, status, now=now)
        actions = change_relay_actions(changed, over.relay, dispatch=Dispatch.EXPIRED, error=error)
        return try_commit([*actions, *([DynamoOutbox().remove_action(sending)] if sending else [])])


def _with_status(relay: Relay, status: RelayStatus, *, now: datetime) -> Relay:
    resolved = relay.resolved_at if status is relay.status else timestamp(now) if status.is_final else None
    return replace(relay, status=status, updated_at=timestamp(now), resolved_at=resolved, changes=relay.changes + 1)


def _from_row(row: Row) -> RelayDispatch:
    relay = relay_from_row(row)
    dispatch = Dispatch(row["dispatch"]) if row.get("dispatch") else None
    if dispatch is None and relay.direction is Direction.OUTBOUND:
        dispatch = Dispatch.QUEUED
    return RelayDispatch(relay, dispatch, int(row.get("tries", 0)), row.get("sendError"))
