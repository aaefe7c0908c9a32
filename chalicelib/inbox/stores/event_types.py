"""The table `event-types`: deliveries by day and event type.

pk = integrator; sk = <day>#<event type>; count, lastSeenAt, countedUntil (the hour before which it is complete)
pk = integrator; sk = COUNTED: until (the hour before which all rows are complete)

A schedule counts each hour from the index `sent` when the hour is over, so publishing does not write here. Readers
count the rest from the index themselves. Hours are written as the beginnings of timestamps: 2026-05-21T10.
"""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import put, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, query, query_page
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.inbox.domain.event_types import (
    DAYS_COUNTED,
    CountedType,
    EventTypeRow,
    Tally,
    counted_until,
    first_day,
    hour_of,
)
from chalicelib.inbox.domain.sent_positions import SHARDS
from chalicelib.inbox.stores.delivery_rows import sent_partition
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, EVENT_TYPES, SENT_INDEX

# Readers take so many rows of counts into account, those of the latest days first, and of each shard so many of the
# latest deliveries that are not counted yet.
MOST_ROWS, MOST_UNCOUNTED = 20_000, 1_000
_COUNTED = "COUNTED"
_LAST = "~"
Counts = dict[tuple[str, str], Tally]


class DynamoEventTypes:
    def list_types(self, integrator: str, *, now: datetime) -> list[EventTypeRow]:
        """List the integrator's types of the last 90 days by name.

        Above 20,000 combinations of day and type the first days are left out, and above some 8,000 deliveries since the
        last count their number is too low until the next one. Store calls in sequence: 2; one more for each megabyte.
        """
        return [
            EventTypeRow(event_type=each.event_type, last_seen_at=each.last_seen_at, count=each.count)
            for each in self.list_daily(integrator, now=now)
        ]

    def list_daily(self, integrator: str, *, now: datetime) -> list[CountedType]:
        """List the same types with the numbers of each day. Store calls as in `list_types`."""
        first = first_day(now.date())
        # Read before the rows: rows may have hours after this one, and say so.
        until = max(self.find_counted_until(integrator) or "", first.isoformat())
        rows, sent = gather(
            partial(_read_rows, integrator, first.isoformat()),
            partial(_count_sent, integrator, until, _LAST, most=MOST_UNCOUNTED),
        )
        complete = {key: row.get("countedUntil", "") for key, row in rows.items()}
        counts = {key: Tally(int(row["count"]), row["lastSeenAt"]) for key, row in rows.items()}
        for (hour, event_type), tally in sent.items():
            key = (hour[:10], event_type)
            if hour >= complete.get(key, ""):
                counts[key] = counts.get(key, Tally()).plus(tally)
        daily: dict[str, list[int]] = {}
        last_seen: dict[str, str] = {}
        for (day, name), tally in counts.items():
            # A clock ahead of ours may have counted for tomorrow; that counts as today.
            place = min((date.fromisoformat(day) - first).days, DAYS_COUNTED - 1)
            daily.setdefault(name, [0] * DAYS_COUNTED)[place] += tally.count
            last_seen[name] = max(last_seen.get(name, ""), tally.last_seen_at)
        return [
            CountedType(event_type=name, last_seen_at=last_seen[name], count=sum(daily[name]), daily=daily[name])
            for name in sorted(daily)
        ]

    def find_counted_until(self, integrator: str) -> str | None:
        """Find the hour before which everything is counted; None if nothing has been. One store call."""
        row = get(EVENT_TYPES, {"pk": integrator, "sk": _COUNTED})
        return str(row["until"]) if row else None

    def count_hours(self, integrator: str, *, now: datetime, most: int) -> int:
        """Count what was sent in hours that are over, at most `most` of those with deliveries; return how many.

        May be repeated, also at the same time: each row remembers until when it is complete. Store calls in sequence: 3
        when there is nothing to count; for each hour 3 more, and one for each megabyte.
        """
        end = counted_until(now)
        begun = self.find_counted_until(integrator) or first_day(now.date()).isoformat()
        counted, start = 0, begun
        while counted < most and (hour := _first_hour(integrator, start, end)):
            tallies = _count_sent(integrator, hour, f"{hour}{_LAST}")
            gather(*(partial(_add, integrator, *key, tally) for key, tally in tallies.items()))
            start, counted = _next_hour(hour), counted + 1
        reached = start if counted == most else end
        if reached > begun:
            row = {"pk": integrator, "sk": _COUNTED, "until": reached}
            try_commit([put(EVENT_TYPES, row, "attribute_not_exists(#until) OR #until < :until", until=reached)])
        return counted

    def replace_day(self, integrator: str, day: str, event_type: str, tally: Tally, *, counted_until: str) -> None:
        """Set a day's count to the result of a recount of what was sent before the hour. One store call."""
        row = {"count": tally.count, "lastSeenAt": tally.last_seen_at, "countedUntil": counted_until}
        commit([put(EVENT_TYPES, _key(integrator, day, event_type) | row)])


def _read_rows(integrator: str, since: str) -> dict[tuple[str, str], Row]:
    found = {}
    rows = query(
        EVENT_TYPES,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :last",
        ExpressionAttributeValues=values(pk=integrator, since=since, last="9~"),
        ScanIndexForward=False,
        Limit=MOST_ROWS,
    )
    for row in islice(rows, MOST_ROWS):
        day, _, name = row["sk"].partition("#")
        found[day, name] = row
    return found


def _count_sent(integrator: str, since: str, until: str, *, most: int | None = None) -> Counts:
    """Count what was sent in this range, or `most` of the latest of each shard, by hour and event type.

    One store call per megabyte of a shard.
    """
    counts: Counts = {}
    reads = [partial(_read_shard, integrator, shard, since, until, most) for shard in range(SHARDS)]
    for rows in gather(*reads):
        for row in rows:
            key, at = (hour_of(row["sentKey"]), row["eventType"]), row["sentKey"].partition("#")[0]
            counts[key] = counts.get(key, Tally()).plus(Tally(1, at))
    return counts


def _read_shard(integrator: str, shard: int, since: str, until: str, most: int | None) -> list[Row]:
    request = _range(integrator, shard, since, until) | {"ProjectionExpression": "sentKey, eventType"}
    if most is not None:
        request |= {"ScanIndexForward": False, "Limit": most}
    return list(islice(query(DELIVERIES, **request), most))


def _first_hour(integrator: str, since: str, until: str) -> str | None:
    """Return the first hour of this range in which something was sent. One store call."""
    reads = [
        partial(query_page, DELIVERIES, **_range(integrator, shard, since, until), Limit=1) for shard in range(SHARDS)
    ]
    return min((hour_of(row["sentKey"]) for rows in gather(*reads) for row in rows), default=None)


def _range(integrator: str, shard: int, since: str, until: str) -> Row:
    return {
        "IndexName": SENT_INDEX,
        "KeyConditionExpression": "sentBy = :shard AND sentKey BETWEEN :since AND :until",
        "ExpressionAttributeValues": values(shard=sent_partition(integrator, shard), since=since, until=until),
    }


def _add(integrator: str, hour: str, event_type: str, tally: Tally) -> None:
    """Add an hour to its day's row, unless the row has it already."""
    try_commit(
        [
            update(
                EVENT_TYPES,
                _key(integrator, hour[:10], event_type),
                "ADD #count :count SET lastSeenAt = :at, countedUntil = :until",
                "attribute_not_exists(countedUntil) OR countedUntil < :until",
                count=tally.count,
                at=tally.last_seen_at,
                until=_next_hour(hour),
            )
        ]
    )


def _next_hour(hour: str) -> str:
    return hour_of(timestamp(datetime.fromisoformat(f"{hour}:00+00:00").astimezone(UTC) + timedelta(hours=1)))


def _key(integrator: str, day: str, event_type: str) -> Row:
    return {"pk": integrator, "sk": f"{day}#{event_type}"}
