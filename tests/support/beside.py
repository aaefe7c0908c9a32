"""The world every test begins in, on engines that run beside the tests: only what a test wrote is put back."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib import aws
from chalicelib.parallel import chunks
from infra import demo, queues, tables

Place = tuple[str, tuple[str, ...]]
Rows = dict[Place, dict[str, Any]]

_KEYS = {each.table.physical_name: ("pk", *([each.sort_key] if each.sort_key else [])) for each in tables.DEFINITIONS}
_MOST_PER_BATCH = 25


class Beside:
    """Knows what the tables and queues hold, from all that this process has sent them."""

    def __init__(self) -> None:
        self._made: dict[str, Any] | None = None
        self._organisation: Rows = {}
        self._held: Rows = {}
        self._written: set[Place] = set()
        self._sent: set[str] = set()
        tables.create_tables()
        queues.create_queues()
        _sweep_nothing()
        aws.dynamodb().meta.events.register("provide-client-params", self._note_rows)
        aws.sqs().meta.events.register("provide-client-params", self._note_messages)

    def empty(self) -> None:
        """Our tables and queues, with nothing in them."""
        self._put_back({})

    def organised(self) -> dict[str, Any]:
        """The demo organisation; what its demo file says. The same one, as new, at every call."""
        if self._made is None:
            self.empty()
            self._made = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {}))
            self._organisation = dict(_everything())
        self._put_back(self._organisation)
        return copy.deepcopy(self._made)

    def _put_back(self, wanted: Rows) -> None:
        changed = self._written | (self._held.keys() ^ wanted.keys())
        for some in chunks(sorted(changed), _MOST_PER_BATCH):
            requests: dict[str, list[Any]] = {}
            for place in some:
                requests.setdefault(place[0], []).append(_request(place, wanted))
            while requests:
                requests = aws.dynamodb().batch_write_item(RequestItems=requests)["UnprocessedItems"]
        for name in sorted(self._sent):
            for queue in {name, f"{name.removesuffix('-dead-letters')}-dead-letters"}:
                aws.sqs().purge_queue(QueueUrl=aws.queue_url(queue))
        self._held, self._written, self._sent = dict(wanted), set(), set()

    def _note_rows(self, params: dict[str, Any], model: Any, **_: object) -> None:
        # A test's other tables, under a prefix of their own, are its own business.
        self._written.update(place for place in _places(model.name, params) if place[0] in _KEYS)

    def _note_messages(self, params: dict[str, Any], model: Any, **_: object) -> None:
        if model.name.startswith("SendMessage"):
            self._sent.add(params["QueueUrl"].rpartition("/")[2])


def _sweep_nothing() -> None:
    # Tests travel in time, and DynamoDB Local takes away what has expired by the machine's clock, within seconds.
    for each in tables.DEFINITIONS:
        if each.ttl:
            aws.dynamodb().update_time_to_live(
                TableName=each.table.physical_name,
                TimeToLiveSpecification={"Enabled": False, "AttributeName": each.ttl},
            )


def _request(place: Place, wanted: Mapping[Place, dict[str, Any]]) -> dict[str, Any]:
    table, values = place
    if place in wanted:
        return {"PutRequest": {"Item": wanted[place]}}
    return {"DeleteRequest": {"Key": {name: {"S": value} for name, value in zip(_KEYS[table], values, strict=True)}}}


def _places(action: str, params: Mapping[str, Any]) -> Iterator[Place]:
    match action:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield _place(params["TableName"], params.get("Key") or params["Item"])
        case "TransactWriteItems":
            for member in params["TransactItems"]:
                for request in member.values():
                    yield _place(request["TableName"], request.get("Key") or request["Item"])
        case "BatchWriteItem":
            for table, requests in params["RequestItems"].items():
                for request in _contents(requests):
                    yield _place(table, request.get("Key") or request["Item"])


def _contents(requests: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    return (content for request in requests for content in request.values())


def _place(table: str, row: Mapping[str, Any]) -> Place:
    return table, tuple(row[name]["S"] for name in _KEYS.get(table, ()))


def _everything() -> Iterator[tuple[Place, dict[str, Any]]]:
    for table in _KEYS:
        for page in aws.dynamodb().get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            for row in page["Items"]:
                yield _place(table, row), dict(row)
