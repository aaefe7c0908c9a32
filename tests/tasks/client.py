"""Calls of the task queue that its tests share. They are made with Alice's key."""

from typing import Any

from tests.conftest import Desk
from tests.support.api import Answer, Api

QUEUE, SETTINGS = "/api/v2/queue", "/api/v2/settings"


def add_task(api: Api, desk: Desk, **members: Any) -> dict[str, Any]:
    answer = api.post(QUEUE, {"title": "Something"} | members, desk.alice_key)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


def list_tasks(api: Api, desk: Desk, **query: Any) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    found: dict[str, Any] = api.get(f"{QUEUE}?{text}", desk.alice_key).json["data"]
    return found


def set_status(api: Api, desk: Desk, item: str, status: str) -> Answer:
    return api.post(f"{QUEUE}/{item}/status", {"status": status}, desk.alice_key)


def confirm_task(api: Api, desk: Desk, item: str, action: str) -> Answer:
    return api.post(f"{QUEUE}/{item}/confirm", {"action": action}, desk.alice_key)


def change_settings(api: Api, desk: Desk, **members: Any) -> Answer:
    answer = api.call("PATCH", SETTINGS, members, token=desk.alice_key)
    assert answer.status == 200, answer.text
    return answer


def add_task_with_status(api: Api, desk: Desk, status: str) -> str:
    item: str = add_task(api, desk)["id"]
    if status != "pending_confirmation":
        confirm_task(api, desk, item, "approve")
        assert set_status(api, desk, item, status).status == 200
    return item
