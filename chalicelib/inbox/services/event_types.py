"""The event types of an integrator, and the built-in ones."""

from datetime import date

from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Forbidden, NotFound
from chalicelib.core.ports import Gather
from chalicelib.inbox.domain.event_types import (
    INTERNAL_PREFIX,
    INTERNAL_SLUG,
    EventTypeRow,
    EventTypesOut,
    YourIntegrator,
)
from chalicelib.inbox.services.ports import EventTypes
from chalicelib.people.services.ports import Integrators


def list_event_types(
    slug: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    today: date,
    request_id: str,
    types: EventTypes,
    integrators: Integrators,
    gather: Gather,
) -> EventTypesOut:
    """List the event types of the caller's integrator, or of the integrator `slug`. Store calls in sequence: 1.

    Raises:
        Forbidden: only an admin tools token may name another integrator.
        NotFound: there is no integrator of that name.
    """
    if slug in (None, caller.integrator):
        own, internal = gather(
            lambda: types.list_types(caller.integrator, today=today),
            lambda: types.list_types(INTERNAL_SLUG, today=today),
        )
        return _to_response(caller.integrator, caller.event_prefix, own, internal, request_id)
    if not isinstance(caller, ToolsToken) or not caller.admin:
        raise Forbidden("Another integrator requires an admin tools token.")
    integrator, own, internal = gather(
        lambda: integrators.find_integrator(slug),
        lambda: types.list_types(slug, today=today),
        lambda: types.list_types(INTERNAL_SLUG, today=today),
    )
    if integrator is None:
        raise NotFound("Integrator not found.")
    return _to_response(integrator.slug, integrator.event_prefix, own, internal, request_id)


def _to_response(
    slug: str, prefix: str, own: list[EventTypeRow], internal: list[EventTypeRow], request_id: str
) -> EventTypesOut:
    return EventTypesOut(
        your_integrator=YourIntegrator(slug=slug, allowed_event_prefix=prefix),
        your_event_types=own or [_empty_row(prefix)],
        fluxdesk_internal_types=internal or [_empty_row(INTERNAL_PREFIX)],
        request_id=request_id,
    )


def _empty_row(prefix: str) -> EventTypeRow:
    return EventTypeRow(event_type=prefix, last_seen_at=None, count=0)
