"""The heartbeats that a host sends to each open socket, without being asked for."""

from datetime import UTC, datetime

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.heartbeats import HeartbeatSender
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather


def send_heartbeat(connection_id: str) -> None:
    """Send a heartbeat to a socket of this host, or close it if it has ended in the store."""
    sender = HeartbeatSender(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather)
    sender.send_to(connection_id, now=datetime.now(UTC))
