"""The signed-in person, and their integrations: the tokens with which integrators publish to them."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.stores.push import DynamoPush
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY, OWNER_INDEX, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.integrations import IntegrationOut, IntegrationSwitch, SwitchedIntegrationOut
from chalicelib.tokens.domain.me import MeOut, UrlsOut, to_response
from chalicelib.tokens.services import integrations
from chalicelib.tokens.stores.integrations import DynamoIntegrations
from chalicelib.tokens.stores.me import DynamoMe

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/me",
    tag="Me",
    envelope="MeAnswer",
    answers={200: "The signed-in person."},
    permission=ANY_PERMISSION,
    grants=SPEND + DIRECTORY.can("Query", "GetItem"),
)
def get_me(caller: ApiKey) -> MeOut:
    """Get the signed-in person, the key's permissions and the service's URLs.

    The reply contains all that a front end needs to start.
    """
    known, push_key = gather(lambda: DynamoMe().find_stored_person(caller.user_id), DynamoPush().find_public_key)
    if known is None:
        raise Forbidden("The key's owner is no employee.")
    given = settings()
    urls = UrlsOut(base=given.base_url or None, socket=given.socket_url or None)
    return to_response(known, caller=caller, urls=urls, push_available=push_key is not None)


@operation(
    bp,
    "GET",
    "/api/v2/me/integrations",
    tag="Me",
    envelope="IntegrationsAnswer",
    answers={200: "The integrations."},
    grants=SPEND + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem"),
)
def list_integrations(caller: ApiKey, context: RequestContext) -> list[IntegrationOut]:
    """List your integrations: the tokens with which integrators publish to you, newest first.

    Secrets are not shown. A new token may take a moment to appear. These operations need a key with the permission
    `all`.
    """
    return integrations.list_integrations(owner=caller, context=context, integrations=DynamoIntegrations())


@operation(
    bp,
    "PATCH",
    "/api/v2/me/integrations/{integrationId}",
    tag="Me",
    envelope="SwitchedIntegrationAnswer",
    answers={200: "The updated integration."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=SwitchedIntegrationOut.model_validate,
    grants=SPEND + REMEMBER + TOKENS.can("UpdateItem") + DIRECTORY.can("ConditionCheckItem"),
    audits=(
        AuditKind.PERSONAL_TOKEN_ENABLE,
        AuditKind.PERSONAL_TOKEN_DISABLE,
    ),
)
def switch_integration(
    integrationId: str,  # noqa: N803 - contract's spelling
    body: IntegrationSwitch,
    caller: ApiKey,
    context: RequestContext,
) -> SwitchedIntegrationOut:
    """Disable an integration, or enable it again.

    While it is disabled, the integrator can't publish to you, not even in bulk, and can't claim another token. What an
    administrator disabled only an administrator can enable (403). A revoked token can't be enabled (409).
    """
    kind = AuditKind.PERSONAL_TOKEN_ENABLE if body.is_active else AuditKind.PERSONAL_TOKEN_DISABLE
    with audited(kind, caller, context, Subject("personalToken", integrationId)):
        return integrations.switch_integration(
            integrationId, body, owner=caller, context=context, integrations=DynamoIntegrations()
        )
