"""What integrators have sent, through the index `sent` and the label rows of the table `deliveries`.

index sent: sentBy = <integrator>#<shard>; sentKey = <time stored>#<delivery id>
pk = LABEL#<integrator>#<hash of the label>#<shard>; sk = sentKey; deliveryId, eventType, toolsTokenId

Each shard is one range of keys, and a page reads all shards at the same time. Both are eventually consistent.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from chalicelib.aws import dynamodb, is_transient
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row, from_item, values
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import try_commit, write_all
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, event_part
from chalicelib.inbox.domain.inbox import InboxStatus
from chalicelib.inbox.domain.sent import SentSelection
from chalicelib.inbox.domain.sent_positions import SHARDS, SentPosition, label_texts, shard_of
from chalicelib.inbox.stores.delivery_rows import delivery_key, end_of_delivery, from_row, sent_key, sent_partition
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, SENT_INDEX

log = logging.getLogger("fluxden")

# The most pages of each shard that one call reads, however few of their rows match the filters.
_ROUNDS = 4
_ROWS_PER_PAGE = 1_000
_LAST = "~"


class DynamoSent:
    def list_page(
        self, selection: SentSelection, after: SentPosition | None
    ) -> tuple[list[Delivery], SentPosition | None]:
        """List an integrator's deliveries, newest first, and the position where the next page starts.

        Store calls in sequence: 2; up to 5 if filters leave most rows out, and the page may then be short. Each of the
        calls reads every shard at the same time, at most 1,000 rows of each.
        """
        limit = selection.query.limit
        found: list[SentPosition] = []
        filters, named = _filters(selection)
        size = _ROWS_PER_PAGE if filters else limit + 1
        for _ in range(_ROUNDS):
            positions, after = _read_round(selection, after, filters, named, size)
            found += positions
            if len(found) > limit:
                found, after = found[:limit], found[limit - 1]
                break
            if after is None:
                break
        rows = get_all(DELIVERIES, [delivery_key(each.delivery_id) for each in found]) if found else []
        by_id = {row["pk"]: from_row(row) for row in rows}
        known = ((each, by_id.get(each.delivery_id)) for each in found)
        # A label row whose delivery was stored at another time is from a call that was not the first.
        return [
            delivery
            for position, delivery in known
            if delivery and SentPosition.of(delivery) == position and selection.matches(delivery)
        ], after

    def index(self, delivery: Delivery) -> bool:
        """Add a stored delivery to the index; False if it is in it already, or is gone. One store call."""
        added = update(
            DELIVERIES,
            delivery_key(delivery.delivery_id),
            "SET sentBy = :by, sentKey = :key",
            "attribute_exists(pk) AND attribute_not_exists(sentKey)",
            by=sent_partition(delivery.integrator, shard_of(delivery.delivery_id)),
            key=sent_key(delivery),
        )
        return try_commit([added])

    def add_labels(self, deliveries: Sequence[Delivery]) -> None:
        """Store a row for each label of these deliveries; again changes nothing. One store call per 25 rows.

        Raises:
            Unavailable: some were not written.
        """
        write_all(DELIVERIES, puts=[row for delivery in deliveries for row in label_rows(delivery)])

    def try_add_labels(self, delivery: Delivery) -> None:
        """Store a row for each label of a delivery. One store call.

        A transient failure is only logged: the delivery stays, and its labels are not found until an operator indexes
        them again.
        """
        try:
            self.add_labels([delivery])
        except Exception as error:
            if not isinstance(error, Unavailable) and not is_transient(error):
                raise
            log.warning("labels not indexed: %s", delivery.delivery_id)


def label_rows(delivery: Delivery) -> Iterable[Row]:
    """Return a row for each label of the delivery."""
    for text in dict.fromkeys(label_texts(delivery)):
        yield {
            "pk": _label_partition(delivery.integrator, text, shard_of(delivery.delivery_id)),
            "sk": sent_key(delivery),
            "deliveryId": delivery.delivery_id,
            "eventType": delivery.event_type,
            "toolsTokenId": delivery.tools_token_id,
            **end_of_delivery(delivery),
        }


def _label_partition(integrator: str, text: str, shard: int) -> str:
    return f"LABEL#{integrator}#{hashlib.sha256(text.encode()).hexdigest()[:32]}#{shard}"


def _read_round(
    selection: SentSelection, after: SentPosition | None, filters: list[str], named: Row, size: int
) -> tuple[list[SentPosition], SentPosition | None]:
    """Read a page of every shard; return what is complete, newest first, and where the next round starts."""
    reads = [partial(_read, each, filters, named, size) for each in _requests(selection, after)]
    pages: list[tuple[list[SentPosition], SentPosition | None]] = gather(*reads)
    # Below the highest position where a page ended, rows of that shard may be missing, so later rows wait.
    end = max((ended for _, ended in pages if ended), default=None)
    positions = sorted((each for page, _ in pages for each in page), reverse=True)
    return [each for each in positions if end is None or each >= end], end


def _requests(selection: SentSelection, after: SentPosition | None) -> list[Row]:
    query, integrator = selection.query, selection.integrator
    high = min(query.latest, _before("#".join(after)) if after else _LAST)
    if query.earliest > high:
        return []
    if query.label is not None:
        partitions = [_label_partition(integrator, query.label, shard) for shard in range(SHARDS)]
        request: Row = {"KeyConditionExpression": "pk = :partition AND sk BETWEEN :low AND :high"}
    else:
        partitions = [sent_partition(integrator, shard) for shard in range(SHARDS)]
        request = {
            "IndexName": SENT_INDEX,
            "KeyConditionExpression": "sentBy = :partition AND sentKey BETWEEN :low AND :high",
        }
    bounds = {"low": query.earliest or " ", "high": high}
    return [request | {"ExpressionAttributeValues": {"partition": each, **bounds}} for each in partitions]


def _before(text: str) -> str:
    # Ranges include their ends; no key of ours lies between this text and `text`.
    return text[:-1] + chr(ord(text[-1]) - 1) + _LAST


def _filters(selection: SentSelection) -> tuple[list[str], Row]:
    """Return the filters that the rows of the index, or of a label, can answer."""
    query, filters, named = selection.query, [], Row()
    if query.event_type is not None:
        filters.append("eventType = :type")
        named["type"] = query.event_type
    if selection.tools_token_id is not None:
        filters.append("toolsTokenId = :token")
        named["token"] = selection.tools_token_id
    if query.event_id is not None:
        id_attribute = "pk" if query.label is None else "deliveryId"
        filters.append(f"begins_with({id_attribute}, :event)")
        named["event"] = event_part(derive_delivery_id(selection.integrator, "", query.event_id))
    if query.label is not None:
        return filters, named
    if selection.recipient_id is not None:
        filters.append("recipientUserId = :recipient")
        named["recipient"] = selection.recipient_id
    if query.status is not InboxStatus.ALL:
        negation = "not_" if query.status is InboxStatus.OPEN else ""
        filters.append(f"attribute_{negation}exists(resolvedAt)")
    return filters, named


def _read(request: Row, filters: list[str], named: Row, size: int) -> tuple[list[SentPosition], SentPosition | None]:
    more: dict[str, Any] = {"FilterExpression": " AND ".join(filters)} if filters else {}
    key = "sentKey" if "IndexName" in request else "sk"
    page = dynamodb().query(
        TableName=DELIVERIES.physical_name,
        **request | {"ExpressionAttributeValues": values(**request["ExpressionAttributeValues"], **named)},
        **more,
        ProjectionExpression=key,
        ScanIndexForward=False,
        Limit=size,
    )
    ended = page.get("LastEvaluatedKey")
    return [_position(item, key) for item in page["Items"]], _position(ended, key) if ended else None


def _position(item: Any, key: str) -> SentPosition:
    return SentPosition(*from_item(dict(item))[key].split("#"))
