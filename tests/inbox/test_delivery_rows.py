"""Rows of deliveries: existing desks have rows of this form, so it stays."""

from dataclasses import replace

import pytest

from chalicelib import aws
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.inbox.domain.deliveries import Decision, Delivery, Moderation, ModerationStatus
from chalicelib.inbox.stores.delivery_rows import decision_update, delivery_key, from_row, state_update, to_row
from chalicelib.resources import DELIVERIES
from infra.tables import DEFINITIONS
from tests.conftest import Desk

AT = "2026-05-21T09:00:00.000Z"
DELIVERY = Delivery(
    delivery_id="d",
    integrator="fd1",
    tools_token_id="tools",
    sender_user_id="alice",
    recipient_user_id="bob",
    event_type="fd1.x",
    severity="info",
    title="x",
    occurred_at="2026-05-21T08:59:59.000Z",
    created_at=AT,
    sent_at=AT,
    tone="positive",
    project_id="apollo",
    content={"event_id": "e", "labels": {"repo": "wïdget"}},
)
ROW = {
    "integrator": "fd1",
    "toolsTokenId": "tools",
    "senderUserId": "alice",
    "recipientUserId": "bob",
    "eventType": "fd1.x",
    "severity": "info",
    "title": "x",
    "occurredAt": "2026-05-21T08:59:59.000Z",
    "createdAt": AT,
    "inboxKey": f"u#{AT}#d",
    "sentBy": "fd1#5",
    "sentKey": f"{AT}#d",
    "tone": "positive",
    "summary": None,
    "externalStatus": None,
    "projectId": "apollo",
    "content": '{"event_id":"e","labels":{"repo":"wïdget"}}',
}
HELD = replace(DELIVERY, recipient_user_id=None, moderation=Moderation(ModerationStatus.PENDING, AT))


def store(delivery: Delivery) -> None:
    row = delivery_key(delivery.delivery_id) | to_row(delivery) | {"fireCount": 1, "firstFire": "f"}
    aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=to_item(row))


def stored() -> Delivery:
    key = to_item(delivery_key("d"))
    return from_row(from_item(aws.dynamodb().get_item(TableName=DELIVERIES.physical_name, Key=key)["Item"]))


def test_new_delivery_has_the_attributes_of_existing_rows() -> None:
    assert to_row(DELIVERY).items() >= ROW.items()


def test_held_delivery_has_no_recipient_and_is_pending() -> None:
    row = to_row(HELD)
    assert "recipientUserId" not in row
    assert row["moderation"] == {"status": "pending", "at": AT}


@pytest.mark.parametrize("delivery", [DELIVERY, HELD])
def test_row_is_read_back_as_the_delivery(delivery: Delivery) -> None:
    row = {"pk": "d", "sk": "DELIVERY", "fireCount": 1, "firstFire": "f"} | to_row(delivery)
    assert from_row(row) == replace(delivery, listed_at=AT)


def test_entry_of_the_inbox_index_is_read_without_content() -> None:
    (table,) = (each for each in DEFINITIONS if each.table is DELIVERIES)
    projected = {"pk", "sk", "recipientUserId", "inboxKey", *table.indexes[0].included}
    row = {name: value for name, value in (ROW | {"pk": "d", "fireCount": 1}).items() if name in projected}
    assert from_row(row) == replace(
        DELIVERY,
        integrator="",
        tools_token_id="",
        sender_user_id=None,
        project_id=None,
        content={},
        sent_at=None,
        listed_at=AT,
    )


def test_state_is_changed_only_if_it_is_as_it_was(desk: Desk) -> None:
    store(DELIVERY)
    read = replace(DELIVERY, read_at=AT)
    commit([state_update(DELIVERY, read)])
    assert stored() == replace(read, listed_at=AT)
    with pytest.raises(Refused) as refused:
        commit([state_update(DELIVERY, replace(DELIVERY, archived_at=AT))])
    assert from_row(refused.value.rows[0]).read_at == AT
    commit([state_update(read, DELIVERY)])
    assert stored().read_at is None


def test_held_delivery_is_decided_once(desk: Desk) -> None:
    store(HELD)
    approved = Decision("d", Moderation(ModerationStatus.APPROVED, AT), "bob")
    commit([decision_update(approved)])
    assert (stored().recipient_user_id, stored().moderation) == ("bob", approved.moderation)
    with pytest.raises(Refused):
        commit([decision_update(Decision("d", Moderation(ModerationStatus.REJECTED, AT)))])
