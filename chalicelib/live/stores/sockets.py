"""Open sockets, in the table `sockets` beside their person's log (see frames).

pk = <user id>, sk = SOCKET#<connection id>: the socket for writers of frames, with its progress through the log
pk = CONNECTION#<connection id>, sk = CONNECTION: the socket by its connection id, which is all that the gateway sends
The index `heartbeat` has these by their `heartbeatShard`, which follows from the person, and by person.
The table's TTL deletes both some time after `expiresAt` if the gateway never reports the end of the socket.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from zlib import crc32

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Inactive
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, check, delete, put, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, query, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.live.domain.sockets import Socket
from chalicelib.resources import HEARTBEAT_INDEX, SOCKETS, TOKENS
from chalicelib.tokens.stores.token_rows import token_key

PREFIX = "SOCKET#"
# The row beside them that counts the person's browsers with push notifications (see push).
BROWSERS_MARK = "WEBPUSH"
# So that many people can connect at once. A change leaves out the sockets that are open.
_SHARDS = 8
SOCKET = Codec(Socket, {"sent_after": "toldFrom", "sent_to": "toldTo", "greeted": "welcomed"})


class DynamoSockets:
    def add(self, socket: Socket) -> None:
        """Store a new socket, not live yet, if its key is active; revoking the key finds the socket. One store call.

        Raises:
            Inactive: the key has ended since it was presented.
        """
        columns = SOCKET.to_row(socket)
        key = token_key(socket.token)
        actions = [
            put(SOCKETS, _socket_key(socket.user_id, socket.connection_id) | columns),
            put(SOCKETS, _pointer_key(socket.connection_id) | columns | {"heartbeatShard": _shard(socket.user_id)}),
            check(TOKENS, key, "#status = :active", active=TokenStatus.ACTIVE.value),
        ]
        try:
            commit(actions)
        except Refused as refused:
            raise Inactive("The key has ended.") from refused

    def find(self, connection_id: str, *, now: datetime) -> Socket | None:
        """Find a socket as it was opened; None if it has expired. One store call."""
        return self._get(_pointer_key(connection_id), now)

    def find_progress(self, user_id: str, connection_id: str, *, now: datetime) -> Socket | None:
        """Find a socket with its progress; None if it has expired. One store call."""
        return self._get(_socket_key(user_id, connection_id), now)

    def save_progress(self, socket: Socket) -> bool:
        """Store the socket's progress; False if the socket has ended. One store call."""
        return try_commit([progress_action(socket)])

    def save_view(self, socket: Socket) -> None:
        """Store until when a person looks at the socket, unless it has ended. One store call."""
        key = _socket_key(socket.user_id, socket.connection_id)
        try_commit([update(SOCKETS, key, "SET viewedUntil = :until", EXISTS, until=socket.viewed_until)])

    def remove(self, socket: Socket) -> None:
        """Delete the socket; repeating it is harmless. One store call."""
        keys = (_socket_key(socket.user_id, socket.connection_id), _pointer_key(socket.connection_id))
        commit([delete(SOCKETS, key) for key in keys])

    def list_of(self, user_id: str) -> Sequence[Socket]:
        """List a person's sockets, including expired ones. One store call."""
        return list(map(SOCKET.from_row, query_partition(SOCKETS, user_id, PREFIX)))

    def list_listeners(self) -> Iterator[str]:
        """List everybody who has open sockets, each once. One store call for each of 8 shards, at least.

        The index may lag, and may have sockets that have expired.
        """
        for shard in range(_SHARDS):
            rows = query(
                SOCKETS,
                IndexName=HEARTBEAT_INDEX,
                KeyConditionExpression="heartbeatShard = :shard",
                ExpressionAttributeValues=values(shard=str(shard)),
            )
            for user_id, _ in groupby(rows, key=itemgetter("userId")):
                yield user_id

    def _get(self, key: Row, now: datetime) -> Socket | None:
        row = get(SOCKETS, key)
        socket = SOCKET.from_row(row) if row else None
        return socket if socket and socket.expires_at > now.timestamp() else None


def _socket_key(user_id: str, connection_id: str) -> Row:
    return {"pk": user_id, "sk": f"{PREFIX}{connection_id}"}


def _pointer_key(connection_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def _shard(user_id: str) -> str:
    return str(crc32(user_id.encode()) % _SHARDS)


def progress_action(socket: Socket) -> Action:
    """Return the action that stores the socket's progress, if the socket exists."""
    return update(
        SOCKETS,
        _socket_key(socket.user_id, socket.connection_id),
        "SET toldFrom = :from, toldTo = :to, live = :live, welcomed = :welcomed",
        EXISTS,
        to=socket.sent_to,
        live=socket.live,
        welcomed=socket.greeted,
        **{"from": socket.sent_after},
    )
