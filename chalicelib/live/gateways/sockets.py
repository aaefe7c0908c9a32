"""API Gateway's management API: text to an open socket, and its end."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.live.domain.sockets import PostOutcome

log = logging.getLogger("fluxden")


class ApiGatewaySockets:
    def post(self, connection_id: str, text: str) -> PostOutcome:
        """Send a text frame. Not a store call."""
        try:
            aws.sockets().post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except ClientError as error:
            if error.response["Error"]["Code"] == "GoneException":
                return PostOutcome.GONE
            log.exception("connection %s did not take a frame", connection_id)
            return PostOutcome.FAILED
        except BotoCoreError:
            log.exception("connection %s was not reached", connection_id)
            return PostOutcome.FAILED
        return PostOutcome.TAKEN

    def close(self, connection_id: str) -> None:
        """End the socket; one that has ended is left alone. Not a store call."""
        try:
            aws.sockets().delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "GoneException":
                raise
