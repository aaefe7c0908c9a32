"""A person's inbox: their deliveries in order, through the index `inbox` of the table `deliveries`.

inboxKey = <shelf>#<time listed by>#<delivery id>. Each shelf is one range of keys, and a view reads a few ranges at the
same time. So listing the unread deliveries never reads those that are archived.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.ends import without_ended
from chalicelib.core.stores.items import Row, from_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox import MOST_COUNTED, InboxFilter, InboxQuery, InboxStatus, InboxSummary, Position
from chalicelib.inbox.domain.inbox_states import Shelf, View
from chalicelib.inbox.stores.delivery_rows import delivery_key, find_fire_time, from_row, parse_content, state_update
from chalicelib.inbox.stores.snoozes import snooze_actions
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, INBOX_INDEX

# The most pages of each shelf that one call reads, however few of their rows match the filters.
_ROUNDS_PER_LIST = 4
_ROWS_PER_PAGE = 250
# Filters on the content read each row whole, which takes more.
_WHOLE_ROWS_PER_PAGE = 100
_LAST = "~"

Range = tuple[str, str]


class DynamoInbox:
    def list_page(
        self, user_id: str, query: InboxQuery, after: Position | None, *, now: datetime
    ) -> tuple[Sequence[Delivery], Position | None]:
        """List a user's deliveries, newest first, from the index (eventually consistent).

        Store calls in sequence: 1; up to 4 if filters leave most rows out, and the page may then be short. With words
        or a label twice as many, and at most 400 rows of each shelf are read.
        """
        filters, named = _filters(query)
        sparse = bool(filters) or query.reads_whole_rows
        size = _WHOLE_ROWS_PER_PAGE if query.reads_whole_rows else _ROWS_PER_PAGE
        found: list[Delivery] = []
        for _ in range(_ROUNDS_PER_LIST):
            limit = size if sparse else query.limit + 1 - len(found)
            reads = [partial(_read, user_id, each, filters, named, limit) for each in ranges(query, after, now=now)]
            pages: list[tuple[list[Delivery], Position | None]] = (
                gather(*reads) if len(reads) > 1 else [read() for read in reads]
            )
            # Below the highest position where a page ended, rows of that shelf may be missing, so later rows wait.
            after = max((end for _, end in pages if end), default=None)
            rows = sorted((each for page, _ in pages for each in page), key=Position.of, reverse=True)
            complete = [each for each in rows if after is None or Position.of(each) >= after]
            found += _matching(complete, query) if query.reads_whole_rows else complete
            if len(found) > query.limit:
                page = found[: query.limit]
                return page, Position.of(page[-1])
            if after is None:
                return found, None
        return found, after

    def with_last_fires(self, listed: Sequence[Delivery]) -> list[Delivery]:
        """Add the time of the latest send to deliveries that were sent more than once: the index doesn't have it.

        One store call, or none where no delivery needs it.
        """
        repeated = [each for each in listed if each.fire_count > 1 and each.fired_at is None]
        if not repeated:
            return list(listed)
        rows = get_all(DELIVERIES, [delivery_key(each.delivery_id) for each in repeated], ("pk", "firedAt"))
        times = {row["pk"]: find_fire_time(row) for row in rows}
        return [
            replace(each, fired_at=times[each.delivery_id]) if each.delivery_id in times else each for each in listed
        ]

    def summary(self, user_id: str, *, now: datetime) -> InboxSummary:
        """Count unread, urgent and snoozed deliveries, each up to a thousand.

        Store calls in sequence: 1; one more for each further megabyte or thousand rows.
        """
        # A delivery can be read while it is snoozed. It counts as snoozed, as the list of them has it.
        unread, woken, asleep = gather(
            *(
                partial(_list_severities, user_id, each, unread=True)
                for each in ranges(InboxFilter(view=View.UNREAD), None, now=now)
            ),
            *(
                partial(_list_severities, user_id, each, unread=False)
                for each in ranges(InboxFilter(view=View.SNOOZED), None, now=now)
            ),
        )
        waiting = [*unread, *woken][:MOST_COUNTED]
        return InboxSummary(unread=len(waiting), urgent=waiting.count(Severity.CRITICAL), snoozed=len(asleep))

    def save(self, before: Delivery, after: Delivery, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Change the state of a delivery; False if it is no longer as it was `before`. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        return try_commit([state_update(before, after), *snooze_actions(before, after)], claim=claim, reply=reply)


def ranges(query: InboxFilter, after: Position | None, *, now: datetime) -> list[Range]:
    """Return the key ranges of a view, below `after`. Snoozed deliveries belong to it from the end of their snooze."""
    since = timestamp(query.since) if query.since else ""
    before = timestamp(query.before) if query.before else ""
    awake = (Shelf.SNOOZED, "", min(timestamp(now), before or _LAST) + _LAST)
    asleep = (Shelf.SNOOZED, timestamp(now) + _LAST, _LAST)
    # Nothing returns to the inbox before it was published. Snoozed deliveries are listed by another time.
    whole = {shelf: (shelf, since, before + _LAST) for shelf in Shelf} | {Shelf.SNOOZED: (Shelf.SNOOZED, "", _LAST)}
    shelves = {
        View.INBOX: [whole[Shelf.UNREAD], whole[Shelf.READ], awake],
        View.UNREAD: [whole[Shelf.UNREAD], awake],
        View.ARCHIVED: [whole[Shelf.ARCHIVED]],
        View.SNOOZED: [asleep],
        View.ALL: list(whole.values()),
    }[query.view]
    highest = _before(f"{after.listed_at}#{after.delivery_id}") if after else _LAST
    ranges = [(f"{shelf}#{low}", f"{shelf}#{min(high, highest)}") for shelf, low, high in shelves]
    return [each for each in ranges if each[0] <= each[1]]


def _before(text: str) -> str:
    # Ranges include their ends; no key of ours lies between this text and `text`.
    return text[:-1] + chr(ord(text[-1]) - 1) + _LAST


def _read(
    user_id: str, of: Range, filters: list[str], named: Row, limit: int
) -> tuple[list[Delivery], Position | None]:
    request = _request(user_id, of, limit, **named)
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    page = dynamodb().query(TableName=DELIVERIES.physical_name, **request)
    ended = page.get("LastEvaluatedKey")
    rows = without_ended(from_item(dict(item)) for item in page["Items"])
    return [from_row(row) for row in rows], _position(ended) if ended else None


def _position(key: Any) -> Position:
    _, listed_at, delivery_id = from_item(dict(key))["inboxKey"].split("#")
    return Position(listed_at, delivery_id)


def _matching(listed: Sequence[Delivery], query: InboxQuery) -> Iterable[Delivery]:
    return [each for each in with_content(listed) if query.matches(each)]


def with_content(listed: Sequence[Delivery]) -> list[Delivery]:
    """Read the contents of deliveries from the index, and when each was sent last.

    One store call for each hundred, at the same time.
    """
    keys = [delivery_key(each.delivery_id) for each in listed]
    rows = {row["pk"]: row for row in get_all(DELIVERIES, keys, ("pk", "content", "firedAt"))} if keys else {}
    whole = [(each, rows.get(each.delivery_id, {})) for each in listed]
    return [
        replace(each, content=parse_content(row), fired_at=find_fire_time(row) or each.created_at)
        for each, row in whole
    ]


def list_range(user_id: str, of: Range, most: int) -> list[Delivery]:
    """List the newest deliveries of a range. One store call for each megabyte."""
    return [from_row(row) for row in islice(query(DELIVERIES, **_request(user_id, of, most)), most)]


def _list_severities(user_id: str, of: Range, *, unread: bool) -> list[str]:
    """List the severities of the deliveries in the range, or of those not read, up to the most that are counted."""
    rows = query(DELIVERIES, **_request(user_id, of, MOST_COUNTED), ProjectionExpression="severity, readAt, expiresAt")
    return list(islice((row["severity"] for row in rows if not (unread and "readAt" in row)), MOST_COUNTED))


def _request(user_id: str, of: Range, limit: int, **named: Any) -> dict[str, Any]:
    return {
        "IndexName": INBOX_INDEX,
        "KeyConditionExpression": "recipientUserId = :user AND inboxKey BETWEEN :low AND :high",
        "ExpressionAttributeValues": values(user=user_id, low=of[0], high=of[1], **named),
        "ScanIndexForward": False,
        "Limit": limit,
    }


def _filters(query: InboxQuery) -> tuple[list[str], Row]:
    filters, named = [], {}
    if query.view is View.UNREAD:
        # On its own shelf nothing is read; but one that was snoozed may have been, before it woke.
        filters.append("attribute_not_exists(readAt)")
    if query.status is not InboxStatus.ALL:
        negation = "not_" if query.status is InboxStatus.OPEN else ""
        filters.append(f"attribute_{negation}exists(resolvedAt)")
    if query.event_type is not None:
        filters.append("eventType = :type")
        named["type"] = query.event_type
    if query.severity is not None:
        filters.append("severity = :severity")
        named["severity"] = query.severity.value
    if query.integrator is not None:
        filters.append("begins_with(eventType, :prefix)")
        named["prefix"] = f"{query.integrator}."
    if query.since is not None:
        filters.append("createdAt >= :since")
        named["since"] = timestamp(query.since)
    if query.before is not None:
        filters.append("createdAt <= :before")
        named["before"] = timestamp(query.before)
    return filters, named
