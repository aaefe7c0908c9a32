"""A delivery's row in the table `deliveries` (see deliveries), and how it is changed with what else changes."""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.inbox.domain.deliveries import Decision, Delivery, Moderation, ModerationStatus
from chalicelib.inbox.domain.inbox_states import shelf_of
from chalicelib.resources import DELIVERIES

SORT_KEY = "DELIVERY"
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def delivery_key(delivery_id: str) -> Row:
    return {"pk": delivery_id, "sk": SORT_KEY}


def to_row(delivery: Delivery) -> Row:
    """What a delivery's own row holds of it when it is new, besides its key."""
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
        # Absent members are stored as null, so that a repeat that has them can't add them.
        "tone": delivery.tone,
        "summary": delivery.summary,
        "externalStatus": delivery.external_status,
        "projectId": delivery.project_id,
        "content": _text_of(delivery.content),
    }
    if delivery.recipient_user_id is not None:
        row["recipientUserId"] = delivery.recipient_user_id
    if delivery.moderation is not None:
        row["moderation"] = {"status": delivery.moderation.status.value, "at": delivery.moderation.at}
    return row


def from_row(row: Row) -> Delivery:
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
        moderation=Moderation(ModerationStatus(moderation["status"]), moderation["at"]) if moderation else None,
    )


def parse_content(row: Row) -> dict[str, Any]:
    """The members of the event that no list shows."""
    found: dict[str, Any] = json.loads(row["content"]) if "content" in row else {}
    return found


def inbox_key(delivery: Delivery) -> str:
    """Where the delivery lies in its recipient's inbox."""
    return f"{shelf_of(delivery)}#{delivery.listed_at or delivery.created_at}#{delivery.delivery_id}"


def state_update(
    seen: Delivery, wanted: Delivery, *, sets: Sequence[str] = (), only_if: Sequence[str] = (), **named: Any
) -> Action:
    """The change of what its recipient made of a delivery, with more `sets` and conditions.

    It is refused where that is no longer as it was seen.
    """
    states = {"readAt": wanted.read_at, "archivedAt": wanted.archived_at, "snoozedUntil": wanted.snoozed_until}
    kept = {name: text for name, text in states.items() if text is not None}
    expression = "SET " + ", ".join(["inboxKey = :inboxKey", *(f"{name} = :{name}" for name in kept), *sets])
    if removed := [name for name in states if name not in kept]:
        expression += " REMOVE " + ", ".join(removed)
    conditions = ["inboxKey = :seenKey", "readAt = :seenReadAt" if seen.read_at else "attribute_not_exists(readAt)"]
    named |= kept | {"inboxKey": inbox_key(wanted), "seenKey": inbox_key(seen)}
    named |= {"seenReadAt": seen.read_at} if seen.read_at else {}
    return {
        "Update": {
            "TableName": DELIVERIES.physical_name,
            "Key": to_item(delivery_key(seen.delivery_id)),
            "UpdateExpression": expression,
            "ConditionExpression": " AND ".join([*conditions, *only_if]),
            "ExpressionAttributeValues": values(**named),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def decision_update(decision: Decision) -> Action:
    """The moderator's say on a held delivery, once, with its arrival in an inbox when it is let through."""
    said = decision.moderation
    sets = "moderation = :said"
    named: Row = {"said": {"status": said.status.value, "at": said.at}}
    if decision.recipient_id:
        sets, named = f"{sets}, recipientUserId = :recipient", named | {"recipient": decision.recipient_id}
    return {
        "Update": {
            "TableName": DELIVERIES.physical_name,
            "Key": to_item(delivery_key(decision.delivery_id)),
            "UpdateExpression": f"SET {sets}",
            "ConditionExpression": "moderation.#status = :pending",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(**named, pending=ModerationStatus.PENDING.value),
        }
    }
