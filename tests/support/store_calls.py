"""Record the store and queue calls of a block of code, and compare them with grants."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib import aws, secret_keys
from chalicelib.parallel import Branch, branch
from chalicelib.resources import UNSEAL, Grant

_MEMBER_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# Lambda makes these calls for a worker.
_POLLING = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"}


@dataclass
class StoreCalls:
    """The calls by name in order, and the permissions they need as (action, table or queue, index)."""

    calls: list[str] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    permissions: set[tuple[str, str, str | None]] = field(default_factory=set)

    @property
    def steps(self) -> int:
        """Return how many calls were in sequence. Of concurrent branches, the longest counts."""
        return _count_steps(self.branches)

    def beyond_grants(self, grants: tuple[Grant, ...]) -> set[tuple[str, str, str | None]]:
        granted = {(each.action, each.resource.physical_name, each.index) for each in grants}
        return self.permissions - granted


@contextmanager
def record_store_calls() -> Iterator[StoreCalls]:
    """Record the calls to DynamoDB and SQS during the block, from every thread, and whether it needs the secret key."""
    seen = StoreCalls()
    read_keys = secret_keys.read_secret_keys
    (key,) = UNSEAL

    def read_and_note(*, fresh: bool = False) -> list[bytes]:
        seen.permissions.add((key.action, key.resource.physical_name, key.index))
        return read_keys(fresh=fresh)

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        if model.name in _POLLING:
            return
        seen.calls.append(model.name)
        seen.branches.append(branch())
        seen.permissions.update(_permissions_of(model.name, params))

    clients = (aws.dynamodb(), aws.sqs())
    for client in clients:
        client.meta.events.register("before-parameter-build", note)
    secret_keys.read_secret_keys = read_and_note
    try:
        yield seen
    finally:
        secret_keys.read_secret_keys = read_keys
        for client in clients:
            client.meta.events.unregister("before-parameter-build", note)


def _count_steps(branches: list[Branch]) -> int:
    groups: dict[int, dict[int, list[Branch]]] = {}
    for (group, number), *inner in filter(None, branches):
        groups.setdefault(group, {}).setdefault(number, []).append(tuple(inner))
    return branches.count(()) + sum(max(map(_count_steps, group.values())) for group in groups.values())


def _permissions_of(name: str, params: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    if "QueueUrl" in params:
        # IAM has no actions for batches.
        yield f"sqs:{name.removesuffix('Batch')}", params["QueueUrl"].rpartition("/")[2], None
    elif name == "TransactWriteItems":
        # IAM requires the permissions of the members, and none for the transaction.
        for member in params["TransactItems"]:
            ((kind, inner),) = member.items()
            yield f"dynamodb:{_MEMBER_ACTIONS[kind]}", inner["TableName"], None
    elif name in ("BatchGetItem", "BatchWriteItem"):
        for table in params["RequestItems"]:
            yield f"dynamodb:{name}", table, None
    else:
        yield f"dynamodb:{name}", params["TableName"], params.get("IndexName")
