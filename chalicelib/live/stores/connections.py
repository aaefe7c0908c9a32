"""Open connections, in the table `sockets` beside their person's log (see frames).

pk = <user id>, sk = SOCKET#<connection id>: what writers of frames need to know, and what it has been told
pk = CONNECTION#<connection id>, sk = CONNECTION: whose it is; the gateway's events name nothing else
Both are swept some time after `expiresAt`, should the gateway never say that the connection has ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Inactive
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import known_key
from chalicelib.live.domain.connections import Connection
from chalicelib.resources import SOCKETS, TOKENS
from chalicelib.tokens.stores.token_rows import token_key

PREFIX = "SOCKET#"


class DynamoConnections:
    def add(self, connection: Connection) -> None:
        """Store a new connection, not live yet, while its key works: whoever ends the key finds it. One store call.

        Raises:
            Inactive: the key has ended since it was presented.
        """
        puts = (
            _socket(connection.user_id, connection.connection_id) | columns(connection),
            _pointer(connection.connection_id) | columns(connection),
        )
        actions: list[Action] = [{"Put": {"TableName": SOCKETS.physical_name, "Item": to_item(row)}} for row in puts]
        works: Action = {
            "ConditionCheck": {
                "TableName": TOKENS.physical_name,
                "Key": to_item(token_key(known_key(connection.key_hash))),
                "ConditionExpression": "#status = :active",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": values(active=TokenStatus.ACTIVE.value),
            }
        }
        try:
            commit([*actions, works], claim=None, reply={})
        except Refused as refused:
            raise Inactive("The key has ended.") from refused

    def find(self, connection_id: str, *, now: datetime) -> Connection | None:
        """The connection as it was opened, while it lasts. One store call."""
        return self._get(_pointer(connection_id), now)

    def find_progress(self, user_id: str, connection_id: str, *, now: datetime) -> Connection | None:
        """The connection with what it has been told, while it lasts. One store call."""
        return self._get(_socket(user_id, connection_id), now)

    def save_progress(self, connection: Connection) -> bool:
        """Note what the connection has been told; False when it has ended. One store call."""
        try:
            commit([progress_of(connection)], claim=None, reply={})
        except Refused:
            return False
        return True

    def remove(self, connection: Connection) -> None:
        """Forget the connection; again does no harm. One store call."""
        keys = (_socket(connection.user_id, connection.connection_id), _pointer(connection.connection_id))
        commit(
            [{"Delete": {"TableName": SOCKETS.physical_name, "Key": to_item(key)}} for key in keys],
            claim=None,
            reply={},
        )

    def list_of(self, user_id: str) -> Sequence[Connection]:
        """All of a person's connections, also those that are past their time. One store call."""
        rows = query(
            SOCKETS,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=values(pk=user_id, prefix=PREFIX),
            ConsistentRead=True,
        )
        return [connection_of(row) for row in rows]

    def _get(self, key: Row, now: datetime) -> Connection | None:
        got = dynamodb().get_item(TableName=SOCKETS.physical_name, Key=to_item(key), ConsistentRead=True)
        found = connection_of(from_item(dict(got["Item"]))) if "Item" in got else None
        return found if found and found.expires_at > now.timestamp() else None


def columns(connection: Connection) -> Row:
    """A connection's own attributes."""
    return {
        "connectionId": connection.connection_id,
        "userId": connection.user_id,
        "keyId": connection.key_id,
        "keyHash": connection.key_hash,
        "areas": sorted(connection.areas),
        "openedAt": connection.opened_at,
        "expiresAt": connection.expires_at,
        "toldFrom": connection.told_from,
        "toldTo": connection.told_to,
        "live": connection.live,
        "welcomed": connection.welcomed,
    }


def connection_of(row: Row) -> Connection:
    """The connection that a row holds."""
    return Connection(
        connection_id=row["connectionId"],
        user_id=row["userId"],
        key_id=row["keyId"],
        key_hash=row["keyHash"],
        areas=frozenset(row["areas"]),
        opened_at=int(row["openedAt"]),
        expires_at=int(row["expiresAt"]),
        told_from=int(row["toldFrom"]),
        told_to=int(row["toldTo"]),
        live=row["live"],
        welcomed=row["welcomed"],
    )


def _socket(user_id: str, connection_id: str) -> dict[str, Any]:
    return {"pk": user_id, "sk": f"{PREFIX}{connection_id}"}


def _pointer(connection_id: str) -> dict[str, Any]:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def progress_of(connection: Connection) -> Action:
    """The part of a transaction that notes what the connection has been told, as long as there is one."""
    return {
        "Update": {
            "TableName": SOCKETS.physical_name,
            "Key": to_item(_socket(connection.user_id, connection.connection_id)),
            "UpdateExpression": "SET toldFrom = :from, toldTo = :to, live = :live, welcomed = :welcomed",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": values(
                to=connection.told_to,
                live=connection.live,
                welcomed=connection.welcomed,
                **{"from": connection.told_from},
            ),
        }
    }
