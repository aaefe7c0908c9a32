"""Requests of the task queue: what they may say."""

import json
from typing import Any

import pytest

from tests.conftest import Desk
from tests.support.api import Api
from tests.tasks.client import QUEUE, add_task, list_tasks

BULKY = "x" * 100_000


@pytest.mark.parametrize("metadata", [{"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}'])
def test_metadata_is_accepted_as_object_or_json_and_returned_as_json(api: Api, desk: Desk, metadata: Any) -> None:
    assert json.loads(add_task(api, desk, metadata=metadata)["metadata"]) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "  "},
        {"title": "x" * 501},
        {"title": 1},
        {"title": None},
        {"title": "x", "type": "chore"},
        {"title": "x", "priority": "top"},
        {"title": "x", "description": "x" * 10_001},
        {"title": "x", "metadata": "not an object"},
        {"title": "x", "metadata": "[]"},
        {"title": "x", "metadata": '{"a": NaN}'},
        {"title": "x", "metadata": '{"a": 1e999}'},
        {"title": "x", "metadata": '{"a": "\\ud800"}'},
        {"title": "x", "metadata": {"a": BULKY}},
        {"title": "x", "metadata": 5},
        {"title": "x", "status": "ready"},
        {"title": "x", "source": ""},
        [],
    ],
)
def test_invalid_task_is_refused_and_changes_nothing(api: Api, desk: Desk, body: Any) -> None:
    refused = api.post(QUEUE, body, desk.alice_key)
    assert (refused.status, refused.json["success"]) == (400, False)
    assert list_tasks(api, desk)["pagination"]["total"] == 0


@pytest.mark.parametrize("number", ["1e999", "-1E+999", "9" * 400 + ".0"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (QUEUE, '{"title": "x", "metadata": {"a": [%s]}}'),
        ("/api/v2/shared-chat/send", '{"content": "x", "metadata": {"a": %s}}'),
        ("/api/v2/contacts", '{"name": "x", "enrichedData": {"a": %s}}'),
    ],
)
def test_infinite_and_nan_numbers_are_refused(api: Api, desk: Desk, path: str, body: str, number: str) -> None:
    assert api.post(path, token=desk.alice_key, raw=body % number).status == 400


@pytest.mark.parametrize(
    "body", [{}, {"action": "maybe"}, {"action": None}, {"action": "approve", "recipient": "a@b.c"}]
)
def test_invalid_decision_is_refused(api: Api, desk: Desk, body: Any) -> None:
    item = add_task(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/confirm", body, desk.alice_key).status == 400
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["status"] == "pending_confirmation"
