"""The event types of an integrator, and the built-in ones."""

from datetime import datetime

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
from chalicelib.inbox.services.ports import EventTypes, HourlyCounts
from chalicelib.people.services.ports import Integrators

# The most hours with deliveries that a run counts for an integrator.
_HOURS_PER_RUN = 100


def list_event_types(
    slug: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    now: datetime,
    request_id: str,
    types: EventTypes,
    integrators: Integrators,
    gather: Gather,
) -> EventTypesOut:
    """List the event types of the caller's integrator, or of the integrator `slug`. Store calls in sequence: 2.

    Raises:
        Forbidden: only an admin tools token may name another integrator.
        NotFound: there is no integrator of that name.
    """
    if slug in (None, caller.integrator):
        own, internal = gather(
            lambda: types.list_types(caller.integrator, now=now),
            lambda: types.list_types(INTERNAL_SLUG, now=now),
        )
        return _to_response(caller.integrator, caller.event_prefix, own, internal, request_id)
    if not isinstance(caller, ToolsToken) or not caller.admin:
        raise Forbidden("Another integrator requires an admin tools token.")
    integrator, own, internal = gather(
        lambda: integrators.find_integrator(slug),
        lambda: types.list_types(slug, now=now),
        lambda: types.list_types(INTERNAL_SLUG, now=now),
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


def count_event_types(now: datetime, *, integrators: Integrators, types: HourlyCounts) -> int:
    """Count every integrator's deliveries of the hours that are over; return how many hours had any.

    A run that was left out is made up for by the next ones, a few days at a time.
    """
    slugs = {INTERNAL_SLUG, *(each.slug for each in integrators.list_integrators())}
    return sum(types.count_hours(slug, now=now, most=_HOURS_PER_RUN) for slug in sorted(slugs))
