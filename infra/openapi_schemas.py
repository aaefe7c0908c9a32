"""The named schemas of the OpenAPI documents, under the names of the contracts."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from chalicelib.edge.route import Route
from infra.openapi_versions import map_schema, plain_schema
from infra.schemas import Schemas, response_model

SCHEMA_REFERENCE = "#/components/schemas/{model}"

# Our models whose schemas have another name in a contract.
_NAMES = {
    "ApprovalIn": "CatalogApprovalAssignRequest",
    "ApprovalOut": "CatalogApprovalListItem",
    "BulkRow": "BulkEventDeliveryResult",
    "CardContactOut": "CardContact",
    "CatalogItemIn": "CatalogItemCreateRequest",
    "CatalogItemOut": "CatalogItem",
    "CatalogItemPatch": "CatalogItemUpdateRequest",
    "ChecklistItemOut": "ChecklistItem",
    "ContactOut": "Contact",
    "DeliveryOut": "Delivery",
    "EventTypesOut": "EventTypesResponse",
    "IntegratorOut": "Integrator",
    "IntegratorsOut": "IntegratorsResponse",
    "ItemOut": "QueueItem",
    "KanbanCardOut": "KanbanCard",
    "MessageOut": "ChatMessage",
    "ResolveIn": "ResolveDeliveryRequest",
    "ReviewIn": "CatalogApprovalReviewRequest",
    "SupplementIn": "SupplementDeliveryRequest",
}
# Schemas of replies that the contracts close.
_CLOSED = {
    "CatalogApprovalListItem",
    "CatalogItem",
    "ClaimedToken",
    "EventTypeRow",
    "EventTypesResponse",
    "Health",
    "Integrator",
    "IntegratorsResponse",
    "SupplementOut",
    "YourIntegrator",
}
# Parts of other schemas that have a name of their own in a contract, with the schema and the path inside it.
_PARTS = {
    "Labels": ("InboundEvent", "properties", "labels"),
    "Locale": ("InboundEvent", "properties", "locale"),
    "Recipient": ("BulkEventRequest", "properties", "recipients", "items"),
}
# What the contract says of every kind of mention at once, beside our schema of each kind.
_ANY_MENTION = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "avatar": {"type": ["string", "null"]},
        "subtitle": {"type": ["string", "null"]},
        "type": {"type": "string", "enum": ["person", "agent", "team", "command"]},
        "memberCount": {"type": ["integer", "null"]},
    },
}
_COUNT = {"type": "integer", "minimum": 0}
BLOCKERS = {
    "type": "object",
    "description": "Why a catalog item can't be deleted: how many approvals, assets and tokens depend on it.",
    "additionalProperties": False,
    "required": ["liveApprovals", "liveAssets", "liveTokens"],
    "properties": dict.fromkeys(("liveApprovals", "liveAssets", "liveTokens"), _COUNT),
}
RATE_LIMIT_STATE = {
    "type": "object",
    "description": "What a caller may still spend in this minute, as the `X-RateLimit-…` headers say it.",
    "properties": dict.fromkeys(("limit", "remaining", "resetAtUnix"), _COUNT),
}


def reference(name: str) -> dict[str, str]:
    """Return a reference to the schema of this model or name."""
    return {"$ref": SCHEMA_REFERENCE.format(model=_NAMES.get(name, name))}


def component_schemas(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the schemas of all bodies, queries, headers and replies of these operations, by name."""
    made = {
        _NAMES.get(name, name): with_contract_names(map_schema(schema, plain_schema))
        for name, schema in _definitions(routes).items()
    }
    for name in _CLOSED & made.keys():
        made[name]["additionalProperties"] = False
    if "MentionsOut" in made:
        made["MentionsOut"]["items"] |= _ANY_MENTION
    for name, place in _PARTS.items():
        _name_part(made, name, *place)
    return made


def with_contract_names(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with references to the names of the contracts."""
    named = re.sub(
        r'(?<="#/components/schemas/)([^"]+)(?=")', lambda found: _NAMES.get(found[1], found[1]), json.dumps(schema)
    )
    made: dict[str, Any] = json.loads(named)
    return made


def _definitions(routes: Iterable[Route]) -> dict[str, Any]:
    wanted: dict[tuple[Any, str], TypeAdapter[Any]] = {}
    for route in routes:
        if route.body is not None:
            wanted[route.body, "validation"] = TypeAdapter(route.body)
        answers = {response_model(route, status) for status in route.answers}
        wanted |= {(answer, "serialization"): TypeAdapter(answer) for answer in answers if answer is not None}
        parameters = [route.annotations[place] for place in ("query", "headers") if place in route.annotations]
        wanted |= {(model, "validation"): TypeAdapter(model) for model in parameters}
    inputs: Any = [(model, mode, adapter.core_schema) for (model, mode), adapter in wanted.items()]
    _, definitions = Schemas(ref_template=SCHEMA_REFERENCE).generate_definitions(inputs)
    for schema in definitions.values():
        schema.pop("title", None)
    return {str(name): schema for name, schema in definitions.items()}


def _name_part(schemas: dict[str, Any], name: str, owner: str, *path: str) -> None:
    """Make a part of a schema, wherever it occurs, a schema of its own."""
    if owner not in schemas:
        return
    part: Any = schemas[owner]
    for step in path:
        part = part[step]
    for each, schema in schemas.items():
        schemas[each] = map_schema(schema, lambda inner: reference(name) if inner == part else inner)
    schemas[name] = _inlined(part, name, schemas) if "oneOf" in part else part


def _inlined(union: dict[str, Any], name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a union with its kinds in place, as the contract has it: each is found under the name of the union."""
    kinds = [schemas.pop(each["$ref"].rpartition("/")[2]) for each in union["oneOf"]]
    mapping = dict.fromkeys(union["discriminator"]["mapping"], reference(name)["$ref"])
    return {**union, "oneOf": kinds, "discriminator": {**union["discriminator"], "mapping": mapping}}


def used_schemas(document: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that the document refers to, directly or through others, by name."""
    reached: set[str] = set()
    waiting: list[Any] = [document]
    while waiting:
        found = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop()))
        names = set(found) - reached
        reached |= names
        waiting += [schemas[name] for name in names]
    return {name: schemas[name] for name in sorted(reached)}
