"""Requests about rows, answered directly: the reply and the rows are those of moto's own way."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import aws
from chalicelib.resources import DELIVERIES
from infra.local import indexes
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.engine_comparison import compare_with_moto
from tests.support.engine_state import clear_engine
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.engine("embedded")

TABLE = DELIVERIES.physical_name

# Conditions and updates with every function and operator that the grammar has for rows.
CONDITIONS = (
    "attribute_exists(pk)",
    "attribute_not_exists(pk)",
    "attribute_not_exists(label) OR label <> :text",
    "total = :number",
    "total < :number AND total >= :one",
    "NOT contains(tags, :text)",
    "contains(label, :text) OR begins_with(label, :text)",
    "attribute_exists(#list) AND size(#list) > :one",
    "nested.inner = :text",
    "(total > :one OR total <= :number) AND attribute_exists(nested.inner)",
    "label BETWEEN :text AND :text",
    "total IN (:one, :number)",
)
UPDATES = (
    "SET label = :text",
    "SET total = total + :one",
    "SET total = if_not_exists(total, :number) - :one, label = if_not_exists(label, :text)",
    "SET nested.inner = :text",
    "SET #list = list_append(#list, :list)",
    "SET copied = label REMOVE label",
    "REMOVE total, nested.inner",
    "ADD total :one, tags :set",
    "DELETE tags :set",
    "SET #list[0] = :text",
    "SET pk = :text",
    "SET counter = :text",
)
TEXTS = st.sampled_from(["", "a", "ab", "b", "ä", "\U0001f600"])
NUMBERS = st.sampled_from(["0", "1", "-2", "3.5", "10"])
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "label": TEXTS.map(lambda text: {"S": text}),
        "total": NUMBERS.map(lambda number: {"N": number}),
        "tags": st.sets(TEXTS.filter(bool), min_size=1).map(lambda tags: {"SS": sorted(tags)}),
        "list": st.lists(TEXTS, max_size=2).map(lambda texts: {"L": [{"S": each} for each in texts]}),
        "nested": st.dictionaries(st.sampled_from(["inner", "other"]), TEXTS.map(lambda text: {"S": text})).map(
            lambda inner: {"M": inner}
        ),
    },
)


@pytest.fixture(scope="module", autouse=True)
def _tables(_engine: None) -> None:
    """Our tables, whichever of the tests runs first."""
    clear_engine()


def key(partition: str, sort: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def attempt(client: "DynamoDBClient", action: str, **params: Any) -> None:
    """Make the call; whether it is refused is for the comparison."""
    with suppress(ClientError):
        getattr(client, action)(**params)


def used(expressions: str, values: dict[str, Any]) -> dict[str, Any]:
    """The names and values that the expressions use."""
    named = {"ExpressionAttributeNames": {"#list": "list"}} if "#list" in expressions else {}
    found = {name: value for name, value in values.items() if name in expressions}
    return named | ({"ExpressionAttributeValues": found} if found else {})


@pytest.mark.parametrize("name", SAMPLE_REQUESTS)
def test_an_operation_reads_and_writes_as_by_moto(name: str, api: Api, desk: Desk) -> None:
    with compare_with_moto() as comparison:
        route, request = sample_request(name, SampleData(api, desk))
        request.send(api, route)
    assert not comparison.differences, comparison.differences[0]
    assert not comparison.left_to_moto


@settings(max_examples=60)
@given(
    row=ROWS,
    condition=st.sampled_from(CONDITIONS),
    update=st.sampled_from(UPDATES),
    text=TEXTS,
    number=NUMBERS,
    old=st.sampled_from(["NONE", "ALL_OLD"]),
)
def test_expressions_read_and_write_as_by_moto(
    row: dict[str, Any], condition: str, update: str, text: str, number: str, old: str
) -> None:
    client = aws.dynamodb()
    values = {
        ":text": {"S": text},
        ":number": {"N": number},
        ":one": {"N": "1"},
        ":set": {"SS": ["a", "new"]},
        ":list": {"L": [{"S": text}]},
    }
    failing: Any = {"ReturnValuesOnConditionCheckFailure": old}
    put = {"TableName": TABLE, "Item": key("p", "1") | row}
    with compare_with_moto() as comparison:
        attempt(client, "put_item", **put)
        conditional = {"ConditionExpression": condition, **used(condition, values), **failing}
        attempt(client, "put_item", **put | conditional)
        both = used(f"{condition} {update}", values)
        change: Any = {"TableName": TABLE, "Key": key("p", "1"), "UpdateExpression": update}
        attempt(client, "update_item", **change, ConditionExpression=condition, **both, **failing)
        attempt(client, "update_item", **change, **used(update, values), ReturnValues="ALL_NEW")
        attempt(client, "update_item", **change | {"Key": key("p", "2")}, **used(update, values))
        check: Any = {"TableName": TABLE, "Key": key("p", "2")} | conditional
        members = [{"ConditionCheck": check}, {"Update": change | used(update, values)}]
        attempt(client, "transact_write_items", TransactItems=members)
        attempt(client, "delete_item", TableName=TABLE, Key=key("p", "1"), **conditional, ReturnValues="ALL_OLD")
        attempt(client, "get_item", TableName=TABLE, Key=key("p", "1"), ProjectionExpression="label, tags")
    assert not comparison.differences, comparison.differences[0]


@settings(max_examples=60)
@given(
    sorts=st.sets(st.sampled_from(["", *"abcdefgh", "aa", "ab", "b1"]).filter(bool), max_size=8),
    comparison=st.sampled_from(["", "sk = :low", "sk < :low", "sk > :low", "sk >= :low", "begins_with(sk, :low)"])
    | st.just("sk BETWEEN :low AND :high"),
    bounds=st.tuples(st.sampled_from("abcd"), st.sampled_from("efgh")),
    limit=st.none() | st.integers(1, 4),
    forward=st.booleans(),
)
def test_queries_page_as_by_moto(
    sorts: set[str], comparison: str, bounds: tuple[str, str], limit: int | None, forward: bool
) -> None:
    client = aws.dynamodb()
    rows = [key("q", sort) | {"dueQueue": {"S": "d"}, "dueAt": {"S": sort[0]}, "n": {"N": "1"}} for sort in sorts]
    with compare_with_moto() as compared:
        for old in client.query(
            TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "q"}}
        )["Items"]:
            client.delete_item(TableName=TABLE, Key={name: old[name] for name in ("pk", "sk")})
        for row in rows:
            client.put_item(TableName=TABLE, Item=row)
        for index, text in ((None, comparison), ("due", comparison.replace("sk", "dueAt"))):
            partition = ("pk", "q") if index is None else ("dueQueue", "d")
            where = f"{partition[0]} = :in" + (f" AND {text}" if text else "")
            values = {":in": {"S": partition[1]}, ":low": {"S": bounds[0]}, ":high": {"S": bounds[1]}}
            request: Any = {
                "TableName": TABLE,
                "KeyConditionExpression": where,
                "ExpressionAttributeValues": {name: value for name, value in values.items() if name in where},
                "ScanIndexForward": forward,
                **({"IndexName": index} if index else {}),
                **({"Limit": limit} if limit else {}),
            }
            while True:
                page = client.query(**request)
                if "LastEvaluatedKey" not in page:
                    break
                request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert not compared.differences, compared.differences[0]
    assert not compared.left_to_moto


@settings(max_examples=40)
@given(
    keys=st.sets(st.tuples(st.sampled_from(["a", "b", "ä", "\U0001f600"]), st.sampled_from("cde")), max_size=9),
    labels=st.lists(TEXTS, min_size=9, max_size=9),
    text=st.sampled_from([None, "label = :text", "attribute_exists(#list) OR label <> :text"]),
    chosen=st.sampled_from([{}, {"ProjectionExpression": "label, pk"}, {"Select": "COUNT"}]),
    limit=st.none() | st.integers(1, 4),
)
def test_scans_page_as_by_moto(
    keys: set[tuple[str, str]], labels: list[str], text: str | None, chosen: dict[str, Any], limit: int | None
) -> None:
    client = aws.dynamodb()
    request: Any = {"TableName": TABLE, **chosen, **({"Limit": limit} if limit else {})}
    if text:
        request |= {"FilterExpression": text, **used(text, {":text": {"S": "a"}})}
    with compare_with_moto() as compared:
        for old in client.scan(TableName=TABLE)["Items"]:
            client.delete_item(TableName=TABLE, Key={name: old[name] for name in ("pk", "sk")})
        for place, label in zip(sorted(keys), labels, strict=False):
            client.put_item(TableName=TABLE, Item=key(*place) | {"label": {"S": label}})
        scanned = 0
        while True:
            page = client.scan(**request)
            scanned += page["ScannedCount"]
            if "LastEvaluatedKey" not in page:
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert not compared.differences, compared.differences[0]
    assert not compared.left_to_moto
    assert scanned == len(keys)


def test_a_scan_ends_its_page_at_a_megabyte_as_by_moto() -> None:
    client = aws.dynamodb()
    clear_engine()
    for number in range(4):
        client.put_item(TableName=TABLE, Item=key("large", str(number)) | {"label": {"S": "x" * 300_000}})
    with compare_with_moto() as compared:
        first = client.scan(TableName=TABLE)
        second = client.scan(TableName=TABLE, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert not compared.differences, compared.differences[0]
    assert not compared.left_to_moto
    assert (first["Count"], second["Count"], "LastEvaluatedKey" in second) == (3, 1, False)


def test_binary_values_are_held_and_answered_as_by_moto() -> None:
    client = aws.dynamodb()
    binary: Any = {"reply": {"B": b"\x00\xff"}, "parts": {"BS": [b"a", b"b"]}, "inner": {"M": {"b": {"B": b"c"}}}}
    with compare_with_moto() as comparison:
        client.put_item(TableName=TABLE, Item=key("binary", "1") | binary)
        by_key: Any = {"TableName": TABLE, "Key": key("binary", "1")}
        client.update_item(
            **by_key,
            UpdateExpression="SET reply = :new ADD parts :more",
            ConditionExpression="reply = :old",
            ExpressionAttributeValues={
                ":new": {"B": b"new"},
                ":old": {"B": b"\x00\xff"},
                ":more": {"BS": [b"b", b"d"]},
            },
        )
        row = client.get_item(**by_key)["Item"]
    assert not comparison.differences, comparison.differences[0]
    assert not comparison.left_to_moto
    assert (row["reply"], sorted(row["parts"]["BS"])) == ({"B": b"new"}, [b"a", b"b", b"d"])


def test_rows_written_by_moto_are_found_in_an_order_that_was_known_before(desk: Desk) -> None:
    client = aws.dynamodb()
    by_key: Any = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "new"}}}
    assert client.query(TableName=TABLE, **by_key)["Count"] == 0
    # Left to moto: it reports what the write consumes.
    client.put_item(TableName=TABLE, Item=key("new", "1"), ReturnConsumedCapacity="TOTAL")
    assert client.query(TableName=TABLE, **by_key)["Count"] == 1


def test_an_order_keeps_rows_sorted_through_writes_and_removals() -> None:
    partition = indexes.Partition()
    for sort in "badc":
        partition.put((sort,), sort)  # type: ignore[arg-type]
    partition.remove(("a",))
    assert (partition.keys, partition.within(">=", ["c"])) == ([("b",), ("c",), ("d",)], (1, 3))
