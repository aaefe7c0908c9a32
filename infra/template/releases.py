"""What an update of a release's stack by the next template would be refused for.

CloudFormation finds most of this only while it updates, and then rolls back; moto never does. So a record of the last
release's template is committed (`infra/releases`), and each template is compared with it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.template.resolved import NAMES
from infra.template.stacks import Template, dump

FOLDER = Path(__file__).parents[1] / "releases"
Record = dict[str, Any]

_TABLE = "AWS::DynamoDB::Table"
# These names lead to data. Another name would be another, empty resource.
_HOLD_DATA = {_TABLE, "AWS::SQS::Queue"}
_GLOBAL, _LOCAL = "GlobalSecondaryIndexes", "LocalSecondaryIndexes"


def record(stacks: Mapping[str, Template]) -> Record:
    """Reduce resolved templates to what later releases are compared with: logical ids, names, tables and sizes."""
    return {
        "stacks": {
            stack: {
                "bytes": len(dump(template)),
                "count": len(template["Resources"]),
                "resources": {
                    name: " ".join([each["Type"], *_physical_name(each)])
                    for name, each in template["Resources"].items()
                },
            }
            for stack, template in stacks.items()
        },
        "tables": {
            name: _table(each["Properties"])
            for template in stacks.values()
            for name, each in template["Resources"].items()
            if each["Type"] == _TABLE
        },
    }


def last_release() -> tuple[str, Record]:
    """Return the name and the record of the last release."""
    path = max(FOLDER.glob("*.json"), key=lambda each: each.stem)
    found: Record = json.loads(path.read_text(encoding="utf-8"))
    return path.stem, found


def list_refusals(before: Record, after: Record) -> list[str]:
    """Return a line for each change from one release to the next that the services refuse."""
    return [*_resource_refusals(before, after), *_table_refusals(before, after)]


def _resource_refusals(before: Record, after: Record) -> Iterator[str]:
    # A resource without a name of its own has its type alone here, and is nobody else's.
    owners = {
        named: (stack, logical_id)
        for stack, recorded in before["stacks"].items()
        for logical_id, named in recorded["resources"].items()
        if " " in named
    }
    for stack, recorded in after["stacks"].items():
        known = before["stacks"].get(stack, {"resources": {}})["resources"]
        for logical_id, named in recorded["resources"].items():
            (was_kind, _, was_name), (kind, _, name) = (
                text.partition(" ") for text in (known.get(logical_id, named), named)
            )
            if was_kind != kind:
                yield f"{logical_id}: the type of a resource can't change, from {was_kind} to {kind}"
            elif was_name != name and kind in _HOLD_DATA:
                yield f"{logical_id}: named {name} instead of {was_name}, it would be empty"
            old_stack, owner = owners.get(named, (stack, logical_id))
            if old_stack != stack:
                yield f"{logical_id}: {kind} {name} exists already, in the stack {old_stack}; it can't move to {stack}"
            elif owner != logical_id:
                yield f"{logical_id}: {kind} {name} exists already, as {owner}; keep its logical id"


def _table_refusals(before: Record, after: Record) -> Iterator[str]:
    for name in before["tables"].keys() & after["tables"].keys():
        was, now = before["tables"][name], after["tables"][name]
        if was["KeySchema"] != now["KeySchema"]:
            yield f"{name}: the keys of a table can't change, because it has a name of its own"
        if was[_LOCAL] != now[_LOCAL]:
            yield f"{name}: local indexes exist from the creation of their table and can't change"
        for attribute in was["types"].keys() & now["types"].keys():
            if was["types"][attribute] != now["types"][attribute]:
                yield f"{name}: the type of the key {attribute} can't change"
        for index in sorted(was[_GLOBAL].keys() & now[_GLOBAL].keys()):
            if was[_GLOBAL][index] != now[_GLOBAL][index]:
                yield f"{name}: the index {index} can't change in place; add another one, and remove it a release later"
        changed = sorted(was[_GLOBAL].keys() ^ now[_GLOBAL].keys())
        if len(changed) > 1:
            yield f"{name}: an update can create or delete one index, not {len(changed)}: {', '.join(changed)}"


def _physical_name(resource: dict[str, Any]) -> list[str]:
    kind = resource["Type"]
    return [resource["Properties"][NAMES[kind][0]]] if kind in NAMES else []


def _table(properties: dict[str, Any]) -> Record:
    def indexes(kind: str) -> Record:
        return {
            each["IndexName"]: {"KeySchema": each["KeySchema"], "Projection": _projection(each["Projection"])}
            for each in properties.get(kind, [])
        }

    return {
        "KeySchema": properties["KeySchema"],
        "types": {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]},
        _GLOBAL: indexes(_GLOBAL),
        _LOCAL: indexes(_LOCAL),
    }


def _projection(projection: dict[str, Any]) -> list[str]:
    # DynamoDB does not keep the order of the attributes.
    return [projection["ProjectionType"], *sorted(projection.get("NonKeyAttributes", []))]
