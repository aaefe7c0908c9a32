"""Ending connection requests that nobody answered in time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chalicelib.core.domain.errors import ListFull
from chalicelib.federation.connections.domain.transitions import Effect, Event, Step, next_step
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.connections.services.transitions import Ports, Queue, advance
from chalicelib.live.services.ports import Notifier

_PAGE = 100


def end_unanswered(
    now: datetime, *, message_id: Callable[[], str], requests: Connections, notifier: Notifier, queue: Queue
) -> int:
    """End the connection requests that nobody answered in time, and return how many.

    A request of this desk expires, and its owner is told in the chat if that has room. A request of a peer is declined.
    A Fluxden desk is notified of either; both sides may ask again. An answer at the same moment wins, and the next run
    sees it.

    Store and queue calls: 1, and 4 for each old request; 2 more to tell the owner, and 1 more for a Fluxden desk. A
    run ends at most a hundred requests; the next run ends the rest.
    """
    count, ports = 0, Ports(requests, queue, notifier)
    for connection_id in requests.list_unanswered(now=now, limit=_PAGE):
        found = requests.find(connection_id)
        step = next_step(found, Event.UNANSWERED, now=now) if found else None
        if step is not None:
            if _advance(step, ports, message_id, now):
                count += 1
            elif requests.is_current(step.before):
                continue
        requests.unwatch(connection_id)
    return count


def _advance(step: Step, ports: Ports, message_id: Callable[[], str], now: datetime) -> bool:
    try:
        return advance(step, ports=ports, message_id=message_id(), now=now)
    except ListFull:
        # The owner's chat has no more room. The request ends all the same, and the others after it.
        silent = replace(step, effects=step.effects - {Effect.TELL_OWNER})
        return advance(silent, ports=ports, now=now)
