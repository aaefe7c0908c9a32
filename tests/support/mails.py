"""E-mail about deliveries to Alice, as tests have it sent."""

from typing import Any
from uuid import UUID, uuid4

from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.resources import DELIVERIES, EMAIL
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.worker_scenarios import scan_rows

MAIL, EVENTS = "/api/v1/me/email", "/api/v1/events"
ALICE = "alice@example.com"


def publish(api: Api, desk: Desk, **more: Any) -> str:
    return str(api.post(EVENTS, inputs.new_event(**more), desk.alice).json["deliveryId"])


def job_of(desk: Desk, delivery_id: str, *, user: str = "alice", message_id: UUID | None = None) -> EmailJob:
    return EmailJob(user_id=desk.user_id(user), delivery_id=delivery_id, message_id=str(message_id or uuid4()))


def send(desk: Desk, pump: Pumps, delivery_id: str, **more: Any) -> EmailJob:
    job = job_of(desk, delivery_id, **more)
    EMAIL_JOBS.send(job)
    pump.drain(EMAIL)
    return job


def rows() -> list[dict[str, Any]]:
    return [each for each in scan_rows(DELIVERIES) if each["sk"].startswith("MAIL#")]


def ask_for_test(api: Api, desk: Desk, pump: Pumps) -> None:
    asked = api.post(f"{MAIL}/test", token=desk.alice_key)
    assert (asked.status, asked.json["testedAt"]) == (202, None)
    pump.drain(EMAIL)
    assert api.get(MAIL, desk.alice_key).json["testedAt"]


def prefer(api: Api, desk: Desk, *, version: int, **more: Any) -> Any:
    """Have everything sent to Alice's browsers and by e-mail."""
    body = {"rules": [{"ways": ["push", "email"]}], "version": version, **more}
    return api.call("PUT", "/api/v1/me/preferences", body=body, token=desk.alice_key)
