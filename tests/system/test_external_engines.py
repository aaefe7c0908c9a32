"""External engines: only this machine reaches them, and this process reaches nothing else."""

import os
import socket
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib import aws
from chalicelib.resources import DIRECTORY, FAN_OUT
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.pump import count_messages

pytestmark = pytest.mark.engine("real")

ENGINES = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS")


@pytest.mark.parametrize("engine", ENGINES)
def test_only_this_machine_reaches_an_engine(engine: str) -> None:
    where = urlsplit(os.environ[engine])
    assert where.port
    socket.create_connection(("127.0.0.1", where.port), timeout=2).close()
    # A server that listens on all addresses also listens on this one.
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection(("127.0.0.2", where.port), timeout=2)


def test_a_call_to_any_other_address_is_refused() -> None:
    client: Any = aws.session().client("dynamodb", endpoint_url="http://127.0.0.1:9")
    with closing(client), pytest.raises(RuntimeError, match="does not serve http://127"):
        client.list_tables()


def test_every_test_begins_in_the_same_state(desk: Desk) -> None:
    before = rows()
    somebody: Any = {"pk": {"S": "USER#somebody"}, "sk": {"S": "USER"}}
    aws.dynamodb().put_item(TableName=DIRECTORY.physical_name, Item=somebody)
    change: Any = {"TableName": DIRECTORY.physical_name, "Key": key(before[0])}
    aws.dynamodb().transact_write_items(TransactItems=[{"Delete": change}])
    aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody="x", DelaySeconds=900)
    assert rows() != before
    assert count_messages(FAN_OUT) == 1

    assert engine_state.restore_demo_organisation() == desk.demo
    assert rows() == before
    assert count_messages(FAN_OUT) == 0
    engine_state.clear_engine()
    assert rows() == []


def rows() -> list[dict[str, Any]]:
    found = aws.dynamodb().scan(TableName=DIRECTORY.physical_name, ConsistentRead=True)["Items"]
    return sorted((dict(each) for each in found), key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


def key(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("pk", "sk")}
