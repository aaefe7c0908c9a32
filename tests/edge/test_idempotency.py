"""Idempotency keys: one effect, and the same reply for every repeat."""

import json
from datetime import UTC, datetime

import pytest
import time_machine

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api

EVENTS = "/api/v1/events"


def replayed(first: Answer, again: Answer) -> bool:
    fresh = again.headers["x-request-id"] != first.headers["x-request-id"]
    same = (again.status, again.text) == (first.status, first.text)
    return same and fresh and again.headers.get("idempotent-replayed") == "true"


def test_repeated_publish_returns_the_first_reply_and_counts_no_send(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice, key="k")
    again = api.post(EVENTS, sent, desk.alice, key="k")

    assert first.status == 202
    assert "idempotent-replayed" not in first.headers
    assert replayed(first, again)
    assert api.get(f"{EVENTS}/{first.json['deliveryId']}", desk.alice).json["fireCount"] == 1


def test_repeated_duplicate_returns_the_reply_of_the_duplicate(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    api.post(EVENTS, sent, desk.alice)
    duplicate = api.post(EVENTS, sent, desk.alice, key="k")
    assert (duplicate.status, duplicate.json["fireCount"]) == (200, 2)
    api.post(EVENTS, sent, desk.alice)

    assert replayed(duplicate, api.post(EVENTS, sent, desk.alice, key="k"))


def test_replay_returns_the_delivery_as_it_was(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice, key="publish")
    path = f"{EVENTS}/{first.json['deliveryId']}"
    one = api.post(f"{path}/supplement", {"markdown_body": "One."}, desk.alice, key="one")
    two = api.post(f"{path}/supplement", {"markdown_body": "Two."}, desk.alice, key="two")
    done = api.post(f"{path}/resolve", {"resolution_note": "Done."}, desk.alice, key="done")
    api.post(EVENTS, sent, desk.alice)

    assert replayed(first, api.post(EVENTS, sent, desk.alice, key="publish"))
    assert replayed(one, api.post(f"{path}/supplement", {"markdown_body": "One."}, desk.alice, key="one"))
    assert replayed(two, api.post(f"{path}/supplement", {"markdown_body": "Two."}, desk.alice, key="two"))
    assert replayed(done, api.post(f"{path}/resolve", {"resolution_note": "Done."}, desk.alice, key="done"))
    assert [each["markdownBody"] for each in api.get(path, desk.alice).json["supplements"]] == ["One.", "Two."]


def test_replay_with_other_body_is_a_conflict(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice, key="k")
    path = f"{EVENTS}/{first.json['deliveryId']}"
    api.post(f"{path}/supplement", {"markdown_body": "One."}, desk.alice, key="k")
    api.post(f"{path}/resolve", None, desk.alice, key="k")

    for where, body in (
        (EVENTS, sent | {"title": "Other"}),
        (EVENTS, inputs.new_event()),
        (f"{path}/supplement", {"markdown_body": "Two."}),
        (f"{path}/resolve", {"resolution_note": "Other."}),
    ):
        refused = api.post(where, body, desk.alice, key="k")
        assert (refused.status, refused.json["code"]) == (409, "idempotency_conflict")
    read = api.get(path, desk.alice).json
    assert (read["title"], len(read["supplements"]), read["resolutionNote"]) == (sent["title"], 1, None)


def test_equal_body_in_another_spelling_is_the_same(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(labels={"a": "1", "b": "2"})
    first = api.post(EVENTS, sent, desk.alice, key="k")
    respelled = json.dumps(dict(reversed(sent.items())) | {"labels": {"b": "2", "a": "1"}}, indent=3)
    assert replayed(first, api.post(EVENTS, raw=respelled, token=desk.alice, key="k"))


def test_keys_are_scoped_to_caller_operation_and_path(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    assert api.post(EVENTS, sent, desk.alice, key="k").status == 202
    assert api.post(EVENTS, sent, desk.bob, key="k").status == 202
    deliveries = [api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"] for _ in range(2)]
    for delivery in deliveries:
        for step, body in (("supplement", {"markdown_body": "x"}), ("resolve", {"resolution_note": "x"})):
            assert (
                "idempotent-replayed" not in api.post(f"{EVENTS}/{delivery}/{step}", body, desk.alice, key="k").headers
            )


def test_refusal_stores_no_reply(api: Api, desk: Desk) -> None:
    assert api.post(EVENTS, inputs.new_event(event_type="hr.x.y"), desk.alice, key="k").status == 400
    assert api.post(EVENTS, inputs.new_event(), desk.alice, key="k").status == 202


def test_replay_is_returned_even_if_the_call_would_be_refused_now(api: Api, desk: Desk) -> None:
    token = desk.personal(daily_limit=1)
    with time_machine.travel(datetime(2026, 5, 21, 2, tzinfo=UTC), tick=False) as clock:
        sent = inputs.new_event(occurred_at=inputs.ago(hours=23))
        first = api.post(EVENTS, sent, token, key="k")
        assert first.status == 202
        assert replayed(first, api.post(EVENTS, sent, token, key="k"))
        clock.shift(2 * 3600)
        assert replayed(first, api.post(EVENTS, sent, token, key="k"))
        assert api.post(EVENTS, sent, token, key="another").status == 429


def test_key_expires_after_24_hours(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        delivery = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
        path = f"{EVENTS}/{delivery}/supplement"
        first = api.post(path, {"markdown_body": "x"}, desk.alice, key="k")
        clock.shift(24 * 3600 - 1)
        assert replayed(first, api.post(path, {"markdown_body": "x"}, desk.alice, key="k"))
        clock.shift(1)
        later = api.post(path, {"markdown_body": "y"}, desk.alice, key="k")
        assert (later.status, len(later.json["supplements"])) == (201, 2)


@pytest.mark.parametrize(("key", "accepted"), [("", False), ("x" * 200, True), ("x" * 201, False)])
def test_key_has_1_to_200_characters(api: Api, desk: Desk, key: str, accepted: bool) -> None:
    reply = api.post(EVENTS, inputs.new_event(), desk.alice, key=key)
    assert reply.status == (202 if accepted else 400)
    assert accepted or list(reply.json["fieldErrors"]) == ["Idempotency-Key"]


def test_repeat_takes_no_daily_delivery(api: Api, desk: Desk) -> None:
    token = desk.personal(daily_limit=2)
    sent = inputs.new_event()
    statuses = [api.post(EVENTS, sent, token, key="k").status for _ in range(4)]
    assert statuses == [202] * 4
    assert [api.post(EVENTS, inputs.new_event(), token).status for _ in range(2)] == [202, 429]
