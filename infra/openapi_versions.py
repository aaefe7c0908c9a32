"""The schemas inside an OpenAPI document: visit them, and convert a document of OpenAPI 3.1 to 3.0."""

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]
# The form in OpenAPI 3.0 of a schema that accepts only null.
_NULLABLE = {"nullable": True, "enum": [None]}
_NAMED = ("properties", "patternProperties", "$defs")
_SINGLE = ("items", "additionalProperties", "propertyNames", "not")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")


def map_schema(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return the schema with `change` applied to it and to all schemas inside, the innermost first."""
    made = dict(schema)
    for name in _NAMED:
        if name in made:
            made[name] = {each: map_schema(inner, change) for each, inner in made[name].items()}
    for name in _SINGLE:
        if isinstance(made.get(name), dict):
            made[name] = map_schema(made[name], change)
    for name in _LISTED:
        if name in made:
            made[name] = [map_schema(inner, change) for inner in made[name]]
    return change(made)


def plain_schema(schema: Schema) -> Schema:
    """Write a schema in the short forms that the contracts use: `enum` for one value, and a list of types with null."""
    made = dict(schema)
    if "const" in made:
        made["enum"] = [made.pop("const")]
    match made.get("anyOf"):
        case [{"type": str(kind)} as only, {"type": "null"}] if "enum" not in only:
            del made["anyOf"]
            made = {**only, "type": [kind, "null"], **made}
    return made


def to_v30(document: Schema) -> Schema:
    """Convert a document to OpenAPI 3.0, which knows `nullable` and has no members beside a reference."""
    for holder, name in _schemas(document):
        holder[name] = map_schema(holder[name], _schema_v30)
    return document


def _schemas(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Return each place of a document that holds a schema."""
    components = node["components"]
    for name in components.get("schemas", {}):
        yield components["schemas"], name
    for group in ("parameters", "headers", "responses"):
        yield from _described(list(components.get(group, {}).values()))
    for methods in node["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict):
                yield from _described(operation.get("parameters", []))
                yield from _described([operation.get("requestBody", {}), *operation["responses"].values()])


def _described(nodes: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Return the schemas of parameters, headers, bodies and responses."""
    for node in nodes:
        if "schema" in node:
            yield node, "schema"
        yield from _described(list(node.get("headers", {}).values()))
        yield from _described(list(node.get("content", {}).values()))


def _schema_v30(schema: Schema) -> Schema:
    made = dict(schema)
    made.pop("propertyNames", None)
    if examples := made.pop("examples", None):
        made["example"] = examples[0]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if not isinstance(made.get(exclusive, True), bool):
            made |= {limit: made[exclusive], exclusive: True}
    arms = made.get("anyOf", [])
    if _NULLABLE in arms:
        kept = [arm for arm in arms if arm != _NULLABLE]
        del made["anyOf"]
        alone = kept[0] if len(kept) == 1 else {"anyOf": kept}
        made = {**({"allOf": [alone]} if "$ref" in alone else alone), **made, "nullable": True}
    match made.get("type"):
        case "null":
            return dict(_NULLABLE)
        case [kind, "null"]:
            made |= {"type": kind, "nullable": True}
        case list(kinds):
            del made["type"]
            made["anyOf"] = [{"type": kind} for kind in kinds if kind != "null"]
            made |= {"nullable": True} if "null" in kinds else {}
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made
