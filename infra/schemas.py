"""JSON schemas of requests and responses, as the OpenAPI documents and the list of tools use them."""

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any, Literal

from pydantic import BaseModel, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from chalicelib.core.domain.fields import Out
from chalicelib.edge.operation import Operation, OperationReply

RPC_MESSAGE = {
    "type": "object",
    "description": "A JSON-RPC request, or a notification if it has no `id`.",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"type": "string", "enum": ["2.0"]},
        "id": {"type": ["string", "integer"]},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
}
RPC_ERROR = {
    "type": "object",
    "description": "A JSON-RPC error. `data` has problem details if an operation was refused.",
    "required": ["jsonrpc", "id", "error"],
    "properties": {
        "jsonrpc": {"type": "string", "enum": ["2.0"]},
        "id": {"type": ["string", "integer", "null"]},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}, "data": {"type": "object"}},
        },
    },
}


class Schemas(GenerateJsonSchema):
    """Leave out titles, and defaults of None, which only stand for a field that is left out."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - overrides
        return False


def response_model(operation: Operation, status: int) -> type[BaseModel] | None:
    """Return the model of the operation's successful response with this status; None if the response is text."""
    hint = operation.answer or operation.annotations["return"]
    if isinstance(hint, Mapping):
        return hint[status]
    if operation.envelope:
        return _envelope(operation.envelope, hint)
    return None if hint is OperationReply else hint


@cache
def _envelope(name: str, data: Any) -> type[BaseModel]:
    members: dict[str, Any] = {"success": (Literal[True], ...)} | (
        {"data": (data, ...)} if data is not NoneType else {}
    )
    return create_model(name, __base__=Out, __doc__="A successful reply.", **members)


def path_schema(name: str) -> dict[str, Any]:
    if name == "remoteId":
        return {"type": "string", "minLength": 1, "maxLength": 200}
    if name == "index":
        return {"type": "integer", "minimum": 0}
    return {"type": "string"} | ({"format": "uuid"} if name.endswith("Id") else {})
