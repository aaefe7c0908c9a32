"""Snapshots of the embedded engine's tables and queues."""

import copy
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.sqs.models import sqs_backends

from infra import queues, tables
from infra.local import engine
from infra.local.packed_rows import attributes_of, is_packed
from infra.local.packed_rows import copy as copy_packed

Send = Callable[[AWSPreparedRequest], AWSResponse]
Key = tuple[str, str, str]

_WITH_PARTS = frozenset(("L", "M", "SS", "NS", "BS"))


class EmbeddedEngine:
    """The engine in this process."""

    # Requests take a tenth of those to an external engine.
    is_fast = True

    def clear(self) -> None:
        """Create our tables and queues without contents."""
        engine.reset()
        tables.create_tables()
        queues.create_queues()

    def reset(self) -> None:
        """Delete everything, including resources that are not ours."""
        engine.reset()

    def take_snapshot(self) -> "EmbeddedSnapshot":
        """Return a snapshot of all rows and messages."""
        held = _queues().queues
        messages = {name: [copy.copy(each) for each in queue._messages] for name, queue in held.items()}
        return EmbeddedSnapshot(
            {name: copy_table(each) for name, each in _tables().tables.items()}, dict(held), messages
        )

    def rows(self) -> Iterator[tuple[Key, Iterable[tuple[str, Any]]]]:
        """Return every row by table and key, with the plain values of its attributes."""
        for name, table in _tables().tables.items():
            for (hash_key, range_key), attributes in _rows(table):
                yield (name, hash_key, range_key), attributes

    def messages(self) -> list[tuple[str, str]]:
        """Return every message with the name of its queue."""
        return sorted((name, each.body) for name, queue in _queues().queues.items() for each in queue._messages)

    def refresh(self) -> None:
        """Do nothing: other processes write through this one."""

    def new_sender(self) -> Send:
        """Return a function that sends requests to the engine."""
        return deduplicate_transactions(send_to_embedded_engine)


def send_to_embedded_engine(request: AWSPreparedRequest) -> AWSResponse:
    """Send a request to the embedded engine."""
    answer = engine.answer_request(request)
    assert answer is not None
    return answer


def request_parameters(request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the parameters of a request."""
    body: Any = request.body
    found: dict[str, Any] = json.loads(body or b"{}")
    return found


def deduplicate_transactions(send: Send) -> Send:
    """Repeat the response to a transaction whose token is known, as DynamoDB does."""
    done: dict[str, AWSResponse] = {}

    def sent(request: AWSPreparedRequest) -> AWSResponse:
        token = request_parameters(request).get("ClientRequestToken")
        if token in done:
            return done[token]
        answer = send(request)
        if token and answer.status_code == 200:
            headers: Any = answer.headers
            done[token] = AWSResponse(answer.url, 200, headers, MockRawResponse(answer.content))
            return done[token]
        return answer

    return sent


@dataclass(frozen=True)
class EmbeddedSnapshot:
    """All rows and messages at one moment."""

    tables: dict[str, Any]
    queues: dict[str, Any]
    messages: dict[str, list[Any]]
    # Tables of the last restore. Those without writes since are reused.
    _placed: dict[str, Any] = field(default_factory=dict, repr=False)

    def restore(self) -> None:
        """Restore the rows and messages of the snapshot."""
        for name, table in self.tables.items():
            if name not in self._placed or self._placed[name].is_written:
                self._placed[name] = copy_table(table)
        _tables().tables = dict(self._placed)
        for name, queue in self.queues.items():
            queue._messages = [copy.copy(each) for each in self.messages[name]]
            queue._pending_messages, queue.deleted_messages = set(), set()
        _queues().queues = dict(self.queues)


def _tables() -> Any:
    return dynamodb_backends[engine.ACCOUNT][engine.REGION]


def _queues() -> Any:
    return sqs_backends[engine.ACCOUNT][engine.REGION]


def plain_rows(table: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row of the table by its key, with the plain values of its attributes."""
    return {key: dict(attributes) for key, attributes in _rows(table)}


def _rows(table: Any) -> Iterator[tuple[tuple[str, str], Iterable[tuple[str, Any]]]]:
    # Not in order, as its own list is, which costs more than all the rest.
    for held in table.items.values():
        for item in held.values() if table.has_range_key else (held,):
            range_key = item.range_key.value if item.range_key else ""
            attributes = attributes_of(item)
            yield (item.hash_key.value, range_key), ((name, _plain(value)) for name, value in attributes.items())


def _plain(held: Any) -> Any:
    match held.type:
        case "M":
            return sorted((name, _plain(value)) for name, value in held.value.items())
        case "L":
            return [_plain(value) for value in held.value]
        case "SS" | "NS":
            return sorted(held.value)
    return held.value


def _mark_after(write: Callable[..., Any], table_of: Callable[[Any, tuple[Any, ...]], Any]) -> Callable[..., Any]:
    @wraps(write)
    def marked(where: Any, *given: Any, **named: Any) -> Any:
        table_of(where, given).is_written = True
        return write(where, *given, **named)

    return marked


def _mark_written_tables() -> None:
    held: Any = Table
    for name in ("put_item", "delete_item"):
        setattr(held, name, _mark_after(getattr(held, name), lambda table, _: table))
    backend: Any = DynamoDBBackend
    backend.update_item = _mark_after(backend.update_item, lambda tables, given: tables.get_table(given[0]))


_mark_written_tables()

# Copied by hand, because every test begins with it and pickle is much slower.


def copy_table(table: Any) -> Any:
    copied = copy.copy(table)
    if table.has_range_key:
        rows = {part: {at: _copy_item(row) for at, row in each.items()} for part, each in table.items.items()}
    else:
        rows = {part: _copy_item(row) for part, row in table.items.items()}
    copied.items, copied.is_written = defaultdict(dict, rows), False
    return copied


def _copy_item(item: Any) -> Any:
    if is_packed(item):
        return copy_packed(item)
    copied = object.__new__(Item)
    attributes = dict.__new__(LimitedSizeDict)
    dict.update(attributes, item.attrs)
    for name, value in item.attrs.items():
        # Only values with parts are modified in place.
        if value.type in _WITH_PARTS:
            dict.__setitem__(attributes, name, copy.deepcopy(value))
    copied.hash_key, copied.range_key, copied.attrs = item.hash_key, item.range_key, attributes
    return copied
