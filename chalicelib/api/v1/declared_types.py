"""v1 "catalog": the event types that an integrator declares (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited, drop_if_unchanged
from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.catalog.domain.declared_types import DeclaredTypesIn, DeclaredTypesOut
from chalicelib.catalog.services.declared_types import declare_types
from chalicelib.catalog.stores.declared_types import DynamoDeclaredTypes
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.resources import CATALOG

bp = Blueprint(__name__)

_TYPES = "/api/v1/event-types/declared"


@operation(
    bp,
    "GET",
    _TYPES,
    tag="catalog",
    answers={200: "The declared event types."},
    grants=SPEND + CATALOG.can("GetItem"),
)
def get_declared_types(caller: ToolsToken) -> DeclaredTypesOut:
    """Get the event types that your integrator declares."""
    return DynamoDeclaredTypes().find(caller.integrator).to_response()


@operation(
    bp,
    "PUT",
    _TYPES,
    tag="catalog",
    admin_only=True,
    answers={200: "The declared event types."},
    refusals=(Conflict, TooLarge),
    grants=SPEND + CATALOG.can("GetItem", "PutItem", "DeleteItem"),
    audits=(AuditKind.INTEGRATOR_EVENT_TYPES,),
)
def replace_declared_types(body: DeclaredTypesIn, caller: ToolsToken, context: RequestContext) -> DeclaredTypesOut:
    """Declare the event types of your integrator: names and descriptions that people read, and how events reach them.

    An entry is an event type, or its first names, and begins with your event prefix. Of several that stand for an event
    the longest counts. You can declare 100. Everybody of the desk can read them.

    `defaultWay` counts for people who have no rule that matches the event: `inbox` leaves it in their inbox, and `push`
    also reaches their browsers, as it does without a declaration. Critical events are pushed in any case. Other ways
    are the choice of each person. Declaring the same types again changes nothing.
    """
    subject = Subject("integrator", caller.integrator)
    with audited(AuditKind.INTEGRATOR_EVENT_TYPES, caller, context, subject, types=len(body.types)) as entry:
        out = declare_types(
            body, integrator=caller.integrator, event_prefix=caller.event_prefix, declared=DynamoDeclaredTypes()
        )
        drop_if_unchanged(entry)
    return out
