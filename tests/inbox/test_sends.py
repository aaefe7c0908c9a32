"""One event, one delivery: repeats, races, and the retries below us."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.deliveries import Delivery, RecordedDelivery
from chalicelib.inbox.stores.sends import DynamoSends
from chalicelib.resources import DELIVERIES
from infra.local import engine
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently

EVENTS = "/api/v1/events"


def test_16_concurrent_publishes_are_one_delivery_with_16_sends(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(severity="warn")

    replies = run_concurrently(16, lambda _: api.post(EVENTS, sent, desk.alice))

    assert Counter(reply.status for reply in replies) == {202: 1, 200: 15}
    assert sorted(reply.json["fireCount"] for reply in replies) == list(range(1, 17))
    assert len({reply.json["deliveryId"] for reply in replies}) == 1
    assert len(api.get("/api/v1/inbox", desk.alice_key).json["items"]) == 1


def test_concurrent_publishes_under_keys_of_their_own_are_all_counted(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(severity="warn")

    replies = run_concurrently(8, lambda number: api.post(EVENTS, sent, desk.alice, key=f"key-{number}"))

    assert Counter(reply.status for reply in replies) == {202: 1, 200: 7}
    assert sorted(reply.json["fireCount"] for reply in replies) == list(range(1, 9))


def test_concurrent_publishes_under_one_key_are_one_send(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(severity="warn")

    replies = run_concurrently(8, lambda _: api.post(EVENTS, sent, desk.alice, key="same"))

    assert Counter(reply.status for reply in replies) == {202: 8}
    assert len({reply.text for reply in replies}) == 1
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 7


def test_lost_reply_is_not_a_second_send(api: Api, desk: Desk, lossy: None) -> None:
    sent = inputs.new_event()
    for key in (None, "a-key"):
        replies = [api.post(EVENTS, sent | {"event_id": f"lost-{key}"}, desk.alice, key=key) for _ in range(2)]
        statuses = [reply.status for reply in replies]
        assert statuses == ([202, 200] if key is None else [202, 202])
        read = api.get(f"{EVENTS}/{replies[0].json['deliveryId']}", desk.alice).json
        assert read["fireCount"] == (2 if key is None else 1)
        assert "idempotent-replayed" not in replies[0].headers


def test_a_supplement_whose_reply_is_lost_is_added_once(api: Api, desk: Desk, lossy: None) -> None:
    delivery = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    added = api.post(f"{EVENTS}/{delivery}/supplement", {"markdown_body": "Once."}, desk.alice)
    resolved = api.post(f"{EVENTS}/{delivery}/resolve", {"resolution_note": "Done."}, desk.alice)

    assert (added.status, resolved.status) == (201, 200)
    read = api.get(f"{EVENTS}/{delivery}", desk.alice).json
    assert [each["markdownBody"] for each in read["supplements"]] == ["Once."]
    assert (read["resolvedAt"], read["resolutionNote"]) == (resolved.json["resolvedAt"], "Done.")


@pytest.fixture
def lossy(desk: Desk) -> Iterator[None]:
    """Every write takes effect, and the reply to its first attempt is lost."""
    lost: set[str] = set()

    def take_effect_and_lose_the_reply(request: Any, **_: object) -> None:
        action = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        name = f"{action} {request.body!r}"
        if action in ("UpdateItem", "PutItem", "TransactWriteItems") and name not in lost:
            lost.add(name)
            engine.answer_request(request)
            raise ReadTimeoutError(endpoint_url="https://dynamodb.test")

    events = aws.dynamodb().meta.events
    events.register_first("before-send", take_effect_and_lose_the_reply)
    yield
    events.unregister("before-send", take_effect_and_lose_the_reply)


def test_retried_send_is_counted_once_in_every_minute(desk: Desk) -> None:
    """A retry below us is counted once in its own minute; later sends are always counted."""
    store, start = DynamoSends(returns_read=lambda _: False), datetime(2026, 5, 21, 9, 59, 59, tzinfo=UTC)
    delivery = Delivery(
        delivery_id=str(uuid4()),
        integrator="fd1",
        tools_token_id="tools",
        sender_user_id="alice",
        recipient_user_id="alice",
        event_type="fd1.x",
        severity="info",
        title="x",
        occurred_at="2026-05-21T09:59:59.000Z",
        created_at="2026-05-21T09:59:59.000Z",
    )
    counts = []
    for step in range(8):
        now = start + timedelta(seconds=37 * step)
        for fire in (f"first-{step}", f"second-{step}"):
            for retry in range(2):
                sent = replace(delivery, created_at=timestamp(now + timedelta(seconds=retry)))
                recorded = store.record(sent, fire=fire, now=now, claim=None, reply=_unused)
            assert recorded.is_new or recorded.delivery.last_fired_at == timestamp(now)
            counts.append((recorded.delivery.fire_count, recorded.is_new))

    assert counts == [(number, number == 1) for number in range(1, 17)]
    row = aws.dynamodb().get_item(
        TableName=DELIVERIES.physical_name, Key={"pk": {"S": delivery.delivery_id}, "sk": {"S": "DELIVERY"}}
    )["Item"]
    assert sum(len(value["SS"]) for name, value in row.items() if name.startswith("fires")) <= 8


def _unused(_: RecordedDelivery) -> dict[str, Any]:
    raise AssertionError("only a claim keeps replies")


def test_send_waits_for_a_transaction_on_its_row(api: Api, desk: Desk) -> None:
    conflicts = iter(range(3))

    def conflict(request: Any, **_: object) -> Any:
        if request.headers["X-Amz-Target"].endswith(b"UpdateItem") and next(conflicts, None) is not None:
            body = b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"}'
            return AWSResponse(request.url, 400, HTTPHeaders(), MockRawResponse(body))
        return None

    events = aws.dynamodb().meta.events
    events.register_first("before-send", conflict)
    try:
        assert api.post(EVENTS, inputs.new_event(), desk.alice).status == 202
    finally:
        events.unregister("before-send", conflict)
    assert next(conflicts, None) is None
