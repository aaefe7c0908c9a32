"""Relays and acknowledgements that peers did not take: sent again or given up by operators."""

from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.relays.domain.outbox import Outbox, OutboxJob, Sending
from chalicelib.federation.relays.domain.outgoing import Dispatch, RelayDispatch
from chalicelib.federation.relays.services.ports import Outboxes

_BUSY = "The relay is being sent at the moment. Try again."


class Dispatches(Protocol):
    def find(self, relay_id: str) -> RelayDispatch | None: ...
    def queue_again(self, over: RelayDispatch, sending: Sending, *, outbox: Outbox, now: datetime) -> bool: ...
    def give_up(self, over: RelayDispatch, sending: Sending | None, *, error: str, now: datetime) -> bool: ...


def resend(
    relay_id: str, *, now: datetime, dispatches: Dispatches, boxes: Outboxes, queue: JobAnnouncer[OutboxJob]
) -> RelayDispatch:
    """Queue a relay again if sending it has ended; otherwise try its peer now.

    Raises:
        NotFound: there is no such relay, or nothing of it waits to be sent.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        found = _unsent(relay_id, dispatches)
        relay = found.relay
        if found.has_ended:
            box = boxes.find(relay.peer_url)
            position, at = box.last_position + 1, timestamp(now)
            sending = Sending(
                relay.peer_url, position, relay.connection_id, found.kind, relay.relay_id, at, relay.user_id
            )
            if not dispatches.queue_again(found, sending, outbox=box, now=now):
                continue
        boxes.retry_now(relay.peer_url, now=now)
        queue.announce(OutboxJob(peer_url=relay.peer_url))
        return found


def give_up(relay_id: str, *, now: datetime, dispatches: Dispatches, boxes: Outboxes) -> RelayDispatch:
    """Stop sending a relay. An attempt that is under way may still reach the peer.

    Raises:
        NotFound: there is no such relay, or nothing of it waits to be sent.
        Conflict: the relay was given up before.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        found = _unsent(relay_id, dispatches)
        if found.dispatch is Dispatch.EXPIRED:
            raise Conflict("The relay was given up before.")
        waiting = None if found.has_ended else boxes.find_waiting(found.relay.peer_url, relay_id)
        if dispatches.give_up(found, waiting, error="given up by the operator", now=now):
            return found


def _unsent(relay_id: str, dispatches: Dispatches) -> RelayDispatch:
    found = dispatches.find(relay_id) if is_uuid(relay_id) else None
    if found is None:
        raise NotFound(f"No relay {relay_id} waits to be sent.")
    return found
