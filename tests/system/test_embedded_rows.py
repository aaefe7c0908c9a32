"""The embedded engine stays quick and small with many rows: a query costs what it returns."""

import gc
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from chalicelib import aws
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.resources import DELIVERIES
from infra.local import direct, engine, indexes, packed_rows, row_queries
from infra.local.rows import value_to_json
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.inputs import new_event

pytestmark = pytest.mark.engine("embedded")

INBOX = "/api/v1/inbox"
_MANY = 3000


class Touched:
    """Counts the rows that requests look at, and the orders of a table that are made."""

    def __init__(self) -> None:
        self.rows = self.orders = 0

    def counting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any) -> Any:
            setattr(self, name, getattr(self, name) + 1)
            return function(*given)

        return counted


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Touched:
    counts = Touched()
    for module in (row_queries, direct):
        monkeypatch.setattr(module, "size_of", counts.counting("rows", packed_rows.size_of))
    monkeypatch.setattr(direct, "attributes_of", counts.counting("rows", packed_rows.attributes_of))
    monkeypatch.setattr(indexes, "attributes_of", counts.counting("rows", packed_rows.attributes_of))
    monkeypatch.setattr(indexes, "_new_order", counts.counting("orders", indexes._new_order))
    return counts


def test_a_page_of_a_large_inbox_touches_as_many_rows_as_that_of_a_small_one(
    api: Api, desk: Desk, touched: Touched
) -> None:
    key = desk.alice_key
    api.post("/api/v1/events", new_event(), desk.alice)
    for _ in range(60):
        copy_newest(1)

    def read_pages() -> int:
        touched.rows = 0
        first = api.get(INBOX, key).json
        assert len(first["items"]) == 50
        assert api.get(f"{INBOX}?cursor={first['nextCursor']}&limit=5", key).json["items"]
        return touched.rows

    read_pages()  # makes the orders
    small = read_pages()
    copy_newest(_MANY)
    touched.orders = 0
    assert read_pages() == small
    # A publish puts its row into the orders that are there.
    touched.rows = 0
    api.post("/api/v1/events", new_event(), desk.alice)
    assert touched.rows < 60
    assert read_pages() == small
    assert touched.orders == 0


def test_a_request_that_moto_answers_leaves_the_orders_of_other_tables(tables: None, touched: Touched) -> None:
    query = {
        "TableName": DELIVERIES.physical_name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "x"}},
    }
    aws.dynamodb().query(**query)  # type: ignore[arg-type]
    touched.orders = 0
    with pytest.raises(aws.dynamodb().exceptions.ClientError):
        aws.dynamodb().put_item(TableName="fluxden-tokens", Item={"pk": {"N": "1"}})
    aws.dynamodb().query(**query)  # type: ignore[arg-type]
    assert touched.orders == 0


def test_a_stored_event_takes_less_than_half_of_the_memory_of_its_row_in_moto(api: Api, desk: Desk) -> None:
    api.post("/api/v1/events", new_event(), desk.alice)
    (row,) = list(deliveries().values())[-1].values()
    text = json.dumps({name: value_to_json(value) for name, value in packed_rows.attributes_of(row).items()})
    given = [text.replace(row.hash_key.value, f"{number:036d}") for number in range(1000)]

    def by_moto(item: Any) -> Item:
        return Item(DynamoType(item["pk"]), DynamoType(item["sk"]), item)

    def packed(item: Any) -> Item:
        attributes = {name: DynamoType(value) for name, value in item.items()}
        return packed_rows.pack(attributes["pk"], attributes["sk"], attributes)

    for each in given:
        packed(json.loads(each))  # fills the cache of shared values, whose size is bounded
    ours = measure(lambda: [packed(json.loads(each)) for each in given])
    assert ours < 0.5 * measure(lambda: [by_moto(json.loads(each)) for each in given])


def test_a_scan_leaves_rows_packed_and_a_write_of_moto_changes_its_row_only(tables: None) -> None:
    client: Any = aws.dynamodb()
    name = DELIVERIES.physical_name
    nested = {"a": {"list": [1, "x", {"deep": True}]}, "b": {"one", "two"}, "c": b"\x00\xff", "d": None}
    for each in ("first", "second"):
        client.put_item(TableName=name, Item=to_item({"pk": each, "sk": "ROW", **nested}))
    rows = client.scan(TableName=name)["Items"]
    assert [from_item(each) for each in sorted(rows, key=lambda each: each["pk"]["S"])] == [
        {"pk": "first", "sk": "ROW", **nested},
        {"pk": "second", "sk": "ROW", **nested},
    ]
    assert all(packed_rows.is_packed(row) for part in deliveries().values() for row in part.values())
    # An index into a list is moto's to update, in place.
    client.update_item(
        TableName=name,
        Key=to_item({"pk": "first", "sk": "ROW"}),
        UpdateExpression="SET a.#list[1] = :new",
        ExpressionAttributeNames={"#list": "list"},
        ExpressionAttributeValues={":new": {"S": "changed"}},
    )
    changed = client.get_item(TableName=name, Key=to_item({"pk": "first", "sk": "ROW"}))["Item"]
    assert from_item(changed)["a"]["list"] == [1, "changed", {"deep": True}]
    same = client.get_item(TableName=name, Key=to_item({"pk": "second", "sk": "ROW"}))["Item"]
    assert from_item(same)["a"]["list"] == [1, "x", {"deep": True}]


def measure(work: Callable[[], Any]) -> int:
    """Return the bytes that the result of the work takes."""
    tracemalloc.start()
    try:
        result = work()
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        del result
        return size
    finally:
        tracemalloc.stop()


def deliveries() -> Any:
    """The rows of the table of deliveries, by their keys."""
    return dynamodb_backends[engine.ACCOUNT][engine.REGION].tables[DELIVERIES.physical_name].items


def copy_newest(count: int) -> None:
    """Store copies of the last delivery, as if its event had been published so often."""
    (last,) = list(deliveries().values())[-1].values()
    row = {name: value_to_json(value) for name, value in packed_rows.attributes_of(last).items()}
    shelf, listed_at, _ = row["inboxKey"]["S"].split("#")
    for _ in range(count):
        new_id = f"00000000-0000-4000-8000-{len(deliveries()):012d}"
        changed: Any = {"pk": {"S": new_id}, "inboxKey": {"S": f"{shelf}#{listed_at}#{new_id}"}}
        aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=row | changed)
