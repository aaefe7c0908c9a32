"""Digests: one message at a time of the person's choice about what has come since the last one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import chain
from typing import Annotated
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import Field

from chalicelib.core.domain.fields import In, Out
from chalicelib.people.domain.profile import Clock
from chalicelib.reach.domain.quiet_time import QuietTime, moment_of, quiet_until

# A digest takes up so many notifications; that there are more is only said.
MOST_IN_DIGEST = 200
_NAMESPACE = UUID("6f0d6c2a-52d6-5a0e-9a53-0b7f1c6a8e24")
# The clocks of all time zones are whole quarters of an hour apart.
_QUARTER = timedelta(minutes=15)


class Every(StrEnum):
    """How often digests are sent."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class Weekday(StrEnum):
    """A day of the week, in the order of ISO 8601."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class DigestTimes(In):
    """When digests are sent: every full hour, every day at a time, or every week on a day at a time."""

    every: Annotated[Every, Field(strict=False)] = Every.DAY
    at: Clock = Field("09:00", description="The time of daily and weekly digests, as HH:MM.")
    weekday: Annotated[Weekday, Field(strict=False)] = Field(Weekday.MONDAY, description="The day of weekly digests.")


class DigestTimesOut(Out):
    """When digests are sent."""

    every: Every
    at: str
    weekday: Weekday


@dataclass(frozen=True)
class Digest:
    """A person's digest of a time `at`, RFC 3339, and the deliveries that it takes up; `is_full` if there are more.

    It ends at `ends_at`, in seconds since 1970.
    """

    user_id: str
    at: str
    delivery_ids: frozenset[str]
    ends_at: int
    is_full: bool = False

    @property
    def digest_id(self) -> str:
        return digest_id_of(self.user_id, self.at)


def digest_id_of(user_id: str, at: str) -> str:
    """Return the id of a person's digest of a time; the same one always has the same id."""
    return str(uuid5(_NAMESPACE, f"{user_id}\n{at}"))


def next_digest(times: DigestTimes, zone: str, *, after: datetime, quiet: QuietTime | None = None) -> datetime:
    """Return when the digest is sent that takes up what comes at `after`, in UTC, which is later.

    A digest whose time lies in quiet hours is sent when they end. When clocks change, times of the day are those of
    quiet hours: one that comes twice stands for the first one, one that is skipped for as much later.
    """
    moments = _full_hours(zone, after) if times.every is Every.HOUR else _clock_times(times, zone, after)
    # One whose time is over may still wait for the end of quiet hours.
    sent = ((quiet and quiet_until(quiet, zone, now=each)) or each for each in moments)
    return next(each for each in sent if each > after)


def _full_hours(zone: str, after: datetime) -> Iterator[datetime]:
    first = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    quarters = (first + count * _QUARTER for count in range(20))
    full = (each for each in quarters if each.astimezone(ZoneInfo(zone)).minute == 0)
    return chain(full, (first + timedelta(hours=count) for count in (3, 4)))


def _clock_times(times: DigestTimes, zone: str, after: datetime) -> Iterator[datetime]:
    local, weekdays = ZoneInfo(zone), [*Weekday]
    yesterday = after.astimezone(local).date() - timedelta(days=1)
    for day in (yesterday + timedelta(days=count) for count in range(16)):
        if times.every is Every.DAY or weekdays[day.weekday()] is times.weekday:
            yield moment_of(day, time.fromisoformat(times.at), local)
