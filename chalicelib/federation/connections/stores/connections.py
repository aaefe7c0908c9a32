"""The table `peers`: connections with people of other desks.

TOKEN#<SHA-256>  / CONNECTION#<id>  the connection, its token sealed (see vault), its version, and the keys that its
                                    peer publishes (see peer_keys)
TOKEN#<SHA-256>  / BUDGET           see connection_budgets
CONNECTION#<id>  / CONNECTION       tokenHash, userId: they never change. dueQueue, dueAt: when the request ends, if
                                    nobody has answered it by then
USER#<id>        / PEER#<base URL>#<address>   the connection that counts between the two people: connectionId,
                                    tokenHash, status, initiator. A new request replaces one that has ended
CONNECTION#<id>  / NOTICE#<id>      see connection_notices
FEDERATION       / SETTINGS, KEY    see federation_settings

What comes over a connection finds it by its token, in one read. One transaction writes the first four rows. A
request whose desk has not confirmed it has no fourth row (see held_requests). The removal of a connection deletes the
fourth row at once, and its worker the others.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chalicelib.aws import dynamodb
from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import add_message_action
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, assignments, check, delete, put, put_new, update
from chalicelib.core.stores.audit_trail import note_no_change
from chalicelib.core.stores.hourly_limits import count_in_hour_action, seconds_left_of_hour
from chalicelib.core.stores.items import Row, from_item, values
from chalicelib.core.stores.reads import get, get_all, list_due, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeJob
from chalicelib.federation.connections.domain.connections import (
    MOST_REQUESTS_AN_HOUR,
    Connection,
    ConnectionState,
    ConnectionStatus,
    Initiator,
    PeerKey,
)
from chalicelib.federation.connections.domain.origins import is_below
from chalicelib.federation.connections.stores.claim_bounds import claim_bound_actions, too_many_claims
from chalicelib.federation.connections.stores.connection_budgets import add_budget_action, delete_budget_action
from chalicelib.federation.connections.stores.connection_notices import add_notice_action
from chalicelib.federation.connections.stores.connection_rows import (
    CHANGING,
    PEER_KEY,
    REQUESTS_QUEUE,
    connection_key,
    from_row,
    key_of,
    keys_due,
    pair_key,
    pair_key_of,
    pointer_key,
    sealed_token,
    state_from_pair_row,
    to_columns,
    to_pair_row,
    to_pointer_row,
    unsealed_token,
)
from chalicelib.federation.connections.stores.connection_tokens import DynamoConnectionTokens, oldest_first
from chalicelib.resources import PEERS

# A transaction has at most a hundred actions.
_AT_ONCE = 50


class DynamoConnections(DynamoConnectionTokens):
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None:
        """Find the connection that counts between two people. Two store calls; one if there is none."""
        found = _connections_of(get_all(PEERS, [pair_key(user_id, peer_url, asked_as)]))
        return found[0] if found else None

    def find(self, connection_id: str) -> Connection | None:
        """Find a connection by its id, unless it was removed. Two store calls; one if there is none."""
        found = self.find_with_removed(connection_id)
        return None if found is None or found.removed else found

    def find_with_removed(self, connection_id: str) -> Connection | None:
        """Find a connection by its id, also one whose rows are being deleted. Two store calls; one if there is none."""
        pointers = get_all(PEERS, [pointer_key(connection_id)])
        found = get_all(PEERS, [connection_key(pointers[0]["tokenHash"], connection_id)]) if pointers else []
        return from_row(found[0]) if found else None

    def list_own(self, user_id: str) -> list[Connection]:
        """List the connections of a person that count, oldest first. Two store calls; one if there is none."""
        return oldest_first(_connections_of(list(query_partition(PEERS, f"USER#{user_id}", "PEER#"))))

    def is_connected(self, user_id: str, peer_url: str) -> bool:
        """Whether the person has an active connection to anybody of this desk. One store call."""
        found = query_partition(PEERS, f"USER#{user_id}", f"PEER#{peer_url}#")
        return any(row["status"] == ConnectionStatus.ACTIVE for row in found)

    def add(
        self,
        connection: Connection,
        token: str,
        *,
        after: ConnectionStatus | None,
        message: Message | None,
        notices: Sequence[ConnectionNotice] = (),
        claimed_from: str | None = None,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> Connection | ConnectionState:
        """Store a new connection with its message and notices, unless another counts between the two people.

        A connection that was declined or has expired does not count, nor does one in the state `after`. Returns the
        new connection, or the state of the one that counts. `claimed_from` is the network address of a request that
        proves nothing. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
            RateLimited: the peer asks, and the user has received too many requests in this hour; or too many that prove
                nothing came from this network address.
        """
        ended = {"declined": ConnectionStatus.DECLINED.value, "expired": ConnectionStatus.EXPIRED.value}
        ended |= {"after": after.value} if after else {}
        condition = " OR ".join([NEW, *(f"#status = :{name}" for name in ended)])
        asked_at = parse_timestamp(connection.created_at)
        bounds = claim_bound_actions(connection, claimed_from, asked_at) if claimed_from else []
        counted = count_request_action(connection)
        actions = [
            put(PEERS, to_pair_row(connection), condition, **ended),
            *counted,
            *bounds,
            *_put_connection(connection, token),
            *map(add_notice_action, notices),
            *([add_message_action(message)] if message else []),
        ]
        try:
            # It is accepted at once or not at all, and only the former is recorded.
            accepted = connection.status is ConnectionStatus.ACTIVE
            commit(actions, claim=claim, reply=reply, audited=accepted and _subject(connection))
        except Refused as refused:
            _check_number(connection, refused, place=1)
            if bounds and 0 not in refused.failed:
                raise too_many_claims(asked_at) from refused
            # A repeat of the write below us meets its own row.
            if refused.rows[0].get("connectionId") != connection.connection_id:
                return state_from_pair_row(refused.rows[0])
        return connection

    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
        instead_of: Connection | None = None,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> bool:
        """Replace `over` by `connection`, with its message and notices; False if `over` has changed or does not count.

        With `instead_of` the connection takes that one's place as the one that counts. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if connection == over:
            unchanged = check(PEERS, key_of(over), "#version = :seen", seen=over.version)
            note_no_change()
            return claim is None or try_commit([unchanged], claim=claim, reply=reply)
        columns = to_columns(connection)
        changes = {name: columns[name] for name in CHANGING}
        sets = f"SET {assignments(changes)}"
        actions = [
            update(PEERS, key_of(over), sets, "#version = :seen", **changes, seen=over.version),
            _save_pair(connection, over, instead_of),
            *([add_budget_action(connection.token_hash)] if over.is_mere_claim else []),
            *map(add_notice_action, notices),
            *([add_message_action(message)] if message else []),
        ]
        return try_commit(actions, claim=claim, reply=reply, audited=_subject(connection))

    def meet(self, connection: Connection, *, over: Connection, keys: Sequence[PeerKey]) -> bool:
        """Record what a desk publishes: the keys, and its canonical address in `connection`.

        False if the connection has changed, or another one counts between the two people there. One store call.
        """
        sets = to_columns(connection)
        sets = {name: sets[name] for name in CHANGING} | {"publishedKeys": list(map(PEER_KEY.to_row, keys))}
        actions = [
            update(PEERS, key_of(over), f"SET {assignments(sets)}", "#version = :seen", **sets, seen=over.version)
        ]
        if connection.peer_url != over.peer_url:
            ended = {"declined": ConnectionStatus.DECLINED.value, "expired": ConnectionStatus.EXPIRED.value}
            condition = " OR ".join([NEW, *(f"#status = :{name}" for name in ended)])
            actions += [
                delete(PEERS, pair_key_of(over), "connectionId = :id", id=over.connection_id),
                put(PEERS, to_pair_row(connection), condition, **ended),
            ]
        return try_commit(actions)

    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]:
        """List the ids of requests that are too old, by their age; some may have an answer. One store call."""
        due = list_due(PEERS, REQUESTS_QUEUE, now=now, limit=limit)
        return [row["pk"].removeprefix("CONNECTION#") for row in due]

    def unwatch(self, connection_id: str) -> None:
        """List the connection among the old requests no more. One store call."""
        try_commit([update(PEERS, pointer_key(connection_id), "REMOVE dueQueue, dueAt", EXISTS)])

    def is_current(self, connection: Connection) -> bool:
        """Whether no later request of the same two people has replaced the connection. One store call."""
        found = get_all(PEERS, [pair_key_of(connection)])
        return bool(found) and found[0]["connectionId"] == connection.connection_id

    def remove(
        self, connection: Connection, *, over: Connection, notice: ConnectionNotice, message: Message | None
    ) -> bool:
        """Store `connection`, which was removed, and the notice that deletes it; False if `over` has changed.

        It is in no list from then on, and lets nothing in. Two store calls.
        """
        columns = to_columns(connection)
        sets = {name: columns[name] for name in CHANGING}
        counts = not over.held and self.is_current(over)
        of_pair = {"id": over.connection_id}
        actions = [
            update(PEERS, key_of(over), f"SET {assignments(sets)}", "#version = :seen", **sets, seen=over.version),
            add_notice_action(notice),
            *([delete(PEERS, pair_key_of(over), "connectionId = :id", **of_pair)] if counts else []),
            *([add_message_action(message)] if message else []),
        ]
        return try_commit(actions, audited=_subject(connection))

    def delete_removed(self, connection: Connection, job: ConnectionNoticeJob) -> None:
        """Delete the rows of a removed connection, that of `job` and its connection in the last write.

        Repeats do no harm. Store calls: 3, and 1 for 50 other notices; 1 more if its token serves other connections.
        """
        pk, own = f"CONNECTION#{connection.connection_id}", f"NOTICE#{job.notice_id}"
        notices = [{"pk": pk, "sk": row["sk"]} for row in query_partition(PEERS, pk, "NOTICE#") if row["sk"] != own]
        for start in range(0, len(notices), _AT_ONCE):
            commit([delete(PEERS, key) for key in notices[start : start + _AT_ONCE]])
        others = self._others_with_token(connection)
        commit(
            [
                delete(PEERS, {"pk": pk, "sk": own}),
                delete(PEERS, pointer_key(connection.connection_id)),
                delete(PEERS, key_of(connection)),
                *([] if others else [delete_budget_action(connection.token_hash)]),
            ]
        )
        # A request with the same token may have come in meanwhile, and nothing comes in unlimited.
        if not others and self._others_with_token(connection):
            commit([add_budget_action(connection.token_hash)])

    def _others_with_token(self, connection: Connection) -> bool:
        found = query_partition(PEERS, f"TOKEN#{connection.token_hash}", "CONNECTION#")
        return any(row["sk"] != key_of(connection)["sk"] for row in found)

    def list_of_origin(self, origin: str) -> Iterator[Connection]:
        """List every connection and request with the desk at this canonical origin, or at addresses below it.

        Also those that are in no person's list. One store call per megabyte of the whole table.
        """
        pages = (
            dynamodb()
            .get_paginator("scan")
            .paginate(
                TableName=PEERS.physical_name,
                ConsistentRead=True,
                FilterExpression="begins_with(pk, :token) AND begins_with(sk, :connection)",
                ExpressionAttributeValues=values(token="TOKEN#", connection="CONNECTION#"),
            )
        )
        found = (from_row(from_item(dict(item))) for page in pages for item in page["Items"])
        yield from (each for each in found if is_below(each.peer_url, origin))

    def token_of(self, connection: Connection) -> str | None:
        """Return the connection's token in clear; None if the connection was removed. One store call.

        Raises:
            ValueError: it was sealed with another deployment's key, or none is set.
        """
        row = get(PEERS, key_of(connection))
        return unsealed_token(row) if row is not None else None


def _put_connection(connection: Connection, token: str) -> list[Action]:
    sealed = sealed_token(connection.connection_id, token)
    return [
        put_new(PEERS, key_of(connection) | to_columns(connection) | sealed | keys_due(connection)),
        put_new(PEERS, to_pointer_row(connection)),
        add_budget_action(connection.token_hash),
    ]


def _save_pair(connection: Connection, over: Connection, instead_of: Connection | None) -> Action:
    status = connection.status.value
    if instead_of is None:
        key, id_ = pair_key_of(over), over.connection_id
        return update(PEERS, key, "SET #status = :status", "connectionId = :id", status=status, id=id_)
    condition = "connectionId = :id AND #status = :seen"
    id_, seen = instead_of.connection_id, instead_of.status.value
    return put(PEERS, to_pair_row(connection), condition, id=id_, seen=seen)


def count_request_action(connection: Connection) -> list[Action]:
    """Return the action that counts a peer's request in this hour of its person.

    None for a request of this desk, and for one that proves its origin: what strangers claim takes nobody's room.
    """
    if connection.initiator is Initiator.US or connection.proof is not None:
        return []
    asked_at = parse_timestamp(connection.created_at)
    return [count_in_hour_action(asked_at, most=MOST_REQUESTS_AN_HOUR, of=f"REQUESTS#{connection.user_id}")]


def _check_number(connection: Connection, refused: Refused, *, place: int) -> None:
    """Raise RateLimited if only the number of requests was refused, which the action at `place` counts."""
    if count_request_action(connection) and list(refused.failed) == [place]:
        wait = seconds_left_of_hour(parse_timestamp(connection.created_at))
        detail = f"This person has received too many requests within this hour. Try again in {wait} s."
        raise RateLimited(detail, retry_after=wait) from refused


def _connections_of(pairs: Sequence[Row]) -> list[Connection]:
    keys = [connection_key(each["tokenHash"], each["connectionId"]) for each in pairs]
    return list(map(from_row, get_all(PEERS, keys))) if keys else []


def _subject(connection: Connection) -> Subject:
    return Subject("connection", connection.connection_id, connection.user_id)
