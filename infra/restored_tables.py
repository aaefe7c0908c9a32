"""Tables restored to an earlier second beside those of a desk: make them, compare them, and put their rows back."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from infra.tables import DEFINITIONS, Definition

Item = dict[str, Any]
Key = tuple[str, ...]

_MOST_PER_BATCH = 25
_MOST_PER_READ = 100
_POLL_SECONDS = 15


@dataclass(frozen=True)
class Pair:
    """A table of the desk, and the table that was restored from it under another prefix."""

    definition: Definition
    prefix: str

    @property
    def name(self) -> str:
        return self.definition.table.name

    @property
    def present(self) -> str:
        return self.definition.table.physical_name

    @property
    def restored(self) -> str:
        return f"{self.prefix}-{self.name}"

    @property
    def key_names(self) -> Sequence[str]:
        return ("pk", self.definition.sort_key) if self.definition.sort_key else ("pk",)


@dataclass
class Difference:
    """The keys of rows that were there then and are not now, that differ, and that were not there then."""

    rows: int = 0
    missing: list[Key] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    added: list[Key] = field(default_factory=list)


def pairs(prefix: str, names: Iterable[str] = ()) -> list[Pair]:
    """Return every table with the one that is restored from it, or only those named.

    Raises:
        ValueError: the prefix is the desk's own.
    """
    wanted = set(names)
    found = [Pair(each, prefix) for each in DEFINITIONS if not wanted or each.table.name in wanted]
    if any(each.present == each.restored for each in found):
        raise ValueError(f"FLUXDEN_PREFIX is {prefix} already. Restored tables need another prefix.")
    return found


def begin_restore(pair: Pair, at: datetime) -> bool:
    """Ask for the restored table; False if a table with its name exists, as after an attempt before this one."""
    client = dynamodb()
    try:
        client.restore_table_to_point_in_time(
            SourceTableName=pair.present, TargetTableName=pair.restored, RestoreDateTime=at
        )
    except (client.exceptions.TableAlreadyExistsException, client.exceptions.TableInUseException):
        return False
    return True


def finish_restore(pair: Pair, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Wait until the restored table can be read. Its rows don't expire, so that they stay to be compared."""
    while dynamodb().describe_table(TableName=pair.restored)["Table"]["TableStatus"] != "ACTIVE":
        wait(_POLL_SECONDS)


def compare(pair: Pair, partition: str | None = None) -> Difference:
    """Compare the rows of both tables, or of one partition. Holds a digest of each row that was there then."""
    digests = {_key(pair, item): _digest(item) for item in _read(pair.restored, partition)}
    found = Difference(rows=len(digests))
    for item in _read(pair.present, partition):
        then = digests.pop(key := _key(pair, item), None)
        if then is None:
            found.added.append(key)
        elif then != _digest(item):
            found.changed.append(key)
    found.missing = list(digests)
    return found


def put_back(pair: Pair, keys: Sequence[Key]) -> int:
    """Write these rows as they were then, and return how many. Repeats do no harm."""
    count = 0
    for start in range(0, len(keys), _MOST_PER_READ):
        items = _get(pair, keys[start : start + _MOST_PER_READ])
        _write(pair.present, [{"PutRequest": {"Item": item}} for item in items])
        count += len(items)
    return count


def delete_added(pair: Pair, keys: Sequence[Key]) -> int:
    """Delete these rows, and return how many."""
    _write(pair.present, [{"DeleteRequest": {"Key": _to_key(pair, each)}} for each in keys])
    return len(keys)


def delete_restored(pair: Pair) -> bool:
    """Delete the restored table; False if there is none."""
    client = dynamodb()
    try:
        client.delete_table(TableName=pair.restored)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def is_unknown(error: ClientError) -> bool:
    """Whether the engine has no recovery to a point in time, as engines beside AWS."""
    return error.response["Error"]["Code"] in ("UnknownOperationException", "UnknownOperation", "InvalidAction")


def _read(table: str, partition: str | None) -> Iterator[Item]:
    client: Any = dynamodb()
    about: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
    if partition is not None:
        about |= {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": partition}}}
    pages = client.get_paginator("scan" if partition is None else "query").paginate(**about)
    return (item for page in pages for item in page["Items"])


def _get(pair: Pair, keys: Sequence[Key]) -> list[Item]:
    client: Any = dynamodb()
    asked: Any = {pair.restored: {"Keys": [_to_key(pair, each) for each in keys], "ConsistentRead": True}}
    found: list[Item] = []
    while asked:
        answer = client.batch_get_item(RequestItems=asked)
        found += answer["Responses"].get(pair.restored, [])
        asked = answer.get("UnprocessedKeys")
    return found


def _write(table: str, requests: list[Any]) -> None:
    client: Any = dynamodb()
    for start in range(0, len(requests), _MOST_PER_BATCH):
        pending: Any = {table: requests[start : start + _MOST_PER_BATCH]}
        while pending:
            pending = client.batch_write_item(RequestItems=pending).get("UnprocessedItems")


def _key(pair: Pair, item: Item) -> Key:
    return tuple(item[name]["S"] for name in pair.key_names)


def _to_key(pair: Pair, key: Key) -> Item:
    return {name: {"S": value} for name, value in zip(pair.key_names, key, strict=True)}


def _digest(item: Item) -> bytes:
    return hashlib.blake2b(repr(_in_order(item)).encode(), digest_size=16).digest()


def _in_order(value: Any) -> Any:
    match value:
        case dict():
            return sorted((name, _in_order(_sorted_set(name, each))) for name, each in value.items())
        case list():
            return [_in_order(each) for each in value]
    return value


def _sorted_set(kind: str, value: Any) -> Any:
    return sorted(value) if kind in ("SS", "NS", "BS") and isinstance(value, list | set) else value
