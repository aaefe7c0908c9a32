"""Log the changes that administrators make, without secrets."""

import logging

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.requests import RequestContext

log = logging.getLogger("fluxden")


def audit(caller: ApiKey, context: RequestContext, action: str, row: str) -> None:
    """Log that the administrator did `action` to `row`, such as `integrator.create` to `fd1`."""
    line = {
        "audit": action,
        "row": row,
        "operator": caller.user_id,
        "keyId": caller.key_id,
        "requestId": context.request_id,
    }
    log.info("audit", extra=line)
