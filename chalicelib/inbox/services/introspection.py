"""What an integrator may learn of itself and, as an administrator, of others."""

from collections.abc import Callable
from datetime import date
from typing import Any

from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Forbidden, NotFound
from chalicelib.inbox.domain.event_types import (
    INTERNAL_PREFIX,
    INTERNAL_SLUG,
    EventTypeRow,
    EventTypesOut,
    YourIntegrator,
)
from chalicelib.inbox.services.ports import EventTypes
from chalicelib.people.services.ports import Integrators

Together = Callable[..., list[Any]]


def event_types(
    slug: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    today: date,
    request_id: str,
    types: EventTypes,
    integrators: Integrators,
    together: Together,
) -> EventTypesOut:
    """The types of the caller's integrator, or of the one named by `slug`. Store calls in sequence: 1.

    Raises:
        Forbidden: only an admin tools token may name another integrator.
        NotFound: there is no integrator of that name.
    """
    if slug in (None, caller.integrator):
        own, internal = together(
            lambda: types.list_types(caller.integrator, today=today),
            lambda: types.list_types(INTERNAL_SLUG, today=today),
        )
        return _shown(caller.integrator, caller.event_prefix, own, internal, request_id)
    if not isinstance(caller, ToolsToken) or not caller.admin:
        raise Forbidden("Only an admin tools token may name another integrator.")
    found, own, internal = together(
        lambda: integrators.find_integrator(slug),
        lambda: types.list_types(slug, today=today),
        lambda: types.list_types(INTERNAL_SLUG, today=today),
    )
    if found is None:
        raise NotFound("No such integrator.")
    return _shown(found.slug, found.event_prefix, own, internal, request_id)


def _shown(
    slug: str, prefix: str, own: list[EventTypeRow], internal: list[EventTypeRow], request_id: str
) -> EventTypesOut:
    return EventTypesOut(
        your_integrator=YourIntegrator(slug=slug, allowed_event_prefix=prefix),
        your_event_types=own or [_none_yet(prefix)],
        fluxdesk_internal_types=internal or [_none_yet(INTERNAL_PREFIX)],
        request_id=request_id,
    )


def _none_yet(prefix: str) -> EventTypeRow:
    return EventTypeRow(event_type=prefix, last_seen_at=None, count=0)
