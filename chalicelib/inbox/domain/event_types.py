"""The event types that integrators published in the last 90 days."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut

DAYS_COUNTED = 90
INTERNAL_SLUG = "internal-os"
INTERNAL_PREFIX = "internal-os."


def first_day(today: date) -> date:
    """Return the first of the days that are counted; today is the last."""
    return today - timedelta(days=DAYS_COUNTED - 1)


class EventTypesQuery(Query):
    """Selects the integrator."""

    integrator_slug: Omittable[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        None, description="Another integrator. Requires an admin tools token."
    )


class EventTypeRow(Out):
    """An event type, with its number of deliveries in the last 90 days."""

    event_type: str
    last_seen_at: TimeOut | None
    count: Annotated[int, Field(ge=0)]


class CountedType(EventTypeRow):
    """An event type, with its number of deliveries on each of the last 90 days."""

    daily: Annotated[
        list[int],
        Field(min_length=DAYS_COUNTED, max_length=DAYS_COUNTED, description="Deliveries a UTC day; today is last."),
    ]


class YourIntegrator(Out):
    """The integrator, and the prefix of its event types."""

    slug: str
    allowed_event_prefix: str


class EventTypesOut(Out):
    """The integrator's event types and the built-in ones. A namespace without deliveries is listed by its prefix."""

    your_integrator: YourIntegrator
    your_event_types: list[EventTypeRow]
    fluxdesk_internal_types: list[EventTypeRow]
    request_id: str
