"""Create the demo organisation's connection with a person of another desk."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, Proof
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation

Identify = Callable[[str, str], str]

PEER_URL = "https://desk.peer.example"
PEER_EMAIL, PEER_NAME = "pat@peer.example", "Pat Peer"


def create(
    users: Mapping[str, str], identifier: Identify, new_secret: Callable[[str], bytes], *, now: datetime
) -> dict[str, Any]:
    """Connect Alice with Pat, and return the entries in the demo file.

    The desk accepts relays from connected desks, but no new connection requests.
    """
    DynamoFederation().save_settings(FederationSettings(FederationMode.CLOSED, inbound=True, approval=True))
    connection_id, token = identifier("connection", "pat"), new_secret("connection").hex()
    if (known := DynamoConnections().find(connection_id)) is not None:
        return {"connection_id": connection_id, "federation_token": str(DynamoConnections().token_of(known))}
    made = Connection(
        connection_id=connection_id,
        user_id=users["alice"],
        user_email="alice@example.com",
        user_name="Alice",
        peer_url=PEER_URL,
        peer_email=PEER_EMAIL,
        asked_as=PEER_EMAIL,
        peer_name=PEER_NAME,
        peer_instance_name="Peer",
        peer_connection_id=None,
        token_hash=token_hash(token),
        status=ConnectionStatus.ACTIVE,
        initiator=Initiator.PEER,
        hmac_enabled=False,
        peer_key=None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        nickname=PEER_NAME,
        # As after Pat's desk confirmed it. Its host does not exist.
        proof=Proof.CALLBACK,
    )
    DynamoConnections().add(made, token, after=None, message=None)
    return {"connection_id": connection_id, "federation_token": token}
