"""An employee's integrations: list them, disable one, enable it again."""

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.tokens.domain.integrations import (
    IntegrationOut,
    IntegrationSwitch,
    SwitchedIntegrationOut,
    to_response,
)
from chalicelib.tokens.services.ports import Integrations


def list_integrations(*, owner: ApiKey, context: RequestContext, integrations: Integrations) -> list[IntegrationOut]:
    """List the owner's integrations, newest first. Store calls after authentication: 2; 1 when there are none."""
    return [to_response(each, now=context.now) for each in integrations.list_of(owner.user_id)]


def switch_integration(
    token_id: str,
    request: IntegrationSwitch,
    *,
    owner: ApiKey,
    context: RequestContext,
    integrations: Integrations,
) -> SwitchedIntegrationOut:
    """Enable or disable one of the owner's integrations. Store calls after authentication: 1.

    A disabled token is refused, and no claim or bulk call issues another in its place.

    Raises:
        NotFound: the token is unknown, or another person's.
        Conflict: it is revoked.
        Forbidden: it would be enabled, and an administrator disabled it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not is_uuid(token_id):
        raise NotFound("Integration not found.")
    switched = SwitchedIntegrationOut(id=token_id.lower(), is_active=request.is_active)
    integrations.switch(
        switched.id,
        active=request.is_active,
        user_id=owner.user_id,
        claim=context.claim,
        reply=switched.model_dump(mode="json"),
    )
    return switched
