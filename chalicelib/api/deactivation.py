"""The deactivation of employees, on the stores and gateways of this desk."""

import time

from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.operate.services.deactivation import Deactivation
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.sessions import DynamoSessions

# How long an index can lag behind its table.
SETTLING_SECONDS = 1.0

# What an operation needs that deactivates employees.
DEACTIVATE = (
    DIRECTORY.can("BatchGetItem", "Query", "UpdateItem", "DeleteItem")
    + TOKENS.can("Query", index=OWNER_INDEX)
    + TOKENS.can("BatchGetItem", "GetItem", "UpdateItem", "DeleteItem")
    + SOCKETS.can("Query", "PutItem", "UpdateItem", "DeleteItem")
    + SOCKET_API.can_post()
)


def new_deactivation() -> Deactivation:
    frames = DynamoFrames()
    return Deactivation(
        DynamoDirectory(),
        DynamoGrants(),
        DynamoSessions(),
        DynamoPush(),
        SocketCloser(DynamoSockets(), ApiGatewaySockets()),
        frames,
        settle=lambda: time.sleep(SETTLING_SECONDS),
    )
