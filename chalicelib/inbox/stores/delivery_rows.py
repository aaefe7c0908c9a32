"""A delivery's row in the table `deliveries` (see deliveries): its attributes, and the updates that others join.

A delivery has its end from the start, and so have its labels, supplements and clicks. A held one, and what hangs on
it, gets one by the decision: that makes the row due in STAMPS, and a schedule gives its end to what hangs on it (see
delivery_ends).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, update
from chalicelib.core.stores.ends import end_of
from chalicelib.core.stores.items import Row
from chalicelib.inbox.domain.deliveries import Decision, Delivery, Moderation, ModerationStatus
from chalicelib.inbox.domain.inbox_states import Shelf, shelf_of
from chalicelib.inbox.domain.sent_positions import SentPosition, shard_of
from chalicelib.resources import DELIVERIES

SORT_KEY = "DELIVERY"
STAMPS = "stamps"
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def delivery_key(delivery_id: str) -> Row:
    return {"pk": delivery_id, "sk": SORT_KEY}


def to_row(delivery: Delivery) -> Row:
    """Return the attributes of a new delivery, without its key."""
    row: Row = {
        "integrator": delivery.integrator,
        "toolsTokenId": delivery.tools_token_id,
        "senderUserId": delivery.sender_user_id,
        "eventType": delivery.event_type,
        "severity": delivery.severity,
        "title": delivery.title,
        "occurredAt": delivery.occurred_at,
        "createdAt": delivery.created_at,
        "inboxKey": inbox_key(delivery),
        "sentBy": sent_partition(delivery.integrator, shard_of(delivery.delivery_id)),
        "sentKey": sent_key(delivery),
        # Missing values are stored as null, so that a repeat that has them does not add them.
        "tone": delivery.tone,
        "summary": delivery.summary,
        "externalStatus": delivery.external_status,
        "projectId": delivery.project_id,
        "content": _text_of(delivery.content),
    }
    # Left out where missing: the key of an index can't be null.
    if delivery.recipient_user_id is not None:
        row["recipientUserId"] = delivery.recipient_user_id
    if delivery.moderation is not None:
        row["moderation"] = _moderation_value(delivery.moderation)
    return row | end_of_delivery(delivery)


def end_of_delivery(delivery: Delivery) -> Row:
    """Return the column with which a delivery, and what hangs on it, ends; none while it is held."""
    return end_with(delivery) or end_by_settings(delivery)


def end_by_settings(delivery: Delivery) -> Row:
    """Return the column with which a delivery ends by the present settings, whatever its row says."""
    since = delivery.moderation.at if delivery.moderation else delivery.created_at
    return {} if delivery.is_held else end_of(retention.DELIVERIES, since)


def end_with(delivery: Delivery) -> Row:
    """Return the column with which a row ends together with a stored delivery; none if that has no end yet."""
    return {} if delivery.ends_at is None else {"expiresAt": delivery.ends_at}


def from_row(row: Row) -> Delivery:
    """Return the delivery of a row, whole or as the index `inbox` has it."""
    moderation = row.get("moderation")
    return Delivery(
        delivery_id=row["pk"],
        integrator=row.get("integrator", ""),
        tools_token_id=row.get("toolsTokenId", ""),
        sender_user_id=row.get("senderUserId"),
        recipient_user_id=row.get("recipientUserId"),
        event_type=row["eventType"],
        severity=row["severity"],
        title=row["title"],
        occurred_at=row["occurredAt"],
        created_at=row["createdAt"],
        tone=row.get("tone"),
        summary=row.get("summary"),
        external_status=row.get("externalStatus"),
        project_id=row.get("projectId"),
        content=parse_content(row),
        fire_count=int(row["fireCount"]),
        supplement_count=int(row.get("supplementCount", 0)),
        resolved_at=row.get("resolvedAt"),
        resolution_note=row.get("resolutionNote"),
        sent_in_bulk=row.get("sentInBulk", False),
        read_at=row.get("readAt"),
        archived_at=row.get("archivedAt"),
        snoozed_until=row.get("snoozedUntil"),
        listed_at=row["inboxKey"].split("#")[1] if "inboxKey" in row else None,
        sent_at=row["sentKey"].split("#")[0] if "sentKey" in row else None,
        moderation=Moderation(ModerationStatus(moderation["status"]), moderation["at"]) if moderation else None,
        fired_at=find_fire_time(row),
        ends_at=int(row["expiresAt"]) if "expiresAt" in row else None,
    )


def fire_millis(fired_at: str) -> int:
    """Return the time of a send as a row has it, in milliseconds: each event is stored with it, so it is short."""
    return (parse_timestamp(fired_at) - _EPOCH) // _MILLISECOND


def find_fire_time(row: Row) -> str | None:
    """Return when the event of a row was sent last, if the row says it."""
    return timestamp(_EPOCH + int(row["firedAt"]) * _MILLISECOND) if "firedAt" in row else None


def parse_content(row: Row) -> dict[str, Any]:
    """Return the content of the row's event; empty for a row of the index, which has none."""
    content: dict[str, Any] = json.loads(row["content"]) if "content" in row else {}
    return content


def inbox_key(delivery: Delivery) -> str:
    """Return the delivery's sort key in the index `inbox`: <shelf>#<time listed by>#<delivery id>."""
    return f"{shelf_of(delivery)}#{delivery.listed_at or delivery.created_at}#{delivery.delivery_id}"


def sent_partition(integrator: str, shard: int) -> str:
    """Return the partition of the index `sent` for one shard of the integrator's deliveries."""
    return f"{integrator}#{shard}"


def sent_key(delivery: Delivery) -> str:
    """Return the delivery's sort key in the index `sent`: <time stored>#<delivery id>."""
    return "#".join(SentPosition.of(delivery))


def state_update(
    before: Delivery, after: Delivery, *, sets: Sequence[str] = (), only_if: Sequence[str] = (), **named: Any
) -> Action:
    """Return the update of a delivery's state in its inbox, with further `sets` and conditions.

    It is refused if the state is no longer as it was `before`; the row is then in `Refused.rows`.
    """
    states = {"readAt": after.read_at, "archivedAt": after.archived_at, "snoozedUntil": after.snoozed_until}
    present = {name: text for name, text in states.items() if text is not None}
    expression = "SET " + ", ".join(["inboxKey = :inboxKey", *(f"{name} = :{name}" for name in present), *sets])
    if removed := [name for name in states if name not in present]:
        expression += " REMOVE " + ", ".join(removed)
    conditions = ["inboxKey = :keyBefore", "readAt = :readBefore" if before.read_at else "attribute_not_exists(readAt)"]
    named |= present | {"inboxKey": inbox_key(after), "keyBefore": inbox_key(before)}
    named |= {"readBefore": before.read_at} if before.read_at else {}
    return update(
        DELIVERIES,
        delivery_key(before.delivery_id),
        expression,
        " AND ".join([*conditions, *only_if]),
        **named,
    )


def decision_update(decision: Decision) -> Action:
    """Return the update that decides on a held delivery, once, and puts an approved one into its recipient's inbox."""
    sets: Row = {"moderation": _moderation_value(decision.moderation)}
    if end := end_of(retention.DELIVERIES, decision.moderation.at):
        # A supplement that was added to the held event at the same time comes before this.
        due = parse_timestamp(decision.moderation.at) + GRACE
        sets |= end | {"dueQueue": STAMPS, "dueAt": timestamp(due)}
    if decision.recipient_id:
        # It is new to its recipient, however long it was held.
        key = f"{Shelf.UNREAD}#{decision.moderation.at}#{decision.delivery_id}"
        sets |= {"recipientUserId": decision.recipient_id, "inboxKey": key}
    return update(
        DELIVERIES,
        delivery_key(decision.delivery_id),
        f"SET {assignments(sets)}",
        "moderation.#status = :pending",
        **sets,
        pending=ModerationStatus.PENDING.value,
    )


def _moderation_value(moderation: Moderation) -> Row:
    return {"status": moderation.status.value, "at": moderation.at}
