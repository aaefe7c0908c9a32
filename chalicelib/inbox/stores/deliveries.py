"""The table `deliveries`: a delivery, the clicks on its buttons and its supplements under one partition key.

pk = delivery id; sk = ACTION#<index> (see clicks), DELIVERY (see delivery_rows), SNOOZE (see snoozes), or
SUPPLEMENT#<time>#<id>
pk = FIRE#<fire>: see sends; pk = EVENT#<event part>: see accepted
pk = CHANGE#<id>: see bulk_changes
index inbox: recipientUserId, inboxKey (see inbox; held deliveries have no recipient, so no inbox lists them)
index due: dueQueue, dueAt (clicks whose callback has an attempt to come, snoozes, and bulk changes in progress)
"""

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, put_new, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import MOST_SUPPLEMENTS, Delivery, DeliveryDetail, Supplement
from chalicelib.inbox.stores.clicks import click_from_row
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, delivery_key, end_with, from_row
from chalicelib.inbox.stores.push_results import results_of
from chalicelib.resources import DELIVERIES


class DynamoDeliveries:
    def list_first_fires(self, delivery_ids: Sequence[str]) -> dict[str, str]:
        """Return the id of the first send by delivery id, for those that are stored. Store calls in sequence: 1."""
        rows = get_all(DELIVERIES, [delivery_key(each) for each in delivery_ids], ("pk", "sk", "firstFire"))
        return {row["pk"]: row["firstFire"] for row in rows}

    def find(self, delivery_id: str) -> DeliveryDetail | None:
        """Find the delivery with its supplements and clicks, read consistently. One store call per megabyte."""
        return _find("pk = :pk", pk=delivery_id)

    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None:
        """Find the delivery with its clicks and without its supplements, read consistently. One store call."""
        # Sort keys are in alphabetical order: ACTION#, DELIVERY, SNOOZE, SUPPLEMENT#.
        return _find("pk = :pk AND sk <= :last", pk=delivery_id, last=SORT_KEY)

    def resolve(self, resolved: Delivery, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Save resolution time and note of `resolved`; False when others are stored by now, or it is gone.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        action = update(
            DELIVERIES,
            delivery_key(resolved.delivery_id),
            "SET resolvedAt = :at, resolutionNote = :note",
            f"{EXISTS} AND (attribute_not_exists(resolvedAt) OR (resolvedAt = :at AND resolutionNote = :note))",
            at=resolved.resolved_at,
            note=resolved.resolution_note,
        )
        return try_commit([action], claim=claim, reply=reply)

    def add_supplement(
        self, delivery: Delivery, added: Supplement, *, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Add a supplement; False when the delivery has as many as it may have. One store call.

        Raises:
            NotFound: the delivery is gone.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        delivery_id = delivery.delivery_id
        count = update(
            DELIVERIES,
            delivery_key(delivery_id),
            "SET supplementCount = if_not_exists(supplementCount, :none) + :one",
            f"{EXISTS} AND (attribute_not_exists(supplementCount) OR supplementCount < :most)",
            none=0,
            one=1,
            most=MOST_SUPPLEMENTS,
        )
        row = {
            "pk": delivery_id,
            "sk": f"SUPPLEMENT#{added.created_at}#{added.supplement_id}",
            "supplementId": added.supplement_id,
            "markdownBody": added.markdown_body,
            "createdAt": added.created_at,
            **end_with(delivery),
        }
        try:
            commit([count, put_new(DELIVERIES, row)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 in refused.failed and not refused.rows[0]:
                raise NotFound("Delivery not found.") from refused
            # Supplement ids are new, so an existing row is our own: the client library has retried the write.
            return bool(refused.rows[1])
        return True


def _find(condition: str, **named: Any) -> DeliveryDetail | None:
    return detail_from_rows(
        query(
            DELIVERIES,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values(**named),
            ConsistentRead=True,
        )
    )


def detail_from_rows(rows: Iterable[Row]) -> DeliveryDetail | None:
    """Return the delivery of rows that have one partition key; None if it is not among them."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["sk"].partition("#")[0], []).append(row)
    if SORT_KEY not in kinds:
        return None
    return DeliveryDetail(
        from_row(kinds[SORT_KEY][0]),
        [_supplement_from_row(row) for row in kinds.get("SUPPLEMENT", [])],
        [click_from_row(row) for row in kinds.get("ACTION", [])],
        results_of(kinds[SORT_KEY][0]),
    )


def _supplement_from_row(row: Row) -> Supplement:
    return Supplement(row["supplementId"], row["markdownBody"], row["createdAt"])
