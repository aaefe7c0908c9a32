"""Channels of people in tests: added, tested, and told of a delivery."""

from typing import Any

from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.reach.gateways.jobs import WEBHOOK_JOBS
from chalicelib.resources import DELIVERIES, PERSONAL_WEBHOOK
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

CHANNELS, EVENTS = "/api/v1/me/channels", "/api/v1/events"
MESSAGE = "5b0e4c4e-7f3a-4c1d-9a55-0123456789ab"


def add(api: Api, token: str, url: str, **more: Any) -> Answer:
    return api.post(CHANNELS, {"kind": "webhook", "label": "Team", "url": url}, token, **more)


def listed(api: Api, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(CHANNELS, token).json["items"]
    return found


def ask_for_test(api: Api, token: str, channel_id: str) -> Answer:
    return api.post(f"{CHANNELS}/{channel_id}/test", None, token)


def add_active(api: Api, pump: Pumps, token: str, receiver: Receiver) -> dict[str, Any]:
    """Add a webhook that has taken its test message."""
    made: dict[str, Any] = add(api, token, receiver.url).json
    assert ask_for_test(api, token, made["id"]).status == 202
    assert pump.drain(PERSONAL_WEBHOOK) == 1
    receiver.received.clear()
    return made


def reach(desk: Desk, channel: dict[str, Any], delivery_id: str, *, message_id: str = MESSAGE) -> None:
    job = ChannelJob(
        user_id=desk.user_id("alice"), channel_id=channel["id"], delivery_id=delivery_id, message_id=message_id
    )
    WEBHOOK_JOBS.send(job)


def publish(api: Api, desk: Desk, **fields: Any) -> str:
    return str(api.post(EVENTS, inputs.new_event(**fields), desk.alice).json["deliveryId"])


def outcomes() -> list[dict[str, Any]]:
    return [row for row in scan_rows(DELIVERIES) if row["sk"].startswith("REACH#")]
