"""Open sockets, in the table `sockets` beside their person's log (see frames).

pk = <user id>, sk = SOCKET#<connection id>: what writers of frames need to know, and what it has been told
pk = CONNECTION#<connection id>, sk = CONNECTION: whose it is; the gateway's events name nothing else
Both are swept some time after `expiresAt`, should the gateway never say that the socket has ended.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Inactive
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, check, delete, put, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import key_from_hash
from chalicelib.live.domain.sockets import Socket
from chalicelib.resources import SOCKETS, TOKENS
from chalicelib.tokens.stores.token_rows import token_key

PREFIX = "SOCKET#"
SOCKET = Codec(Socket, {"sent_after": "toldFrom", "sent_to": "toldTo", "greeted": "welcomed"})


class DynamoSockets:
    def add(self, socket: Socket) -> None:
        """Store a new socket, not live yet, while its key works: whoever ends the key finds it. One store call.

        Raises:
            Inactive: the key has ended since it was presented.
        """
        columns = SOCKET.to_row(socket)
        key = token_key(key_from_hash(socket.key_hash))
        actions = [
            put(SOCKETS, _socket_key(socket.user_id, socket.connection_id) | columns),
            put(SOCKETS, _pointer_key(socket.connection_id) | columns),
            check(TOKENS, key, "#status = :active", active=TokenStatus.ACTIVE.value),
        ]
        try:
            commit(actions)
        except Refused as refused:
            raise Inactive("The key has ended.") from refused

    def find(self, connection_id: str, *, now: datetime) -> Socket | None:
        """The socket as it was opened, while it lasts. One store call."""
        return self._get(_pointer_key(connection_id), now)

    def find_progress(self, user_id: str, connection_id: str, *, now: datetime) -> Socket | None:
        """The socket with what it has been told, while it lasts. One store call."""
        return self._get(_socket_key(user_id, connection_id), now)

    def save_progress(self, socket: Socket) -> bool:
        """Note what the socket has been told; False when it has ended. One store call."""
        return try_commit([progress_action(socket)])

    def remove(self, socket: Socket) -> None:
        """Forget the socket; again does no harm. One store call."""
        keys = (_socket_key(socket.user_id, socket.connection_id), _pointer_key(socket.connection_id))
        commit([delete(SOCKETS, key) for key in keys])

    def list_of(self, user_id: str) -> Sequence[Socket]:
        """All of a person's sockets, also those that are past their time. One store call."""
        return list(map(SOCKET.from_row, query_partition(SOCKETS, user_id, PREFIX)))

    def _get(self, key: Row, now: datetime) -> Socket | None:
        row = get(SOCKETS, key)
        socket = SOCKET.from_row(row) if row else None
        return socket if socket and socket.expires_at > now.timestamp() else None


def _socket_key(user_id: str, connection_id: str) -> Row:
    return {"pk": user_id, "sk": f"{PREFIX}{connection_id}"}


def _pointer_key(connection_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def progress_action(socket: Socket) -> Action:
    """The part of a transaction that notes what the socket has been told, as long as there is one."""
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
