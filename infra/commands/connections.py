"""What the commands that end somebody's access do to the connections that are open."""

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import Closer
from chalicelib.live.stores.connections import DynamoConnections


def closer() -> Closer:
    return Closer(DynamoConnections(), ApiGatewaySockets())
