"""One operation as the OpenAPI documents describe it: its parameters, its body and its responses."""

import inspect
import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from chalicelib.api.mcp.contract import MCP
from chalicelib.api.scim.contract import MEDIA_TYPE, SCIM
from chalicelib.core.domain.callers import PersonalToken, ScimToken, ToolsToken
from chalicelib.core.domain.errors import RateLimited, Unauthorized
from chalicelib.edge.route import Route
from infra.openapi_components import (
    LIMIT_HEADERS,
    TOKEN_KINDS,
    headers,
    parameter,
    refusal_kinds,
    refusal_response,
    security_of,
)
from infra.openapi_schemas import SCHEMA_REFERENCE, reference, with_contract_names
from infra.openapi_versions import map_schema, plain_schema
from infra.schemas import RPC_MESSAGE, Schemas, path_schema, response_model

# The contract requires this body; the query in its place is for clients that can't send one with DELETE.
_REQUIRED_BODIES = {"revoke_catalog_approval"}
# The contract requires these parameters; without one, there is a default or a refusal of its own.
_REQUIRED_PARAMETERS = {("list_mentions", "type"), ("receive_marketplace_event", "X-Federation-Token")}


def describe_operation(route: Route) -> dict[str, Any]:
    summary, _, rest = (inspect.getdoc(route.function) or "").partition("\n")
    made: dict[str, Any] = {
        "operationId": route.__name__,
        "tags": [route.tag],
        "summary": summary.strip().rstrip("."),
        "description": _description(route, rest),
        "parameters": _parameters(route),
        "responses": _success_responses(route) | _error_responses(route),
    }
    if (security := security_of(route)) is not None:
        made["security"] = security
    if route.family is MCP and route.method == "POST":
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": RPC_MESSAGE}}}
    if route.reader:
        content: dict[str, Any] = {kind: {"schema": {}} for kind in ("application/json", "text/plain")}
        made["requestBody"] = {"required": True, "content": content}
    if (body := route.body) is not None:
        kinds = ["application/json", *([MEDIA_TYPE] if route.family is SCIM else [])]
        content = {kind: {"schema": reference(body.__name__)} for kind in kinds}
        required = not route.body_is_optional or route.__name__ in _REQUIRED_BODIES
        made["requestBody"] = {"required": required, "content": content}
    return {name: value for name, value in made.items() if value or name == "security"}


def _description(route: Route, rest: str) -> str:
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", rest.strip())
    if route.callers:
        tokens = " or ".join(TOKEN_KINDS[kind].split(":")[0] for kind in route.callers)
        owner = " of an administrator" if route.admin_only else " of an operator" if route.operator_only else ""
        optional = "without a token or " if route.caller_is_optional else ""
        text += f"\n\nCall it {optional}with {tokens}{owner}."
    return text.strip()


def _parameters(route: Route) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": path_schema(name)}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    made += _model_parameters(route, "query") + _model_parameters(route, "headers")
    made += [parameter("IdempotencyKeyHeader")] if route.accepts_idempotency_key else []
    made += [parameter("IfNoneMatchHeader")] if route.max_age else []
    made += [parameter("RequestIdHeader")] if route.checks_request_id else []
    return made


def _model_parameters(route: Route, place: str) -> list[dict[str, Any]]:
    model: type[BaseModel] | None = route.annotations.get(place)
    if model is None:
        return []
    made = []
    schema = model.model_json_schema(schema_generator=Schemas, ref_template=SCHEMA_REFERENCE)
    for name, member in schema["properties"].items():
        plain = with_contract_names(map_schema(member, plain_schema))
        text = plain.pop("description", None)
        required = name in schema.get("required", []) or (route.__name__, name) in _REQUIRED_PARAMETERS
        if required:
            plain.pop("default", None)
        made.append({"name": name, "in": place.removesuffix("s"), "required": required, "schema": plain})
        if text:
            made[-1]["description"] = text
    return made


def _success_responses(route: Route) -> dict[str, Any]:
    # An operation with a gate charges its caller without a `caller` parameter.
    is_charged = bool(route.callers) or {RateLimited, Unauthorized} <= set(route.refusals)
    names = ["X-Request-Id", *(LIMIT_HEADERS if is_charged else [])]
    names += ["Deprecation", "Sunset"] if {PersonalToken, ScimToken, ToolsToken} & set(route.callers) else []
    names += ["Idempotent-Replayed"] if route.accepts_idempotency_key else []
    names += ["Cache-Control", "ETag"] if route.max_age else []
    made = {
        str(status): {"description": text, "headers": headers(names)}
        | ({"content": content} if (content := _content(route, status)) else {})
        for status, text in route.answers.items()
    }
    return made | (
        {"304": {"description": "Not changed since the ETag that you sent.", "headers": headers(names)}}
        if route.max_age
        else {}
    )


def _content(route: Route, status: int) -> dict[str, Any]:
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return {}
    if route.media_type != "application/json":
        return {route.media_type.partition(";")[0]: {}}
    model = response_model(route, status)
    if model is None and status == HTTPStatus.ACCEPTED:
        return {}
    return {"application/json": {"schema": reference(model.__name__) if model else {"type": "object"}}}


def _error_responses(route: Route) -> dict[str, Any]:
    return {str(route.family.status_of(kind)): refusal_response(route, kind) for kind in refusal_kinds(route)}
