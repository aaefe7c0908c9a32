"""The event types that integrators declare, for people and for operators."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited, drop_if_unchanged
from chalicelib.api.v2.contract import OPERATE, SPEND, operate, operation
from chalicelib.catalog.domain.declared_types import DeclaredTypesIn, DeclaredTypesOut, IntegratorTypes
from chalicelib.catalog.services.declared_types import declare_types_of, list_types
from chalicelib.catalog.stores.declared_types import DynamoDeclaredTypes
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, DIRECTORY

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/event-types",
    tag="Me",
    envelope="DeclaredTypesAnswer",
    answers={200: "The declared event types by integrator."},
    permission="inbox",
    grants=SPEND + CATALOG.can("Query") + DIRECTORY.can("Query"),
)
def list_declared_types(caller: ApiKey) -> list[IntegratorTypes]:  # noqa: ARG001 - admits
    """List the event types that integrators declare, with their names, for rules of preferences.

    Integrators that are not archived come by slug; `types` is empty if one declares none.
    """
    return list_types(declared=DynamoDeclaredTypes(), integrators=DynamoDirectory(), gather=gather)


@operate(
    bp,
    "PUT",
    "/api/v2/operate/integrators/{slug}/event-types",
    envelope="IntegratorTypesDeclaredAnswer",
    answers={200: "The declared event types."},
    refusals=(NotFound, Conflict, TooLarge),
    grants=OPERATE + CATALOG.can("GetItem", "PutItem", "DeleteItem") + DIRECTORY.can("BatchGetItem"),
    audits=(AuditKind.INTEGRATOR_EVENT_TYPES,),
)
def operate_declare_types(
    slug: str, body: DeclaredTypesIn, caller: ApiKey, context: RequestContext
) -> DeclaredTypesOut:
    """Declare the event types of an integrator, in place of those that are declared.

    The integrator itself does so by `PUT /api/v1/event-types/declared`.
    """
    subject = Subject("integrator", slug)
    with audited(AuditKind.INTEGRATOR_EVENT_TYPES, caller, context, subject, types=len(body.types)) as entry:
        out = declare_types_of(slug, body, declared=DynamoDeclaredTypes(), integrators=DynamoDirectory())
        drop_if_unchanged(entry)
    return out
