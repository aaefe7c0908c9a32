"""GET /api/v1/events: what an integrator has sent."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from botocore.exceptions import ClientError
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id
from chalicelib.inbox.domain.event_types import Tally
from chalicelib.inbox.domain.sent_positions import SHARDS, shard_of
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.resources import DELIVERIES, FAN_OUT
from infra.admin import main
from tests.conftest import Desk
from tests.inbox.bulk_calls import by_email, send
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.pump import Pumps

EVENTS = "/api/v1/events"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


def publish(api: Api, token: str, **event: Any) -> str:
    reply = api.post(EVENTS, inputs.new_event(**event), token)
    assert reply.status in (200, 202), reply.text
    return str(reply.json["deliveryId"])


def read(api: Api, token: str, **filters: Any) -> Answer:
    return api.get(f"{EVENTS}?{urlencode(filters)}", token)


def ids(api: Api, token: str, **filters: Any) -> list[str]:
    """Return the delivery ids of all pages."""
    found, cursor = [], None
    for _ in range(50):
        page = read(api, token, **filters, **({"cursor": cursor} if cursor else {}))
        assert page.status == 200, page.text
        found += [each["deliveryId"] for each in page.json["items"]]
        cursor = page.json["nextCursor"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def new_tools_token(api: Api, desk: Desk, integrator: str = "hr") -> str:
    body = {"integrator": integrator, "owner": "alice@example.com", "admin": False}
    return str(api.post("/api/v2/operate/tools-tokens", body, desk.alice_key).json["data"]["token"])


def test_admin_token_sees_what_its_integrator_sent_newest_first(api: Api, desk: Desk, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sent = []
        for token in (desk.alice, desk.bob):
            sent.append(publish(api, token, labels={"repo": "widget-pro"}, summary="s"))
            clock.shift(1)
        sent.append(send(api, desk.fd1, by_email("carol")).json["results"][0]["deliveryId"])
        clock.shift(5)
        pump.drain(FAN_OUT)
        publish(api, desk.moderated, event_type="hr.offer.sent")
        page = read(api, desk.fd1)
    assert [each["deliveryId"] for each in page.json["items"]] == sent[::-1]
    assert page.json["nextCursor"] is None
    bulk, _, first = page.json["items"]
    assert (bulk["createdAt"], bulk["sentAt"]) == ("2026-05-21T12:00:02.000Z", "2026-05-21T12:00:07.000Z")
    assert first == {
        "deliveryId": sent[0],
        "eventId": first["eventId"],
        "eventType": "fd1.repo.access_granted",
        "severity": "info",
        "title": "You can now push to widget-pro",
        "occurredAt": "2026-05-21T12:00:00.000Z",
        "createdAt": "2026-05-21T12:00:00.000Z",
        "sentAt": "2026-05-21T12:00:00.000Z",
        "resolvedAt": None,
        "fireCount": 1,
        "lastFiredAt": "2026-05-21T12:00:00.000Z",
        "summary": "s",
        "recipientUserId": desk.user_id("alice"),
        "labels": {"repo": "widget-pro"},
    }


def test_other_tools_tokens_see_only_what_they_sent(api: Api, desk: Desk, pump: Pumps) -> None:
    body = {"event": inputs.new_event(event_type="hr.offer.sent"), "recipients": [{"type": "email", "email": "x@y.zz"}]}
    assert api.post(f"{EVENTS}/bulk", body, desk.hr).status in (200, 202)
    held = publish(api, desk.moderated, event_type="hr.offer.sent")
    other = new_tools_token(api, desk)
    assert ids(api, other) == []
    assert ids(api, desk.hr) == [held], "it claimed the personal token"
    (item,) = read(api, desk.hr).json["items"]
    assert item["moderation"]["status"] == "pending"
    assert ids(api, desk.fd1) == []


def test_personal_tokens_and_keys_are_refused(api: Api, desk: Desk) -> None:
    for token in (desk.alice, desk.alice_key):
        assert read(api, token).status == 403


def test_each_filter_selects_its_deliveries(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        labelled = publish(api, desk.alice, labels={"repo": "widget-pro", "env": "prod:eu"}, event_id="build-7")
        clock.shift(10)
        resolved = publish(
            api, desk.bob, labels={"repo": "widget-pro"}, event_id="build-7", event_type="fd1.build.done"
        )
        api.post(f"{EVENTS}/{resolved}/resolve", None, desk.bob)
        clock.shift(10)
        plain = publish(api, desk.alice, event_id="build-8", labels={"repo": "gadget"})

        for filters, expected in (
            ({}, [plain, resolved, labelled]),
            ({"label": "repo:widget-pro"}, [resolved, labelled]),
            ({"label": "env:prod:eu"}, [labelled]),
            ({"label": "repo:Widget-Pro"}, []),
            ({"event_type": "fd1.build.done"}, [resolved]),
            ({"event_id": "build-7"}, [resolved, labelled]),
            ({"event_id": "build"}, []),
            ({"email": "ALICE@example.com"}, [plain, labelled]),
            ({"email": "nobody@example.com"}, []),
            ({"status": "open"}, [plain, labelled]),
            ({"status": "resolved"}, [resolved]),
            ({"since": "2026-05-21T12:00:10Z"}, [plain, resolved]),
            ({"until": "2026-05-21T12:00:10Z"}, [labelled]),
            ({"since": "2026-05-21T14:00:10+02:00", "until": "2026-05-21T12:00:11Z"}, [resolved]),
            ({"since": "2027-01-01T00:00:00Z"}, []),
            ({"label": "repo:widget-pro", "status": "open"}, [labelled]),
            ({"label": "repo:widget-pro", "email": "bob@example.com"}, [resolved]),
            ({"label": "repo:widget-pro", "event_type": "fd1.build.done", "event_id": "build-7"}, [resolved]),
            ({"label": "repo:widget-pro", "since": "2026-05-21T12:00:05Z"}, [resolved]),
        ):
            for limit in (1, 50):
                assert ids(api, desk.fd1, **filters, limit=limit) == expected, filters


@pytest.mark.parametrize(
    "filters",
    [
        {"label": "repo"},
        {"status": "new"},
        {"since": "yesterday"},
        {"email": "nobody"},
        {"limit": "0"},
        {"limit": "101"},
        {"colour": "red"},
        {"cursor": "x"},
    ],
)
def test_malformed_filters_are_refused(api: Api, desk: Desk, filters: dict[str, str]) -> None:
    assert read(api, desk.fd1, **filters).status == 400


def test_pages_have_every_delivery_once_even_if_all_were_sent_at_the_same_time(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        sent = {publish(api, desk.alice, labels={"n": "1"}) for _ in range(12)} | {publish(api, desk.bob)}
        for filters in ({}, {"label": "n:1"}, {"event_type": "fd1.repo.access_granted"}):
            found = ids(api, desk.fd1, limit=5, **filters)
            assert len(found) == len(set(found))
            assert set(found) <= sent
            assert len(found) == (12 if "label" in filters else 13)


def test_a_cursor_continues_only_its_own_list(api: Api, desk: Desk) -> None:
    for _ in range(2):
        publish(api, desk.alice)
    cursor = read(api, desk.fd1, limit=1).json["nextCursor"]
    assert read(api, desk.fd1, limit=1, cursor=cursor).status == 200
    assert read(api, desk.fd1, limit=1, cursor=cursor, status="open").status == 400
    assert read(api, desk.hr, limit=1, cursor=cursor).status == 400


def test_a_page_takes_three_calls_in_sequence_however_much_was_sent(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "10000")
    searches: tuple[dict[str, Any], ...] = (
        {},
        {"label": "repo:x"},
        {"event_id": "one"},
        {"event_type": "fd1.a.b", "status": "open"},
        {"email": "alice@example.com"},
    )
    with time_machine.travel(NOON, tick=False) as clock:
        publish(api, desk.alice, event_id="one", event_type="fd1.a.b", labels={"repo": "x"})
        read(api, desk.fd1)
        taken = []
        for more in (0, 120):
            for _ in range(more):
                clock.shift(0.01)
                publish(api, desk.alice, labels={"repo": "x"})
            taken.append([(read(api, desk.fd1, limit=5, **each).steps) for each in searches])
            counts = [len(read(api, desk.fd1, limit=5, **each).calls) for each in searches]
            assert max(counts) <= SHARDS + 3
    assert taken == [[3, 3, 3, 3, 4]] * 2


def test_filters_that_match_little_read_a_bounded_number_of_pages(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.stores.sent._ROWS_PER_PAGE", 1)
    with time_machine.travel(NOON, tick=False) as clock:
        rare = publish(api, desk.alice, event_type="fd1.rare.one")
        for _ in range(20):
            clock.shift(1)
            publish(api, desk.alice)
        page = read(api, desk.fd1, event_type="fd1.rare.one")
        assert (page.json["items"], page.steps <= 6) == ([], True)
        assert ids(api, desk.fd1, event_type="fd1.rare.one") == [rare]


def test_an_events_deliveries_are_spread_over_all_shards() -> None:
    shards = Counter(shard_of(derive_delivery_id("fd1", f"user-{number}", "one")) for number in range(800))
    assert sorted(shards) == list(range(SHARDS))
    assert max(shards.values()) < 2 * min(shards.values())


def test_labels_are_stored_once_and_again_only_by_repeats_soon_after(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sent = inputs.new_event(labels={"repo": "x", "env": "prod"})
        first = api.post(EVENTS, sent, desk.alice)
        rows = label_rows()
        assert len(rows) == 2
        # As if the first call had ended before it stored the labels.
        delete(rows)
        assert ids(api, desk.fd1, label="repo:x") == []
        clock.shift(60)
        assert api.post(EVENTS, sent, desk.alice).status == 200
        assert label_rows() == rows
        assert ids(api, desk.fd1, label="repo:x") == [first.json["deliveryId"]]
        delete(rows)
        clock.shift(3600)
        assert api.post(EVENTS, sent, desk.alice).status == 200
        assert label_rows() == []


def test_label_of_an_event_that_came_second_does_not_find_the_first(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        publish(api, desk.alice, event_id="same", labels={"repo": "first"})
        api.post(EVENTS, inputs.new_event(event_id="same", labels={"repo": "second"}), desk.alice)
        assert ids(api, desk.fd1, label="repo:second") == []
        assert len(ids(api, desk.fd1, label="repo:first")) == 1


def test_labels_of_bulk_deliveries_are_stored_by_the_worker(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event(labels={"repo": "x", "env": "prod"})
    sent = [row["deliveryId"] for row in send(api, desk.fd1, by_email("alice", "bob"), event=event).json["results"]]
    assert label_rows() == []
    pump.drain(FAN_OUT)
    assert pump.calls.count("BatchWriteItem") == 1
    assert sorted(ids(api, desk.fd1, label="env:prod")) == sorted(sent)


def test_publishing_succeeds_while_labels_cannot_be_stored(api: Api, desk: Desk) -> None:
    def throttle(params: Any, **_: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "BatchWriteItem")

    events = aws.dynamodb().meta.events
    events.register("before-parameter-build.dynamodb.BatchWriteItem", throttle)
    try:
        sent = publish(api, desk.alice, labels={"repo": "x"})
    finally:
        events.unregister("before-parameter-build.dynamodb.BatchWriteItem", throttle)
    assert ids(api, desk.fd1) == [sent]
    assert ids(api, desk.fd1, label="repo:x") == []
    assert CliRunner().invoke(main, ["deliveries", "index"]).exit_code == 0
    assert ids(api, desk.fd1, label="repo:x") == [sent]


def test_a_delivery_without_labels_costs_no_call_for_them(api: Api, desk: Desk) -> None:
    assert "BatchWriteItem" not in api.post(EVENTS, inputs.new_event(), desk.alice).calls
    assert "BatchWriteItem" in api.post(EVENTS, inputs.new_event(labels={"a": "b"}), desk.alice).calls


def test_deliveries_of_before_the_index_are_found_once_they_are_indexed(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        old = publish(api, desk.alice, labels={"repo": "x"})
        delete(label_rows())
        aws.dynamodb().update_item(
            TableName=DELIVERIES.physical_name,
            Key={"pk": {"S": old}, "sk": {"S": "DELIVERY"}},
            UpdateExpression="REMOVE sentBy, sentKey",
        )
        count = Tally(1, "2026-05-21T12:00:00.000Z")
        DynamoEventTypes().replace_day("fd1", "2026-05-21", "fd1.repo.access_granted", count, counted_until="")
        clock.shift(60)
        new = publish(api, desk.alice)
        assert ids(api, desk.fd1) == [new]
        for _ in range(2):
            assert CliRunner().invoke(main, ["deliveries", "index"]).exit_code == 0
            assert ids(api, desk.fd1) == [new, old]
            assert ids(api, desk.fd1, label="repo:x") == [old]
        skipped = CliRunner().invoke(main, ["deliveries", "index", "--since", "2026-05-22"])
        assert "0 of 0" in skipped.output


def label_rows() -> list[dict[str, str]]:
    """Return the keys of the rows of labels."""
    items = aws.dynamodb().scan(TableName=DELIVERIES.physical_name)["Items"]
    found = [{"pk": each["pk"]["S"], "sk": each["sk"]["S"]} for each in items if each["pk"]["S"].startswith("LABEL#")]
    return sorted(found, key=lambda key: key["pk"])


def delete(keys: list[dict[str, str]]) -> None:
    for key in keys:
        item: Any = {name: {"S": text} for name, text in key.items()}
        aws.dynamodb().delete_item(TableName=DELIVERIES.physical_name, Key=item)
