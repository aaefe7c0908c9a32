"""When digests are sent: every moment belongs to exactly one, also when clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.reach.domain.digests import DigestTimes, Every, Weekday, next_digest
from chalicelib.reach.domain.quiet_time import QuietTime, quiet_until

pytestmark = pytest.mark.engine("embedded")

BERLIN, LORD_HOWE = "Europe/Berlin", "Australia/Lord_Howe"
ZONES = (BERLIN, "America/New_York", LORD_HOWE, "Asia/Kathmandu")
# Two years, with both clock changes of each year.
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)

CLOCKS = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
TIMES = st.builds(DigestTimes, every=st.sampled_from([*Every]), at=CLOCKS, weekday=st.sampled_from([*Weekday]))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
# Around the changes of clocks, in all four zones.
CHANGES = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    ]
)
NEAR_CHANGES = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), CHANGES, st.integers(-1600, 1600))
QUIET = st.none() | st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: QuietTime(start=pair[0], end=pair[1])
)


@given(TIMES, st.sampled_from(ZONES), MOMENTS | NEAR_CHANGES, st.floats(0, 1), QUIET)
def test_every_moment_belongs_to_exactly_one_digest(
    times: DigestTimes, zone: str, moment: datetime, share: float, quiet: QuietTime | None
) -> None:
    digest = next_digest(times, zone, after=moment, quiet=quiet)
    assert digest > moment
    later = moment + share * (digest - moment)
    if later < digest:
        assert next_digest(times, zone, after=later, quiet=quiet) == digest
    assert next_digest(times, zone, after=digest, quiet=quiet) > digest
    if quiet is None:
        assert next_digest(times, zone, after=digest - timedelta(microseconds=1)) == digest
    else:
        assert quiet_until(quiet, zone, now=digest) is None


@given(TIMES, st.sampled_from(ZONES), MOMENTS | NEAR_CHANGES, st.integers(0, 10**6), QUIET)
def test_what_comes_later_is_in_no_earlier_digest(
    times: DigestTimes, zone: str, moment: datetime, seconds: int, quiet: QuietTime | None
) -> None:
    later = moment + timedelta(seconds=seconds)
    assert next_digest(times, zone, after=later, quiet=quiet) >= next_digest(times, zone, after=moment, quiet=quiet)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", ["00:00", "02:30", "09:00", "23:59"])
def test_daily_digests_of_two_years_are_one_for_each_day_of_the_calendar(zone: str, at: str) -> None:
    local = ZoneInfo(zone)
    found = walk(DigestTimes(at=at), zone)
    days = [each.astimezone(local).date() for each in found]
    assert days == [days[0] + timedelta(days=count) for count in range(len(found))]
    off_time = [each for each in found if f"{each.astimezone(local):%H:%M}" != at]
    assert len(off_time) <= 2, "only a time that is skipped stands for another"


@pytest.mark.parametrize("zone", ZONES)
def test_weekly_digests_of_two_years_are_on_their_day(zone: str) -> None:
    found = walk(DigestTimes(every=Every.WEEK, weekday=Weekday.SUNDAY, at="02:30"), zone)
    days: list[date] = [each.astimezone(ZoneInfo(zone)).date() for each in found]
    assert {each.isoweekday() for each in days} == {7}
    assert days == [days[0] + timedelta(weeks=count) for count in range(len(days))]


@pytest.mark.parametrize("zone", ZONES)
def test_hourly_digests_of_two_years_are_at_full_hours(zone: str) -> None:
    found = walk(DigestTimes(every=Every.HOUR), zone)
    assert {each.astimezone(ZoneInfo(zone)).minute for each in found} == {0}
    gaps = {after - before for before, after in pairwise(found)}
    half_an_hour = timedelta(minutes=30)
    assert gaps <= {timedelta(hours=1)} | ({half_an_hour, 3 * half_an_hour} if zone == LORD_HOWE else set())


@pytest.mark.parametrize(
    ("every", "quiet", "after", "expected"),
    [
        ("hour", None, "2026-06-01T20:30", "2026-06-01T21:00"),
        ("hour", ("22:00", "07:00"), "2026-06-01T20:30", "2026-06-02T05:00"),
        ("hour", ("22:00", "07:00"), "2026-06-02T04:59", "2026-06-02T05:00"),
        ("hour", ("22:00", "07:00"), "2026-06-02T05:00", "2026-06-02T06:00"),
        ("day", ("22:00", "10:15"), "2026-06-01T20:30", "2026-06-02T08:15"),
        ("day", ("22:00", "10:15"), "2026-06-02T07:30", "2026-06-02T08:15"),
        ("week", None, "2026-06-01T07:00", "2026-06-08T07:00"),
        ("week", None, "2026-06-01T06:59", "2026-06-01T07:00"),
        # 09:00 of the day on which the clocks go forward.
        ("day", None, "2026-03-28T20:00", "2026-03-29T07:00"),
        ("day", None, "2026-10-24T20:00", "2026-10-25T08:00"),
    ],
)
def test_digests_of_berlin(every: str, quiet: tuple[str, str] | None, after: str, expected: str) -> None:
    hours = QuietTime(start=quiet[0], end=quiet[1]) if quiet else None
    times = DigestTimes(every=Every(every))
    found = next_digest(times, BERLIN, after=datetime.fromisoformat(f"{after}+00:00"), quiet=hours)
    assert f"{found:%Y-%m-%dT%H:%M}" == expected


def test_a_digest_that_waits_for_quiet_hours_takes_up_what_comes_in_them() -> None:
    hours, local = QuietTime(start="15:59", end="16:55"), ZoneInfo("Asia/Kathmandu")
    after = datetime(2026, 6, 1, 16, 50, tzinfo=local)
    found = next_digest(DigestTimes(every=Every.HOUR), str(local), after=after, quiet=hours)
    assert found == datetime(2026, 6, 1, 16, 55, tzinfo=local)


def walk(times: DigestTimes, zone: str) -> list[datetime]:
    """Return the times of all digests of two years."""
    found, now = list[datetime](), START
    while (now := next_digest(times, zone, after=now)) < END:
        found.append(now)
    return found
