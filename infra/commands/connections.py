"""What the commands that end somebody's access do to the connections that are open."""

from chalicelib.gateways.sockets import ApiGatewaySockets
from chalicelib.services.sockets import Closer
from chalicelib.stores.connections import DynamoConnections


def closer() -> Closer:
    return Closer(DynamoConnections(), ApiGatewaySockets())
