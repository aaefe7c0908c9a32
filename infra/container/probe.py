"""Asks the engines for what the desk needs of them, and names the calls that one lacks.

The protocols of DynamoDB and SQS are spoken by several engines, each with its own part of the calls. An engine that
ignores a condition or a transaction would lose events without an error, so what a call does is tried too.
"""

import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb, sqs
from chalicelib.core.stores import actions, reads
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.writes import Refused, commit, write_all
from chalicelib.ids import new_nonce
from chalicelib.resources import CHAT, DIRECTORY, LIST_INDEX, ROLE_INDEX, SOCKETS, Queue, Table
from infra.queues import DEFINITIONS

_ABSENT = "fluxden-probe-absent"
# Rows that a probe leaves behind expire.
_KEPT_SECONDS = 3600
# A poll of an empty queue that ends sooner did not wait.
_POLL_SECONDS, _WAITED_SECONDS = 1, 0.5
# How often a message that was given back is looked for.
_RECEIVES = 20

# Error codes of a call that an engine does not know.
_UNKNOWN = ("UnknownOperation", "NotImplemented", "InvalidAction", "UnsupportedOperation")

Check = tuple[str, Callable[[], object]]


class Lacks(Exception):
    """The engine answers a call differently than the protocol says."""


def find_unknown_calls() -> list[str]:
    """Return the calls that the store does not know, before any table exists."""
    put: Any = {"Put": {"TableName": _ABSENT, "Item": {"pk": {"S": "x"}}}}
    expiry: Any = {"Enabled": True, "AttributeName": "expiresAt"}
    calls: list[Check] = [
        ("TransactWriteItems", lambda: dynamodb().transact_write_items(TransactItems=[put])),
        ("DescribeTimeToLive", lambda: dynamodb().describe_time_to_live(TableName=_ABSENT)),
        ("UpdateTimeToLive", lambda: dynamodb().update_time_to_live(TableName=_ABSENT, TimeToLiveSpecification=expiry)),
    ]
    # A store that knows the call does not find the table.
    return [each for each in _failing(calls) if any(code in each for code in _UNKNOWN)]


def find_missing_calls() -> list[str]:
    """Return what the store lacks, with the reason. It needs our tables."""
    store = _Store()
    return list(
        _failing(
            [
                ("PutItem with a condition", store.put_once),
                ("UpdateItem", store.update),
                ("BatchWriteItem and BatchGetItem", store.write_batch),
                ("TransactWriteItems", store.write_together),
                ("TransactWriteItems with a condition that fails", store.cancel),
                ("Query", store.query),
                ("Query of a local index", store.query_local),
                ("Query of a global index", store.query_global),
                ("DescribeTimeToLive", store.expires),
                ("DeleteItem", store.delete),
            ]
        )
    )


def find_missing_queue_calls() -> list[str]:
    """Return the first call that the queues lack, with the reason. It creates two queues and deletes them."""
    queues = _Queues()
    failing = _failing(
        [
            ("CreateQueue with a RedrivePolicy", queues.create),
            ("SendMessageBatch and ReceiveMessage", queues.send),
            ("ChangeMessageVisibility", queues.give_back),
            ("RedrivePolicy", queues.redrive),
            ("ReceiveMessage with WaitTimeSeconds", queues.wait),
        ]
    )
    try:
        # Each needs the one before.
        return list(islice(failing, 1))
    finally:
        queues.delete()


def find_missing_redrives() -> list[str]:
    """Return what our queues lack, with the reason."""
    return list(_failing([(f"RedrivePolicy of {each.queue.name}", _redrive_of(each.queue)) for each in DEFINITIONS]))


def _failing(checks: list[Check]) -> Iterator[str]:
    for name, check in checks:
        try:
            check()
        except ClientError as error:
            # The call that failed may be another than the one that is named.
            yield f"{name}: {error}"
        except Lacks as lack:
            yield f"{name}: {lack}"


def _expect(is_so: bool, reason: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not is_so:
        raise Lacks(reason)


class _Store:
    """Probes of the store, with rows of their own."""

    def __init__(self) -> None:
        self._pk = f"PROBE#{new_nonce()}"
        self._written: set[tuple[Table, str]] = set()

    def put_once(self) -> None:
        row = self._row(SOCKETS, "A", number=1)
        commit([actions.put(SOCKETS, row, actions.NEW)])
        try:
            commit([actions.put(SOCKETS, row | {"number": 2}, actions.NEW)])
        except Refused as refused:
            _expect(refused.rows[0].get("number") == 1, "the row that fails a condition is not returned (ALL_OLD).")
        else:
            raise Lacks("the condition is ignored.")

    def update(self) -> None:
        row = self._row(SOCKETS, "B")
        for expected in (1, 2):
            answer = dynamodb().update_item(
                TableName=SOCKETS.physical_name,
                Key=to_item({"pk": row["pk"], "sk": row["sk"]}),
                UpdateExpression="SET expiresAt = :expiresAt, seen = if_not_exists(seen, :zero) + :one",
                ExpressionAttributeValues=values(expiresAt=row["expiresAt"], zero=0, one=1),
                ReturnValues="ALL_NEW",
            )
            _expect(
                answer.get("Attributes", {}).get("seen") == {"N": str(expected)}, "the updated row is not returned."
            )
        found = reads.get(SOCKETS, {"pk": row["pk"], "sk": row["sk"]})
        _expect(found is not None and found["seen"] == expected, "GetItem does not read what was written.")

    def write_batch(self) -> None:
        rows = [self._row(SOCKETS, f"C{number}") for number in range(2)]
        write_all(SOCKETS, puts=rows)
        found = reads.get_all(SOCKETS, [{"pk": each["pk"], "sk": each["sk"]} for each in rows])
        _expect(len(found) == len(rows), "not every row is read.")

    def write_together(self) -> None:
        commit([actions.put_new(SOCKETS, self._row(SOCKETS, f"D{number}")) for number in range(2)])

    def cancel(self) -> None:
        kept, other = self._row(SOCKETS, "D0"), self._row(SOCKETS, "E")
        try:
            commit([actions.put(SOCKETS, other), actions.check(SOCKETS, _key(kept), actions.NEW)])
        except Refused as refused:
            _expect(refused.failed == [1] and bool(refused.rows[1]), "the reasons name no row.")
        else:
            raise Lacks("the condition is ignored.")
        _expect(reads.get(SOCKETS, _key(other)) is None, "a part of a cancelled transaction was written.")

    def query(self) -> None:
        found = reads.query_page(
            SOCKETS,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues=values(pk=self._pk, prefix="D", now=int(time.time())),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        _expect(
            [each["sk"] for each in found] == ["D1", "D0"], "the rows are not those of the condition, in its order."
        )

    def query_local(self) -> None:
        commit([actions.put(CHAT, self._row(CHAT, "A", roleKey="1"))])
        found = reads.query_page(
            CHAT,
            IndexName=ROLE_INDEX,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=self._pk),
            ConsistentRead=True,
        )
        _expect([each["sk"] for each in found] == ["A"], "the index has not the rows of its table.")

    def query_global(self) -> None:
        reads.query_page(
            DIRECTORY,
            IndexName=LIST_INDEX,
            KeyConditionExpression="listed = :listed",
            ExpressionAttributeValues=values(listed=self._pk),
        )

    def expires(self) -> None:
        # Expired rows are ignored, so a desk runs on tables that keep them.
        dynamodb().describe_time_to_live(TableName=SOCKETS.physical_name)

    def delete(self) -> None:
        for table, sk in self._written:
            commit([actions.delete(table, {"pk": self._pk, "sk": sk})])
        left = reads.query_page(
            SOCKETS,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=self._pk),
            ConsistentRead=True,
        )
        _expect(not left, "a row is still there.")

    def _row(self, table: Table, sk: str, **more: Any) -> Row:
        self._written.add((table, sk))
        return {"pk": self._pk, "sk": sk, "expiresAt": int(time.time()) + _KEPT_SECONDS, **more}


class _Queues:
    """Probes of the queues, with a queue of their own and its dead letters."""

    def __init__(self) -> None:
        self._name = f"fluxden-probe-{new_nonce()}"
        self._urls: list[str] = []

    def create(self) -> None:
        dead = self._create(f"{self._name}-dead", {})
        arn = sqs().get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        self._create(self._name, {"VisibilityTimeout": "60", "RedrivePolicy": redrive})

    def send(self) -> None:
        entries: Any = [{"Id": "1", "MessageBody": "probe", "DelaySeconds": 0}]
        sqs().send_message_batch(QueueUrl=self._urls[1], Entries=entries)
        message = self._receive(self._urls[1])
        _expect(message is not None, "the message does not come.")
        count = (message or {}).get("Attributes", {}).get("ApproximateReceiveCount")
        _expect(count == "1", "a message has no ApproximateReceiveCount.")
        self._handle = (message or {})["ReceiptHandle"]

    def give_back(self) -> None:
        sqs().change_message_visibility(QueueUrl=self._urls[1], ReceiptHandle=self._handle, VisibilityTimeout=0)
        message = self._receive(self._urls[1])
        _expect(message is not None, "a message that is given back does not come again.")
        self._handle = (message or {})["ReceiptHandle"]

    def redrive(self) -> None:
        sqs().change_message_visibility(QueueUrl=self._urls[1], ReceiptHandle=self._handle, VisibilityTimeout=0)
        for _ in range(_RECEIVES):
            if self._receive(self._urls[1]) is None and self._receive(self._urls[0]) is not None:
                return
        raise Lacks("a message that was received too often does not become a dead letter.")

    def wait(self) -> None:
        asked = time.monotonic()
        sqs().receive_message(QueueUrl=self._urls[0], WaitTimeSeconds=_POLL_SECONDS)
        _expect(time.monotonic() - asked >= _WAITED_SECONDS, "a poll of an empty queue does not wait.")

    def delete(self) -> None:
        for url in self._urls:
            sqs().delete_queue(QueueUrl=url)

    def _create(self, name: str, attributes: Any) -> str:
        url = sqs().create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._urls.append(url)
        return url

    def _receive(self, url: str) -> dict[str, Any] | None:
        answer = sqs().receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])
        messages: Any = answer.get("Messages", [])
        return dict(messages[0]) if messages else None


def _key(row: Row) -> Row:
    return {"pk": row["pk"], "sk": row["sk"]}


def _redrive_of(queue: Queue) -> Callable[[], None]:
    def check() -> None:
        url = sqs().get_queue_url(QueueName=queue.physical_name)["QueueUrl"]
        attributes = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        _expect("RedrivePolicy" in attributes, "messages that fail would come for ever.")

    return check
