"""Quiet hours: when a person is not to be disturbed, on the clocks of their time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In
from chalicelib.people.domain.profile import Clock


class QuietTime(In):
    """Hours of every day from `start` until before `end`, as HH:MM. An earlier end is on the next day."""

    model_config = ConfigDict(alias_generator=to_camel)

    start: Clock
    end: Clock
    except_critical: bool = Field(default=True, description="Whether critical events reach you all the same.")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("quiet_hours", "Quiet hours end at another time than they start")
        return self


def quiet_until(quiet: QuietTime, zone: str, *, now: datetime) -> datetime | None:
    """Return when the quiet hours end that `now` is in, in UTC; None if it is in none.

    When clocks are set back, a time that comes twice stands for the first one. When they are set forward, a time that
    does not come stands for as much later: 02:30 for 03:30.
    """
    found = None
    # Hours that end in the gap of a clock change can reach into the next ones.
    while later := _end_of_hours(quiet, zone, found or now):
        found = later
    return found


def _end_of_hours(quiet: QuietTime, zone: str, now: datetime) -> datetime | None:
    return next((end for start, end in _intervals(quiet, zone, now) if start <= now < end), None)


def _intervals(quiet: QuietTime, zone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return the quiet hours that began on the day of `now` or the two days before it."""
    local = ZoneInfo(zone)
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    today = now.astimezone(local).date()
    for day in (today - timedelta(days=days) for days in range(2, -1, -1)):
        yield moment_of(day, start, local), moment_of(day + timedelta(days=end < start), end, local)


def moment_of(day: date, clock: time, local: ZoneInfo) -> datetime:
    """Return the moment at which clocks show a time of a day, in UTC."""
    return datetime.combine(day, clock, local).astimezone(UTC)
