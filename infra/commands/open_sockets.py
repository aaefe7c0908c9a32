"""Close open WebSockets when a command ends somebody's access."""

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets


def new_closer() -> SocketCloser:
    return SocketCloser(DynamoSockets(), ApiGatewaySockets())
