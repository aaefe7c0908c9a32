"""Text of other desks: always marked with its origin, and never in the voice of this desk."""

from datetime import datetime
from typing import Any

from pydantic_core import Url

from chalicelib.chat.domain.chat import Message, new_remote_message
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.origins import SOURCE

_LONGEST_AUTHOR = 100


def origin_marks(connection: Connection) -> dict[str, Any]:
    """Return the members that mark what came over a connection."""
    return {"source": SOURCE, "verified": connection.is_confirmed, "origin": connection.peer_url}


def new_peer_message(
    content: str, connection: Connection, *, message_id: str, user_id: str, metadata: dict[str, Any], now: datetime
) -> Message:
    """Return a chat message with text of a peer, marked with its origin and signed with its host."""
    return new_remote_message(
        content,
        author=(Url(connection.peer_url).host or connection.peer_url)[:_LONGEST_AUTHOR],
        message_id=message_id,
        user_id=user_id,
        metadata=metadata | origin_marks(connection),
        now=now,
    )
