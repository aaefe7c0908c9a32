"""Close open WebSockets when a command ends somebody's access."""

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets
from infra.host_secret import share_secret


def new_closer() -> SocketCloser:
    share_secret()
    return SocketCloser(DynamoSockets(), ApiGatewaySockets())
