"""The line in the log that tells what an operator has changed: who, what, on which row, and never a secret."""

import json
import logging

from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey

log = logging.getLogger("fluxden")


def audit(caller: ApiKey, call: Call, what: str, row: str) -> None:
    """Say that the operator has done `what` to `row`, such as `integrator.create` to `fd1`."""
    line = {"audit": what, "row": row, "operator": caller.user_id, "keyId": caller.key_id, "requestId": call.request_id}
    log.info(json.dumps(line))
