"""Admin: employees, integrators, event types and budgets."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.operate.domain.integrators import IntegratorTypesOut, NewIntegratorIn
from chalicelib.operate.domain.people import PersonOut, to_person_response
from chalicelib.operate.domain.usage import Budgets, UsageOut, UsageQuery
from chalicelib.operate.services import integrators, usage
from chalicelib.parallel import gather
from chalicelib.people.domain.directory import IntegratorDetails, IntegratorPatch, to_details
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, DIRECTORY, EVENT_TYPES, OWNER_INDEX, SENT_INDEX, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.stores.grants import DynamoGrants

bp = Blueprint(__name__)


@operate(
    bp,
    "GET",
    "/api/v2/operate/people",
    envelope="PeopleAnswer",
    answers={200: "The employees."},
    grants=OPERATE + DIRECTORY.can("Query"),
)
def list_people(caller: ApiKey) -> list[PersonOut]:  # noqa: ARG001 - admits
    """List all employees by address, including former employees."""
    return [to_person_response(each) for each in DynamoDirectory().list_people()]


@operate(
    bp,
    "GET",
    "/api/v2/operate/integrators",
    envelope="IntegratorsAnswer",
    answers={200: "The integrators."},
    grants=OPERATE + DIRECTORY.can("Query"),
)
def list_all_integrators(caller: ApiKey) -> list[IntegratorDetails]:  # noqa: ARG001 - admits
    """List all integrators by slug, including archived ones."""
    return [to_details(each) for each in DynamoDirectory().list_integrators()]


@operate(
    bp,
    "POST",
    "/api/v2/operate/integrators",
    status=201,
    envelope="IntegratorAnswer",
    answers={201: "The integrator."},
    refusals=(Conflict, TooLarge),
    replay=IntegratorDetails.model_validate,
    grants=OPERATE + REMEMBER + DIRECTORY.can("Query", "PutItem"),
    audits=(AuditKind.INTEGRATOR_CREATE,),
)
def create_integrator(body: NewIntegratorIn, caller: ApiKey, context: RequestContext) -> IntegratorDetails:
    """Create an integrator.

    Its event prefix ends with a dot and can't overlap the prefix of another integrator. You can't change the slug or
    the prefix later.
    """
    with audited(AuditKind.INTEGRATOR_CREATE, caller, context, Subject("integrator", body.slug)):
        made = integrators.register_integrator(
            body, integrator_id=str(uuid4()), now=context.now, integrators=DynamoDirectory(), claim=context.claim
        )
        return to_details(made)


@operate(
    bp,
    "PATCH",
    "/api/v2/operate/integrators/{slug}",
    envelope="IntegratorAnswer",
    answers={200: "The updated integrator."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=IntegratorDetails.model_validate,
    grants=OPERATE + REMEMBER + DIRECTORY.can("UpdateItem"),
    audits=(AuditKind.INTEGRATOR_UPDATE,),
)
def update_integrator(slug: str, body: IntegratorPatch, caller: ApiKey, context: RequestContext) -> IntegratorDetails:
    """Update the details of an integrator.

    Members that you leave out keep their values.
    """
    with audited(AuditKind.INTEGRATOR_UPDATE, caller, context, Subject("integrator", slug)):
        made = integrators.update_integrator(slug, body, context=context, integrators=DynamoDirectory())
        return to_details(made)


@operate(
    bp,
    "GET",
    "/api/v2/operate/event-types",
    envelope="IntegratorTypesAnswer",
    answers={200: "The event types by integrator."},
    grants=OPERATE
    + DIRECTORY.can("Query")
    + EVENT_TYPES.can("GetItem", "Query")
    + DELIVERIES.can("Query", index=SENT_INDEX),
)
def list_all_event_types(caller: ApiKey, context: RequestContext) -> list[IntegratorTypesOut]:  # noqa: ARG001 - admits
    """List the event types of the last 90 days by integrator, with their number of deliveries."""
    return integrators.list_event_types(
        context=context, integrators=DynamoDirectory(), types=DynamoEventTypes(), gather=gather
    )


@operate(
    bp,
    "GET",
    "/api/v2/operate/budgets",
    envelope="UsageAnswer",
    answers={200: "The budgets and their usage."},
    grants=OPERATE + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem"),
)
def show_budgets(query: UsageQuery, caller: ApiKey, context: RequestContext) -> UsageOut:  # noqa: ARG001 - admits
    """Show the rate budgets, and how much of them tokens have used.

    The reply covers the current minute and day of all tools tokens, or with `userId` of a person's personal tokens and
    keys.
    """
    given = settings()
    budgets = Budgets(given.personal_budget, given.tools_budget, given.key_budget, given.platform_budget)
    return usage.show_usage(query.user_id, budgets, context=context, grants=DynamoGrants())
