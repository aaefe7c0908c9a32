"""Press buttons whose callbacks go to a receiver, and read and change its endpoint."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.endpoints import (
    Endpoint,
    PausedBy,
)
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
ENDPOINTS = f"{ADMIN}/callback-endpoints"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


def origin(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def click(api: Api, desk: Desk, receiver: Receiver) -> str:
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    sent = api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice)
    delivery = str(sent.json["deliveryId"])
    assert api.post(f"{INBOX}/{delivery}/actions/0", None, desk.alice_key).status == 202
    return delivery


def outcome(api: Api, desk: Desk, delivery: str) -> str:
    (action,) = api.get(f"{INBOX}/{delivery}", desk.alice_key).json["actions"]
    return str(action["outcome"])


def listed(api: Api, desk: Desk) -> list[dict[str, Any]]:
    return list(data(api.get(ENDPOINTS, desk.alice_key)))


def change(api: Api, desk: Desk, receiver: Receiver, what: str) -> Any:
    body = {"integrator": "fd1", "origin": receiver.url}
    return data(api.post(f"{ENDPOINTS}/{what}", body, desk.alice_key))


def work_off(pump: Pumps) -> None:
    for queue in (CALLBACK_REPLAYS, CALLBACKS):
        pump.drain(queue)


def pause_by_failures(receiver: Receiver, now: datetime) -> Endpoint:
    at = timestamp(now)
    paused = Endpoint("fd1", origin(receiver), at, at, at, PausedBy.FAILURES, timestamp(now + timedelta(hours=1)))
    assert DynamoEndpoints().save(paused, over=None)
    return paused
