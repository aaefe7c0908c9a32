"""The event types that integrators published in the last 90 days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Self

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut, timestamp

DAYS_COUNTED = 90
INTERNAL_SLUG = "internal-os"
INTERNAL_PREFIX = "internal-os."
# An hour is counted when it has been over for this long, so that what was sent in it has reached the index.
_SETTLING = timedelta(minutes=5)
_HOUR_LENGTH = len("2026-05-21T10")


def first_day(today: date) -> date:
    """Return the first of the days that are counted; today is the last."""
    return today - timedelta(days=DAYS_COUNTED - 1)


def hour_of(time: str) -> str:
    """Return the hour of a timestamp: its beginning."""
    return time[:_HOUR_LENGTH]


def counted_until(now: datetime) -> str:
    """Return the hour before which everything can be counted."""
    return hour_of(timestamp(now - _SETTLING))


@dataclass(frozen=True)
class Tally:
    """A number of deliveries, and the time of the latest one."""

    count: int = 0
    last_seen_at: str = ""

    def plus(self, other: Self) -> "Tally":
        return Tally(self.count + other.count, max(self.last_seen_at, other.last_seen_at))


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
