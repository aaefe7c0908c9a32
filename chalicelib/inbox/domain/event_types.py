"""Which types of event an integrator has published of late."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut

DAYS_COUNTED = 90
INTERNAL_SLUG = "internal-os"
INTERNAL_PREFIX = "internal-os."


def first_day(today: date) -> date:
    """The oldest of the days that are counted, today being the last."""
    return today - timedelta(days=DAYS_COUNTED - 1)


class EventTypesQuery(Query):
    """Whose types to list."""

    integrator_slug: Omittable[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        None, description="Another integrator's; for admin tools tokens."
    )


class EventTypeRow(Out):
    """A type and its deliveries of the last 90 days."""

    event_type: str
    last_seen_at: TimeOut | None
    count: Annotated[int, Field(ge=0)]


class CountedType(EventTypeRow):
    """A type, with the deliveries of each of the last 90 days."""

    daily: Annotated[
        list[int],
        Field(min_length=DAYS_COUNTED, max_length=DAYS_COUNTED, description="Deliveries a UTC day; today is last."),
    ]


class YourIntegrator(Out):
    """Whose types these are, and what all of them begin with."""

    slug: str
    allowed_event_prefix: str


class EventTypesOut(Out):
    """The integrator's types and the desk's own; a namespace without deliveries shows its prefix alone."""

    your_integrator: YourIntegrator
    your_event_types: list[EventTypeRow]
    fluxdesk_internal_types: list[EventTypeRow]
    request_id: str
