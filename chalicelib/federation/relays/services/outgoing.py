"""Relays to peers: queued by people and agents, sent by the worker of the outbox, acknowledged when they end."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from chalicelib.board.services.ports import Cards
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.measures import RELAYS
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Action, JobAnnouncer, Post, RelayEnd
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus
from chalicelib.federation.connections.domain.handshake import ACK_PATH, RELAY_PATH
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.relays.domain.outbox import Outbox, OutboxJob, Sending, SendOutcome
from chalicelib.federation.relays.domain.outgoing import (
    ACKNOWLEDGEMENT,
    RELAY,
    NewRelayIn,
    RelayFilter,
    RelayOut,
    RelayQuery,
    RelaysOut,
    acknowledgement_body,
    filter_reason,
    new_relay,
    parse_relay_id,
    relay_body,
    to_response,
)
from chalicelib.federation.relays.domain.relay_effects import relay_of_item
from chalicelib.federation.relays.domain.relays import Relay, RelayStatus
from chalicelib.federation.relays.services.ports import Outboxes
from chalicelib.tasks.domain.queue import Item
from chalicelib.tasks.services.ports import QueueItems


class Find(Protocol):
    def find(self, user_id: str, relay_id: str) -> Relay | None: ...


class ReceivedRelays(Find, Protocol):
    def end_actions(
        self, ended: Relay, over: Relay, acknowledgement: Sending, *, outbox: Outbox, now: datetime
    ) -> list[Action]: ...


class Outgoing(Find, Protocol):
    def send(
        self, relay: Relay, sending: Sending, *, over: Outbox, claim: Claim | None, reply: dict[str, Any], now: datetime
    ) -> bool: ...
    def list_page(self, user_id: str, query: RelayFilter, page: PageRequest) -> Listed[RelayOut]: ...


class Settle(Find, Protocol):
    def settle(
        self,
        sending: Sending,
        relay: Relay | None,
        outcome: SendOutcome,
        *,
        peer_relay_id: str | None,
        error: str | None,
        now: datetime,
    ) -> None: ...


Headers = Callable[[Connection, str, bytes, str, datetime], Mapping[str, str]]


@dataclass(frozen=True)
class RelaySender:
    """Stores relays to peers, and queues them for the worker that sends them."""

    connections: Connections
    board: Cards
    items: QueueItems
    boxes: Outboxes
    outgoing: Outgoing
    queue: JobAnnouncer[OutboxJob]
    gather: Callable[..., list[Any]]

    def send(self, given: NewRelayIn, *, relay_id: str, owner: ApiKey, context: RequestContext) -> RelayOut:
        """Store and queue a relay over one of the owner's connections.

        Store and queue calls after authentication, in sequence: 5. The card and the item are read with the
        connection.

        Raises:
            NotFound: there is no such connection, card or item, or it is somebody else's.
            Conflict: the connection is not active.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        connection = self._find_connection(given, owner.user_id)
        relay = new_relay(given, connection, relay_id=relay_id, now=context.now)
        answer = to_response(relay, dispatch=None, tries=0, error=None)
        reply, at = answer.model_dump(mode="json", exclude_unset=True), timestamp(context.now)
        attempts = Attempts("Too many relays are sent to this desk at once. Try again.")
        while attempts.again():
            box = self.boxes.find(connection.peer_url)
            position = box.last_position + 1
            sending = Sending(
                connection.peer_url, position, connection.connection_id, RELAY, relay_id, at, relay.user_id
            )
            if self.outgoing.send(relay, sending, over=box, claim=context.claim, reply=reply, now=context.now):
                RELAYS.add(outcome="queued")
                if not box.failures:
                    self.queue.announce(OutboxJob(peer_url=connection.peer_url))
                return answer

    def _find_connection(self, given: NewRelayIn, user_id: str) -> Connection:
        """Return the connection, after checking it and what the relay is about."""
        about: dict[str, Callable[[], Any]] = {}
        if (card_id := given.card_id) is not None:
            about["card"] = lambda: self.board.find_card(user_id, card_id)
        if (item_id := given.queue_item_id) is not None:
            about["item"] = lambda: self.items.find(user_id, item_id)

        def find_connection() -> Connection | None:
            return self.connections.find(given.connection_id)

        connection, *found = self.gather(find_connection, *about.values()) if about else [find_connection()]
        for name, each in zip(about, found, strict=True):
            if each is None:
                raise NotFound(f"There is no such {name}.")
        if connection is None or connection.user_id != user_id:
            raise NotFound("There is no such connection.")
        if connection.status is not ConnectionStatus.ACTIVE:
            raise Conflict(f"The connection is {connection.status}. Relays need an active connection.")
        return connection


def list_relays(query: RelayQuery, *, owner: ApiKey, outgoing: Outgoing) -> RelaysOut:
    """List a page of the owner's relays, newest first. Store calls after authentication, in sequence: 3."""
    page = PageRequest.of(query, "relays", owner.user_id, query.direction, query.status)
    listed = outgoing.list_page(owner.user_id, query, page) if query.is_known else Listed()
    relays, pagination = page.fit(listed.rows, listed)
    return RelaysOut(relays=relays, pagination=pagination)


@dataclass(frozen=True)
class RelayCourier:
    """Sends relays and acknowledgements to their peers, and records the outcomes.

    Store calls: 4 for the first sending over a connection, then 2; 1 more to sign.
    """

    connections: Connections
    outgoing: Settle
    post: Post
    headers: Headers
    clock: Callable[[], datetime]
    _known: dict[str, tuple[Connection | None, str]] = field(default_factory=dict)

    def send(self, sending: Sending) -> HttpResult:
        """Make one attempt. A failure of the peer is a result; only failures of the stores raise."""
        connection, token = self._connection(sending.connection_id)
        if connection is None:
            return HttpResult.unsent("the connection was removed")
        if connection.status is not ConnectionStatus.ACTIVE:
            return HttpResult(404, excerpt="the connection is no longer active")
        relay = self._relay(sending, connection)
        if relay is None:
            return HttpResult(404, excerpt="the relay is gone")
        if sending.kind == ACKNOWLEDGEMENT:
            url, body = f"{connection.peer_url}{ACK_PATH}", acknowledgement_body(relay)
        else:
            if relay.status.is_final:
                return HttpResult(200)
            url, body = f"{connection.peer_url}{RELAY_PATH}", relay_body(relay, connection)
        return require_success(self.post(url, body, self.headers(connection, url, body, token, self.clock())))

    def settle(self, sending: Sending, outcome: SendOutcome, answer: HttpResult, *, now: datetime) -> None:
        """Record the outcome of an attempt; when the sending has ended, take it out of the outbox."""
        connection, _ = self._connection(sending.connection_id)
        relay = self._relay(sending, connection)
        peer_relay_id = parse_relay_id(answer.body) if outcome is SendOutcome.SENT else None
        error = filter_reason(answer.body) if outcome is SendOutcome.FILTERED else answer.error
        self.outgoing.settle(sending, relay, outcome, peer_relay_id=peer_relay_id, error=error, now=now)

    def _relay(self, sending: Sending, connection: Connection | None) -> Relay | None:
        user_id = sending.user_id or (connection.user_id if connection else None)
        return self.outgoing.find(user_id, sending.item_id) if user_id else None

    def _connection(self, connection_id: str) -> tuple[Connection | None, str]:
        # Read once a run, so a connection that ends meanwhile is noticed in the next run.
        if connection_id not in self._known:
            connection = self.connections.find(connection_id)
            token = self.connections.token_of(connection) if connection else None
            self._known[connection_id] = (None, "") if token is None else (connection, token)
        return self._known[connection_id]


@dataclass(frozen=True)
class Acknowledger:
    """Ends received relays and acknowledges them, once their card or queue item has ended."""

    relays: ReceivedRelays
    boxes: Outboxes
    queue: JobAnnouncer[OutboxJob]

    def complete_item(self, item: Item, result: str | None, *, now: datetime) -> RelayEnd | None:
        """Complete the relay that the queue item came from. Store calls: 2 for a relay's item, else none."""
        relay_id = relay_of_item(item)
        return self._end(relay_id, item.user_id, RelayStatus.COMPLETED, result, now=now) if relay_id else None

    def decline_item(self, item: Item, *, now: datetime) -> RelayEnd | None:
        """Decline the relay that the queue item came from. Store calls: 2 for a relay's item, else none."""
        relay_id = relay_of_item(item)
        return self._end(relay_id, item.user_id, RelayStatus.DECLINED, None, now=now) if relay_id else None

    def complete_relay(self, relay_id: str, user_id: str, *, now: datetime) -> RelayEnd | None:
        """Complete the relay. Store calls: 2, or 1 if no peer waits for it."""
        return self._end(relay_id, user_id, RelayStatus.COMPLETED, None, now=now)

    def _end(
        self, relay_id: str, user_id: str, status: RelayStatus, result: str | None, *, now: datetime
    ) -> RelayEnd | None:
        relay = self.relays.find(user_id, relay_id)
        if relay is None or relay.peer_relay_id is None or relay.status.is_final:
            return None
        response = json.dumps({"message": result}, ensure_ascii=False) if result is not None else None
        box = self.boxes.find(relay.peer_url)
        sending = Sending(
            relay.peer_url,
            box.last_position + 1,
            relay.connection_id,
            ACKNOWLEDGEMENT,
            relay.relay_id,
            timestamp(now),
            relay.user_id,
        )
        ended = relay.with_status(status, response=response, now=now)
        actions = self.relays.end_actions(ended, relay, sending, outbox=box, now=now)
        return RelayEnd(actions, partial(self._announce, box, sending))

    def _announce(self, box: Outbox, acknowledgement: Sending) -> None:
        # Queue calls: 1; none while the peer fails, since its next attempt is scheduled already.
        if not box.failures:
            self.queue.announce(OutboxJob(peer_url=acknowledgement.peer_url))
