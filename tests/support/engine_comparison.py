"""Requests about rows, answered directly and by moto in its own way on a copy of the same rows: both must agree."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.parsing.executors import NodeExecutor, SetExecutor

from infra.local import direct, engine, indexes
from tests.support.embedded_engine import copy_table, plain_rows

_SETS = ("SS", "NS", "BS")


@dataclass
class Comparison:
    """How many requests were answered directly and how many left to moto, by action; and where both differed."""

    answered: Counter[str] = field(default_factory=Counter)
    left_to_moto: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def _copy_action_value(executor: SetExecutor) -> Any:
    # moto sets the very set that another attribute has, so an ADD in the same request changes both.
    return copy.deepcopy(NodeExecutor.get_action_value(executor))


@contextmanager
def compare_with_moto() -> Iterator[Comparison]:
    """Compare every request about rows meanwhile, and answer it directly."""
    seen, original = Comparison(), direct.answer

    def compared(backend: DynamoDBBackend, action: str, body: Any) -> tuple[int, bytes] | None:
        if action not in direct.HANDLED:
            return original(backend, action, body)
        names = [name for name in _tables_of(json.loads(body)) if name in backend.tables]
        copies = {name: copy_table(backend.tables[name]) for name in names}
        answered = original(backend, action, body)
        if answered is None:
            seen.left_to_moto[action] += 1
            return None
        seen.answered[action] += 1
        directly = {name: plain_rows(backend.tables[name]) for name in names}
        held = {name: backend.tables[name] for name in names}
        for table in copies.values():
            indexes.forget(table)
        backend.tables.update(copies)
        try:
            status, _, content = _by_moto(action, body)
            by_moto = {name: plain_rows(backend.tables[name]) for name in names}
        finally:
            backend.tables.update(held)
        replies = (answered[0], _comparable(json.loads(answered[1]))), (status, _comparable(json.loads(content)))
        if replies[0] != replies[1] or directly != by_moto:
            seen.differences.append(f"{action} {body!r}\ndirectly {replies[0]}\nby moto {replies[1]}")
        return answered

    direct.answer = compared
    of_moto = SetExecutor.get_action_value
    SetExecutor.get_action_value = _copy_action_value  # type: ignore[assignment, method-assign]
    try:
        yield seen
    finally:
        direct.answer = original
        SetExecutor.get_action_value = of_moto  # type: ignore[method-assign]


def _by_moto(action: str, body: Any) -> tuple[int, Any, Any]:
    headers: Any = HeadersDict(
        {
            "X-Amz-Target": f"DynamoDB_20120810.{action}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{engine.REGION}/dynamodb/aws4_request",
        }
    )
    url = f"https://dynamodb.{engine.REGION}.amazonaws.com/"
    answered: Any = engine.ask_moto(AWSPreparedRequest("POST", url, headers, body, stream_output=False))
    return int(answered[0]), answered[1], answered[2]


def _tables_of(params: Any) -> set[str]:
    if "TransactItems" in params:
        return {inner["TableName"] for member in params["TransactItems"] for inner in member.values()}
    return {*params["RequestItems"]} if "RequestItems" in params else {params["TableName"]}


def _comparable(reply: Any) -> Any:
    """The reply with sets in order, numbers as numbers, and without the consumption that moto reports unasked."""
    if isinstance(reply, list):
        return [_comparable(each) for each in reply]
    if not isinstance(reply, dict):
        return reply
    if len(reply) == 1:
        ((kind, value),) = reply.items()
        if kind in _SETS:
            return {kind: sorted(value)}
        if kind == "N":
            return {kind: Decimal(value)}
    return {name: _comparable(value) for name, value in reply.items() if name != "ConsumedCapacity"}
