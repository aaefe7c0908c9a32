"""Held connection requests, in the table `peers` (see connections): rows that no person's list leads to.

A held request has the rows of a connection, without the pair's row and the budget. They have an `expiresAt`, the
table's TTL, which goes when the request is released. So what nobody confirms or lists disappears by itself.
"""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import add_message_action
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, assignments, delete, put, put_new, update
from chalicelib.core.stores.hourly_limits import seconds_left_of_hour
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice
from chalicelib.federation.connections.domain.connections import (
    HELD_FOR,
    Connection,
    ConnectionStatus,
    PeerKey,
)
from chalicelib.federation.connections.stores.acceptances import acceptance_actions
from chalicelib.federation.connections.stores.claim_bounds import claim_bound_actions, too_many_claims
from chalicelib.federation.connections.stores.connection_budgets import add_budget_action
from chalicelib.federation.connections.stores.connection_notices import add_notice_action, put_notice_action
from chalicelib.federation.connections.stores.connection_rows import (
    CHANGING,
    PEER_KEY,
    due_columns,
    from_row,
    key_of,
    pointer_key,
    sealed_token,
    to_columns,
    to_pair_row,
    to_pointer_row,
)
from chalicelib.federation.connections.stores.connections import count_request_action
from chalicelib.resources import PEERS

# TTL deletes late, and a notice may be under way.
_SPARE = timedelta(days=1)
# Who is asked is known when the request is released.
_OF_THE_PERSON = ("userId", "userEmail", "userName")


class DynamoHeldRequests:
    def hold(
        self, connection: Connection, token: str, *, notice: ConnectionNotice, network: str | None = None
    ) -> Connection:
        """Store a request for nobody to see, with the notice that settles it; return it, or the one with its id.

        `network` is the network address that it comes from. One store call.

        Raises:
            RateLimited: too many requests have claimed this origin within this hour, or came from this address.
        """
        asked_at = parse_timestamp(connection.created_at)
        expires = {"expiresAt": int((asked_at + HELD_FOR + _SPARE).timestamp())}
        row = key_of(connection) | to_columns(connection) | sealed_token(connection.connection_id, token) | expires
        try:
            commit(
                [
                    put_new(PEERS, row),
                    put_new(PEERS, to_pointer_row(connection) | expires),
                    # A request that was dropped leaves its notice behind.
                    put_notice_action(notice, **expires),
                    *claim_bound_actions(connection, network, asked_at),
                ]
            )
        except Refused as refused:
            if 0 in refused.failed:
                return from_row(refused.rows[0])
            raise too_many_claims(asked_at) from refused
        return connection

    def release(
        self,
        connection: Connection,
        *,
        over: Connection,
        keys: Sequence[PeerKey],
        instead_of: Connection | None,
        ended: Connection | None,
        notices: Sequence[ConnectionNotice],
        message: Message | None,
    ) -> bool:
        """Make a held request the connection that counts between its two people; False if anything has changed.

        It takes the place of `instead_of`, or of none or one that has ended. `ended` is what becomes of that one. One
        store call.

        Raises:
            RateLimited: the person has received too many requests within this hour.
        """
        columns = to_columns(connection)
        sets: Row = {name: columns[name] for name in (*CHANGING, *_OF_THE_PERSON)}
        if keys:
            sets["publishedKeys"] = list(map(PEER_KEY.to_row, keys))
        pair = to_pair_row(connection)
        if instead_of is None:
            states = {"declined": ConnectionStatus.DECLINED.value, "expired": ConnectionStatus.EXPIRED.value}
            claimed = put(PEERS, pair, f"{NEW} OR #status = :declined OR #status = :expired", **states)
        else:
            seen = {"id": instead_of.connection_id, "seen": instead_of.status.value}
            claimed = put(PEERS, pair, "connectionId = :id AND #status = :seen", **seen)
        counted = count_request_action(connection)
        actions = [
            *counted,
            update(
                PEERS,
                key_of(over),
                f"SET {assignments(sets)} REMOVE expiresAt",
                "#version = :before",
                **sets,
                before=over.version,
            ),
            claimed,
            _release_pointer(connection),
            # What a stranger sends over a mere claim must cost the same, whether it is listed or held.
            *([] if connection.is_mere_claim else [add_budget_action(connection.token_hash)]),
            *_end(ended, instead_of),
            *map(add_notice_action, notices),
            *([add_message_action(message)] if message else []),
            *acceptance_actions(connection),
        ]
        try:
            commit(actions)
        except Refused as refused:
            if counted and refused.failed == [0]:
                wait = seconds_left_of_hour(parse_timestamp(connection.created_at))
                raise RateLimited(
                    "This person has received too many requests within this hour.", retry_after=wait
                ) from refused
            return False
        return True

    def end(self, connection: Connection, *, over: Connection, notice: ConnectionNotice | None) -> bool:
        """End a held request, keeping it for the notice that says why; False if it has changed. One store call."""
        columns = to_columns(connection)
        sets = {name: columns[name] for name in (*CHANGING, *_OF_THE_PERSON)}
        change = update(
            PEERS, key_of(over), f"SET {assignments(sets)}", "#version = :before", **sets, before=over.version
        )
        return try_commit([change, *([add_notice_action(notice)] if notice else [])])

    def drop(self, connection: Connection) -> None:
        """Delete a held request without a trace. A repeat does no harm. One store call."""
        try_commit(
            [
                delete(PEERS, key_of(connection), "held = :yes", yes=True),
                delete(PEERS, pointer_key(connection.connection_id)),
            ]
        )

    def confirm(self, connection: Connection, *, over: Connection, keys: Sequence[PeerKey]) -> bool:
        """Record the proof of a connection that counts already; False if it has changed. One store call."""
        columns = to_columns(connection)
        sets: Row = {name: columns[name] for name in ("proof", "updatedAt", "version")}
        if keys:
            sets["publishedKeys"] = list(map(PEER_KEY.to_row, keys))
        change = update(
            PEERS, key_of(over), f"SET {assignments(sets)}", "#version = :before", **sets, before=over.version
        )
        return try_commit([change, add_budget_action(connection.token_hash)])


def _release_pointer(connection: Connection) -> Action:
    sets, key = due_columns(connection) | {"userId": connection.user_id}, pointer_key(connection.connection_id)
    return update(PEERS, key, f"SET {assignments(sets)} REMOVE expiresAt", **sets)


def _end(ended: Connection | None, over: Connection | None) -> list[Action]:
    if ended is None or over is None:
        return []
    columns = to_columns(ended)
    sets = {name: columns[name] for name in CHANGING}
    return [update(PEERS, key_of(over), f"SET {assignments(sets)}", "#version = :before", **sets, before=over.version)]
