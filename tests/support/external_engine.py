"""Snapshots of external engines. A restore only rewrites what a test has changed."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.httpsession import URLLib3Session

from chalicelib import aws
from chalicelib.parallel import chunks
from infra import queues, tables
from tests.support.embedded_engine import Key, Send

RowKey = tuple[str, tuple[str, ...]]
Rows = dict[RowKey, dict[str, Any]]
Messages = list[tuple[str, str]]

_KEYS = {each.table.physical_name: ("pk", *([each.sort_key] if each.sort_key else [])) for each in tables.DEFINITIONS}
_MOST_PER_BATCH, _MOST_PER_READ = 25, 100
_DEAD_LETTERS_SUFFIX = "-dead-letters"


class ExternalEngine:
    """External engines, whose contents are tracked from the requests of this process."""

    is_fast = False

    def __init__(self) -> None:
        self._held: Rows = {}
        self._written: set[RowKey] = set()
        self._sent: set[str] = set()
        self._http = URLLib3Session(max_pool_connections=64)
        tables.create_tables()
        queues.create_queues()
        _disable_expiry()
        aws.dynamodb().meta.events.register("provide-client-params", self._note_rows)
        aws.sqs().meta.events.register("provide-client-params", self._note_messages)

    def clear(self) -> None:
        """Delete all rows and messages."""
        self.restore({}, [])

    def reset(self) -> None:
        """Do nothing: tables that a test creates have names of their own."""

    def take_snapshot(self) -> "ExternalSnapshot":
        """Return a snapshot of all rows and messages."""
        return ExternalSnapshot(self, dict(self._now()), self.messages())

    def rows(self) -> Iterator[tuple[Key, Iterable[tuple[str, Any]]]]:
        """Return every row by table and key, with the plain values of its attributes."""
        for (table, (part, *sort)), row in self._now().items():
            yield (table, part, "".join(sort)), ((name, _plain(value)) for name, value in row.items())

    def messages(self) -> Messages:
        """Return every message with the name of its queue. They are received and sent again."""
        found = [(name, body) for name in self._queues() for body in _receive_all(name)]
        self._put_messages_back(found)
        return sorted(found)

    def refresh(self) -> None:
        """Include what other processes have written and sent."""
        self._written |= {place for place, _ in _scan_all()} | self._held.keys()
        self._sent |= {each.queue.physical_name for each in queues.DEFINITIONS}

    def new_sender(self) -> Send:
        """Return a function that sends requests to the engine."""
        return self._http.send

    def restore(self, wanted: Rows, messages: Messages) -> None:
        """Restore exactly these rows and messages."""
        either = self._held.keys() | wanted.keys()
        changed = self._written | {each for each in either if self._held.get(each) is not wanted.get(each)}
        for some in chunks(sorted(changed), _MOST_PER_BATCH):
            requests: dict[str, list[Any]] = {}
            for place in some:
                requests.setdefault(place[0], []).append(_write_request(place, wanted))
            while requests:
                requests = aws.dynamodb().batch_write_item(RequestItems=requests)["UnprocessedItems"]
        self._held, self._written = dict(wanted), set()
        self._put_messages_back(messages)

    def _put_messages_back(self, messages: Messages) -> None:
        for name in self._queues():
            aws.sqs().purge_queue(QueueUrl=aws.queue_url(name))
        self._sent = set()
        for name, body in messages:
            aws.sqs().send_message(QueueUrl=aws.queue_url(name), MessageBody=body)

    def _queues(self) -> list[str]:
        """Return the queues that may have messages."""
        plain = {name.removesuffix(_DEAD_LETTERS_SUFFIX) for name in self._sent}
        return sorted({*plain, *(f"{name}{_DEAD_LETTERS_SUFFIX}" for name in plain)})

    def _now(self) -> Rows:
        for some in chunks(sorted(self._written), _MOST_PER_READ):
            found = dict(_read_rows(some))
            for place in some:
                # Unchanged rows stay the same object, which `restore` compares by identity.
                if place not in found:
                    self._held.pop(place, None)
                elif found[place] != self._held.get(place):
                    self._held[place] = found[place]
        self._written = set()
        return self._held

    def _note_rows(self, params: dict[str, Any], model: Any, **_: object) -> None:
        # Tables with other prefixes belong to a test.
        self._written.update(place for place in _row_keys(model.name, params) if place[0] in _KEYS)

    def _note_messages(self, params: dict[str, Any], model: Any, **_: object) -> None:
        if model.name.startswith("SendMessage"):
            self._sent.add(params["QueueUrl"].rpartition("/")[2])


def _disable_expiry() -> None:
    # Tests move the clock, and DynamoDB Local deletes expired rows by the machine's clock.
    for each in tables.DEFINITIONS:
        if each.ttl:
            aws.dynamodb().update_time_to_live(
                TableName=each.table.physical_name,
                TimeToLiveSpecification={"Enabled": False, "AttributeName": each.ttl},
            )


def _write_request(place: RowKey, wanted: Mapping[RowKey, dict[str, Any]]) -> dict[str, Any]:
    table, values = place
    if place in wanted:
        return {"PutRequest": {"Item": wanted[place]}}
    return {"DeleteRequest": {"Key": {name: {"S": value} for name, value in zip(_KEYS[table], values, strict=True)}}}


def _row_keys(action: str, params: Mapping[str, Any]) -> Iterator[RowKey]:
    match action:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield _row_key(params["TableName"], params.get("Key") or params["Item"])
        case "TransactWriteItems":
            for member in params["TransactItems"]:
                for request in member.values():
                    yield _row_key(request["TableName"], request.get("Key") or request["Item"])
        case "BatchWriteItem":
            for table, requests in params["RequestItems"].items():
                for request in _contents(requests):
                    yield _row_key(table, request.get("Key") or request["Item"])


def _contents(requests: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    return (content for request in requests for content in request.values())


def _row_key(table: str, row: Mapping[str, Any]) -> RowKey:
    return table, tuple(row[name]["S"] for name in _KEYS.get(table, ()))


def _read_rows(places: Sequence[RowKey]) -> Iterator[tuple[RowKey, dict[str, Any]]]:
    wanted: dict[str, Any] = {}
    for table, values in places:
        key = {name: {"S": value} for name, value in zip(_KEYS[table], values, strict=True)}
        wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
    while wanted:
        got = aws.dynamodb().batch_get_item(RequestItems=wanted)
        for table, rows in got["Responses"].items():
            for row in rows:
                yield _row_key(table, row), dict(row)
        wanted = dict(got["UnprocessedKeys"])


def _scan_all() -> Iterator[tuple[RowKey, dict[str, Any]]]:
    for table in _KEYS:
        for page in aws.dynamodb().get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            for row in page["Items"]:
                yield _row_key(table, row), dict(row)


def _receive_all(queue: str) -> Iterator[str]:
    url = aws.queue_url(queue)
    while found := aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (each["Body"] for each in found)


def _plain(held: Mapping[str, Any]) -> Any:
    ((kind, value),) = held.items()
    match kind:
        case "M":
            return sorted((name, _plain(each)) for name, each in value.items())
        case "L":
            return [_plain(each) for each in value]
        case "SS" | "NS":
            return sorted(value)
        case "B":
            return base64.b64encode(value).decode()
    return value


@dataclass(frozen=True)
class ExternalSnapshot:
    """All rows and messages at one moment."""

    engine: ExternalEngine
    rows: Rows
    messages: Messages

    def restore(self) -> None:
        """Restore the rows and messages of the snapshot."""
        self.engine.restore(self.rows, self.messages)
