"""API Gateway's management API, and that of hosts: text to an open socket, and its end."""

import logging
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from chalicelib import aws
from chalicelib.live.domain.sockets import PostOutcome

log = logging.getLogger("fluxden")


# Called with the endpoint of a host that takes no connection.
on_unreachable: list[Callable[[str], None]] = []
# Nobody waits for such a host again within this time.
_RETRY_SECONDS = 5.0
_unreachable: dict[str, float] = {}


class ApiGatewaySockets:
    """Reaches a socket through the host that holds it. Where there is only one, as on AWS, `host` is empty."""

    def post(self, connection_id: str, text: str, host: str = "") -> PostOutcome:
        """Send a text frame. Not a store call."""
        if _is_unreachable(host):
            return PostOutcome.FAILED
        try:
            aws.sockets(host).post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except ClientError as error:
            if error.response["Error"]["Code"] == "GoneException":
                return PostOutcome.GONE
            log.exception("connection %s did not take a frame", connection_id)
            return PostOutcome.FAILED
        except BotoCoreError as error:
            log.exception("connection %s was not reached", connection_id)
            if host and isinstance(error, EndpointConnectionError | ConnectTimeoutError):
                _note_unreachable(host)
            return PostOutcome.FAILED
        return PostOutcome.TAKEN

    def close(self, connection_id: str, host: str = "") -> None:
        """End the socket; one that has ended is left alone. Not a store call."""
        if _is_unreachable(host):
            return
        try:
            aws.sockets(host).delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "GoneException":
                raise


def _is_unreachable(host: str) -> bool:
    return host in _unreachable and time.monotonic() < _unreachable[host]


def _note_unreachable(host: str) -> None:
    now = time.monotonic()
    for each in [each for each, until in list(_unreachable.items()) if until < now]:
        _unreachable.pop(each, None)
    _unreachable[host] = now + _RETRY_SECONDS
    for notify in on_unreachable:
        notify(host)
