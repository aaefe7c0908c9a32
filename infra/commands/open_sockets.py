"""Close open WebSockets when a command ends somebody's access."""

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import Closer
from chalicelib.live.stores.connections import DynamoConnections


def new_closer() -> Closer:
    return Closer(DynamoConnections(), ApiGatewaySockets())
