"""What is stored of a message to a channel: begun once, recorded by its worker, and skipped unless it was begun."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import LEASE
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.operate.stores.logged_deliveries import DynamoLoggedDeliveries
from chalicelib.reach.domain.outcomes import Outcome, SendState, SkipReason
from chalicelib.reach.stores.outcomes import DynamoOutcomes
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.channels import publish

NOW = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture
def delivery(api: Api, desk: Desk) -> Delivery:
    found = DynamoDeliveries().find(publish(api, desk))
    assert found is not None
    return found.delivery


def message(delivery: Delivery, lease_id: str = "first", **fields: Any) -> Outcome:
    begun = Outcome(
        str(delivery.recipient_user_id),
        delivery.delivery_id,
        "channel",
        "message",
        "webhook",
        "hooks.example.com",
        SendState.SENDING,
        1,
        timestamp(NOW),
        lease_id,
    )
    return replace(begun, **fields)


def stored(delivery: Delivery) -> list[Outcome]:
    found = DynamoLoggedDeliveries().find(delivery.delivery_id)
    assert found is not None
    return found[1]


def test_an_attempt_is_begun_by_one_worker_until_its_lease_ends(delivery: Delivery) -> None:
    outcomes = DynamoOutcomes()
    assert outcomes.begin(message(delivery), delivery, now=NOW) is None
    other = message(delivery, "second")
    assert outcomes.begin(other, delivery, now=NOW) == message(delivery)
    assert outcomes.begin(other, delivery, now=NOW + LEASE + timedelta(seconds=1)) is None
    assert not outcomes.record(message(delivery, state=SendState.SENT), delivery), "its lease was lost"
    assert outcomes.record(replace(other, state=SendState.SENT), delivery)
    assert [each.state for each in stored(delivery)] == [SendState.SENT]


def test_a_message_is_skipped_unless_its_attempt_was_begun(delivery: Delivery) -> None:
    outcomes = DynamoOutcomes()
    skipped = message(delivery, "second", state=SendState.FAILED, skipped=SkipReason.READ)
    outcomes.begin(message(delivery), delivery, now=NOW)
    outcomes.skip(skipped, delivery)
    assert stored(delivery) == [message(delivery)]

    outcomes.record(message(delivery, state=SendState.WAITING, result="answered 503"), delivery)
    later = replace(skipped, attempt=2)
    outcomes.skip(later, delivery)
    assert stored(delivery) == [later]
    assert outcomes.begin(message(delivery, "third", attempt=2), delivery, now=NOW) == later, "it is not sent any more"


def test_nothing_is_stored_of_a_delivery_that_is_gone(delivery: Delivery) -> None:
    gone = replace(delivery, delivery_id="00000000-0000-4000-8000-000000000001")
    DynamoOutcomes().skip(message(gone, state=SendState.FAILED, skipped=SkipReason.READ), gone)
    assert DynamoOutcomes().begin(message(gone), gone, now=NOW) is not None
    assert DynamoLoggedDeliveries().find(gone.delivery_id) is None
