"""What senders do with a delivery later: read it back, resolve it, add to it."""

from typing import Any

import pytest

from chalicelib import aws
from chalicelib.resources import DELIVERIES
from infra import demo
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently

EVENTS = "/api/v1/events"
STEPS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "", None),
    ("POST", "/resolve", {}),
    ("POST", "/supplement", {"markdown_body": "x"}),
)


@pytest.fixture
def path(api: Api, desk: Desk) -> str:
    return f"{EVENTS}/{api.post(EVENTS, inputs.new_event(), desk.alice).json['deliveryId']}"


def test_sender_and_the_tools_token_behind_it_may_follow_up(api: Api, desk: Desk, path: str) -> None:
    for token in (desk.alice, desk.fd1):
        for method, step, body in STEPS:
            assert api.call(method, path + step, body, token=token).status in (200, 201)


def test_delivery_is_not_found_for_everyone_else(api: Api, desk: Desk, path: str) -> None:
    for token in (desk.bob, desk.hr, desk.moderated):
        for method, step, body in STEPS:
            assert api.call(method, path + step, body, token=token).status == 404
    read = api.get(path, desk.alice).json
    assert (read["resolvedAt"], read["supplements"]) == (None, [])


@pytest.mark.parametrize("wrong", [inputs.uuid(7), "nothing", "%2e%2e", "00000000-0000-4000-8000-00000000000g", "*"])
def test_an_unknown_or_malformed_id_is_not_found(api: Api, desk: Desk, wrong: str) -> None:
    for method, step, body in STEPS:
        assert api.call(method, f"{EVENTS}/{wrong}{step}", body, token=desk.alice).status == 404


def test_an_id_in_capitals_is_the_same_id(api: Api, desk: Desk, path: str) -> None:
    head, _, delivery = path.rpartition("/")
    capital = f"{head}/{delivery.upper()}"
    assert api.get(capital, desk.alice).json["deliveryId"] == delivery
    assert api.post(f"{capital}/supplement", {"markdown_body": "x"}, desk.alice).status == 201
    assert len(api.get(path, desk.alice).json["supplements"]) == 1


def test_the_first_resolution_stays(api: Api, desk: Desk, path: str) -> None:
    first = api.post(f"{path}/resolve", {"resolution_note": "Fixed."}, desk.alice)
    second = api.post(f"{path}/resolve", {"resolution_note": "Fixed again."}, desk.fd1)
    third = api.post(f"{path}/resolve", None, desk.alice, key="k")

    assert (first.status, first.json["resolutionNote"]) == (200, "Fixed.")
    for later in (second, third):
        assert later.json == first.json | {"requestId": later.headers["x-request-id"]}


def test_concurrent_resolutions_all_return_the_first(api: Api, desk: Desk, path: str) -> None:
    replies = run_concurrently(
        16,
        lambda number: api.post(
            f"{path}/resolve", {"resolution_note": str(number)}, desk.alice, key=f"k{number}" if number % 2 else None
        ),
    )
    stamps = {(reply.status, reply.json["resolvedAt"], reply.json["resolutionNote"]) for reply in replies}
    assert len(stamps) == 1


def test_resolving_needs_neither_note_nor_body(api: Api, desk: Desk, path: str) -> None:
    reply = api.post(f"{path}/resolve", None, desk.alice)
    assert (reply.status, reply.json["resolutionNote"]) == (200, None)


@pytest.mark.parametrize(
    "body", [{"resolution_note": "x" * 501}, {"resolution_note": None}, {"resolution_note": 1}, {"note": "x"}, []]
)
def test_a_bad_resolution_changes_nothing(api: Api, desk: Desk, path: str, body: object) -> None:
    assert api.post(f"{path}/resolve", body, desk.alice).status == 400
    assert api.get(path, desk.alice).json["resolvedAt"] is None


def test_supplements_are_shown_oldest_first_and_the_delivery_never_changes(api: Api, desk: Desk, path: str) -> None:
    before = api.get(path, desk.alice).json
    for text in ("One.", "Two.", "Three."):
        added = api.post(f"{path}/supplement", {"markdown_body": text}, desk.alice)
        assert added.status == 201
        assert added.json["supplements"][-1]["markdownBody"] == text
    after = api.get(path, desk.alice).json
    assert [each["markdownBody"] for each in after["supplements"]] == ["One.", "Two.", "Three."]
    assert after == before | {"supplements": after["supplements"], "requestId": after["requestId"]}


def test_a_resolved_delivery_still_takes_supplements(api: Api, desk: Desk, path: str) -> None:
    api.post(f"{path}/resolve", {}, desk.alice)
    assert api.post(f"{path}/supplement", {"markdown_body": "x"}, desk.alice).status == 201


@pytest.mark.parametrize(
    "body", [{}, {"markdown_body": ""}, {"markdown_body": "x" * 8001}, {"markdown_body": "x", "more": 1}]
)
def test_a_bad_supplement_changes_nothing(api: Api, desk: Desk, path: str, body: object) -> None:
    assert api.post(f"{path}/supplement", body, desk.alice).status == 400
    assert api.get(path, desk.alice).json["supplements"] == []


def test_the_hundredth_supplement_is_the_last_even_in_a_race(api: Api, desk: Desk, path: str) -> None:
    delivery = path.rpartition("/")[2]
    for number in range(95):
        add_supplement_row(delivery, number)
    aws.dynamodb().update_item(
        TableName=DELIVERIES.physical_name,
        Key={"pk": {"S": delivery}, "sk": {"S": "DELIVERY"}},
        UpdateExpression="SET supplementCount = :n",
        ExpressionAttributeValues={":n": {"N": "95"}},
    )

    replies = run_concurrently(
        8,
        lambda number: api.post(
            f"{path}/supplement", {"markdown_body": "x"}, desk.alice, key=f"k{number}" if number % 2 else None
        ),
    )
    assert sorted(reply.status for reply in replies) == [201] * 5 + [409] * 3
    assert {reply.json["code"] for reply in replies if reply.status == 409} == {"supplement_limit"}
    assert len(api.get(path, desk.alice).json["supplements"]) == 100


def test_a_hundred_of_the_longest_supplements_are_read_back_whole(api: Api, desk: Desk, path: str) -> None:
    body = {"markdown_body": "\U0001f4cb" * 8000}
    delivery = path.rpartition("/")[2]
    for number in range(99):
        add_supplement_row(delivery, number, body["markdown_body"])
    last = api.post(f"{path}/supplement", body, desk.alice, key="k")
    assert (last.status, len(last.json["supplements"])) == (201, 100)
    assert api.post(f"{path}/supplement", body, desk.alice, key="k").text == last.text


def add_supplement_row(delivery: str, number: int, text: str = "x") -> None:
    at = f"2026-01-01T00:00:00.{number:03d}Z"
    row = {"pk": delivery, "sk": f"SUPPLEMENT#{at}#{number}", "supplementId": inputs.uuid(number), "markdownBody": text}
    aws.dynamodb().put_item(
        TableName=DELIVERIES.physical_name,
        Item={name: {"S": value} for name, value in (row | {"createdAt": at}).items()},
    )


def test_a_new_secret_of_the_same_grant_is_the_same_sender(api: Api, desk: Desk, path: str) -> None:
    again = Desk(demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})))
    assert api.get(path, desk.alice).status == 401
    assert api.get(path, again.alice).status == 200
    assert api.get(path, again.fd1).status == 200
