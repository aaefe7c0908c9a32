"""The list of MCP tools: schemas from the operations' models, and the callers of each tool."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from chalicelib.api.mcp.calling import KEY_ARGUMENT, Places
from chalicelib.api.mcp.contract import TOOLS_FAMILY
from chalicelib.api.mcp.tools import TOOLS, Tool
from chalicelib.edge.operation import Operation
from chalicelib.edge.parsing import LONGEST_IDEMPOTENCY_KEY
from chalicelib.resources import TOKENS, Grant
from infra.schemas import Schemas, path_schema, response_model

FILE = Path(__file__).parents[1] / "chalicelib" / "openapi" / "tools.json"
_REF = "#/$defs/{model}"
# What the path segment before an argument lists.
_THINGS = {
    "actions": "button",
    "checklist": "checklist item",
    "connections": "connection",
    "contacts": "contact",
    "delegated-tasks": "task",
    "events": "delivery",
    "inbox": "delivery",
    "items": "catalog item",
    "kanban": "card",
    "projects": "project",
    "queue": "task",
    "tasks": "task",
}
_KEY = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_IDEMPOTENCY_KEY,
    "description": "A key that you choose. A repeated call with the same key and arguments within 24 hours changes "
    "nothing and returns the first result.",
}


def render() -> str:
    """Return the text of the file from which the endpoint lists tools and takes its grants."""
    operations = {name: tool.load() for name, tool in TOOLS.items()}
    made = {
        "grants": _grants(operations.values()),
        "tools": [_tool_entry(tool, operations[name]) for name, tool in TOOLS.items()],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _grants(operations: Iterable[Operation]) -> list[list[str | None]]:
    found: set[Grant] = {grant for each in operations for grant in each.grants} | set(TOKENS.can("UpdateItem"))
    grants = [[each.action, type(each.resource).__name__, each.resource.name, each.index] for each in found]
    return sorted(grants, key=lambda each: [part or "" for part in each])


def _tool_entry(tool: Tool, operation: Operation) -> dict[str, Any]:
    assert operation.family is TOOLS_FAMILY
    return {
        "callers": [kind.__name__ for kind in operation.callers],
        "area": operation.permission,
        "adminOnly": operation.admin_only,
        "tool": {
            "name": tool.name,
            "title": tool.name.replace("_", " ").capitalize(),
            "description": tool.description,
            "inputSchema": input_schema(operation),
            "outputSchema": output_schema(operation),
            "annotations": tool.annotations(operation),
        },
    }


def input_schema(operation: Operation) -> dict[str, Any]:
    """Return the schema of a tool's arguments: the fields of the operation's path, query and body together.

    Raises:
        ValueError: Two arguments have the same name.
    """
    places = Places.of(operation)
    models = {
        place: operation.annotations.get(place) if place == "query" else operation.body for place in ("query", "body")
    }
    found, definitions = _schemas({model for model in models.values() if model is not None}, "validation")
    properties: dict[str, Any] = {name: _path_argument(operation.path, name) for name in places.path}
    required = list(places.path)
    for place, model in models.items():
        if model is None:
            continue
        schema = found[model]
        wanted = places.query if place == "query" else schema["properties"]
        if taken := properties.keys() & set(wanted):
            raise ValueError(f"{operation.__name__} has two arguments {', '.join(taken)}")
        properties |= {name: schema["properties"][name] for name in wanted}
        required += [name for name in schema.get("required", []) if name in wanted and not _optional(operation, place)]
    if operation.accepts_idempotency_key:
        if KEY_ARGUMENT in properties:
            raise ValueError(f"{operation.__name__} has an argument {KEY_ARGUMENT} of its own")
        properties[KEY_ARGUMENT] = _KEY
    made = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return _inline({name: value for name, value in made.items() if value != []}, definitions)


def output_schema(operation: Operation) -> dict[str, Any]:
    """Return the schema of the operation's successful responses. An array becomes the field `items` of an object."""
    models = list(dict.fromkeys(response_model(operation, status) for status in operation.answers))
    found, definitions = _schemas({model for model in models if model is not None}, "serialization")
    kinds = [found[model] for model in models if model is not None]
    schema = kinds[0] if len(kinds) == 1 else {"type": "object", "anyOf": kinds}
    if schema["type"] == "array":
        schema = {"type": "object", "properties": {"items": schema}, "required": ["items"]}
    return _inline(schema, definitions)


def _path_argument(path: str, name: str) -> dict[str, Any]:
    """Return the schema of an argument in the path, which says what it identifies: several tools have an `id`."""
    segment = path.partition(f"/{{{name}}}")[0].rpartition("/")[2]
    kind = {"slug": "slug", "index": "index, counted from 0,"}.get(name, "id")
    return {**path_schema(name), "description": f"The {kind} of the {_THINGS[segment]}."}


def _optional(operation: Operation, place: str) -> bool:
    # A body that can be left out has no required fields, unless the query has the same fields.
    return place == "body" and operation.body_is_optional and "query" not in operation.annotations


def _schemas(models: set[type[BaseModel]], mode: Any) -> tuple[dict[type[BaseModel], Any], dict[str, Any]]:
    inputs: Any = [
        (each, mode, TypeAdapter(each).core_schema) for each in sorted(models, key=lambda each: each.__name__)
    ]
    places: Any
    definitions: Any
    places, definitions = Schemas(ref_template=_REF).generate_definitions(inputs)
    for schema in definitions.values():
        schema.pop("title", None)
    return {model: _resolve(places[model, mode], definitions) for model in models}, definitions


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _inline(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with definitions in the place of references, which some clients and models don't follow."""
    if isinstance(schema.get("$ref"), str):
        schema = {**_resolve(schema, definitions), **{name: each for name, each in schema.items() if name != "$ref"}}
        return _inline(schema, definitions)
    return {name: _inlined(each, definitions) for name, each in schema.items() if not _is_discriminator(name, each)}


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(each, definitions) for each in value]
    return _inline(value, definitions) if isinstance(value, dict) else value


def _is_discriminator(name: str, value: Any) -> bool:
    # It belongs to OpenAPI, and its mapping has references.
    return name == "discriminator" and "mapping" in value
