"""One operation as the OpenAPI documents describe it: its parameters, its body and its responses."""

import inspect
import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from chalicelib.api.mcp.contract import MCP
from chalicelib.core.domain.callers import ApiKey, InstanceKey, PersonalToken, PlatformToken, ToolsToken
from chalicelib.core.domain.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Refusal,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.edge.parsing import IDEMPOTENCY_KEY, LONGEST_IDEMPOTENCY_KEY
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.handshake import TOKEN_HEADER, FederationHeaders
from infra.editions import Edition
from infra.schemas import RPC_MESSAGE, Schemas, path_schema, response_model

SCHEMA_REFERENCE = "#/components/schemas/{model}"

TOKEN_KINDS = {
    PersonalToken: "`flux-in-pers-…`: a personal token, with which an employee publishes as one integrator.",
    ToolsToken: "`flux-tools-…`: a tools token of an integrator.",
    ApiKey: "`dvd_…`: an API key of a person.",
    PlatformToken: "`dvd_fed_…`: a platform token, issued to an instance when it registers.",
    InstanceKey: "the key that an approved instance registered with: any text.",
}
_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def error_schema_name(edition: Edition, route: Route) -> str:
    return "RpcError" if route.family is MCP else edition.error


def takes_federation_token(route: Route) -> bool:
    return route.token_header == TOKEN_HEADER or route.annotations.get("headers") is FederationHeaders


def describe_operation(edition: Edition, route: Route) -> dict[str, Any]:
    summary, _, rest = (inspect.getdoc(route.function) or "").partition("\n")
    made: dict[str, Any] = {
        "operationId": route.__name__,
        "tags": [route.tag],
        "summary": summary.strip().rstrip("."),
        "description": _description(route, rest),
        "parameters": _parameters(route),
        "responses": _success_responses(route) | _error_responses(edition, route),
    }
    if takes_federation_token(route):
        made["security"] = [{"FederationToken": []}]
    elif route.caller_is_optional or not (route.callers or Unauthorized in route.refusals):
        made["security"] = []
    if route.family is MCP and route.method == "POST":
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": RPC_MESSAGE}}}
    if (body := route.body) is not None:
        content = {"application/json": {"schema": _reference(body)}}
        made["requestBody"] = {"required": not route.body_is_optional, "content": content}
    return {name: value for name, value in made.items() if value or name == "security"}


def _description(route: Route, rest: str) -> str:
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", rest.strip())
    if route.callers:
        tokens = " or ".join(TOKEN_KINDS[kind].split(":")[0] for kind in route.callers)
        owner = " of an administrator" if route.admin_only else " of an operator" if route.operator_only else ""
        optional = "without a token or " if route.caller_is_optional else ""
        text += f"\n\nCall it {optional}with {tokens}{owner}."
    return text.strip()


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": SCHEMA_REFERENCE.format(model=model.__name__)}


def _parameters(route: Route) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": path_schema(name)}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    made += _model_parameters(route.annotations.get("query"), "query") + _model_parameters(
        route.annotations.get("headers"), "header"
    )
    if route.accepts_idempotency_key:
        made.append(
            {
                "name": IDEMPOTENCY_KEY,
                "in": "header",
                "required": False,
                "description": "A repeated request with the same key and body within 24 hours changes nothing and "
                "returns the first response. The same key with another body is a conflict.",
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY},
            }
        )
    if route.max_age:
        made.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "ETag of a response that you have. You get 304 without a body if nothing has changed.",
                "schema": {"type": "string"},
            }
        )
    made.append(
        {
            "name": "X-Request-Id",
            "in": "header",
            "required": False,
            "description": "Your own id for this request. It is returned in the response and written to the logs.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,120}$"},
        }
    )
    return made


def _model_parameters(model: type[BaseModel] | None, place: str) -> list[dict[str, Any]]:
    if model is None:
        return []
    made = []
    schema = model.model_json_schema(schema_generator=Schemas)
    definitions = schema.get("$defs", {})
    for name, member in schema["properties"].items():
        plain = {**member, **definitions.get(member.get("$ref", "").rpartition("/")[2], {})}
        plain.pop("$ref", None)
        plain.pop("title", None)
        text = plain.pop("description", None)
        made.append({"name": name, "in": place, "required": name in schema.get("required", []), "schema": plain})
        if text:
            made[-1]["description"] = text
    return made


def _success_responses(route: Route) -> dict[str, Any]:
    # An operation with a gate charges its caller without a `caller` parameter.
    is_charged = bool(route.callers) or {RateLimited, Unauthorized} <= set(route.refusals)
    names = ["X-Request-Id", *(_LIMIT_HEADERS if is_charged else [])]
    names += ["Deprecation", "Sunset"] if {PersonalToken, ToolsToken} & set(route.callers) else []
    names += ["Idempotent-Replayed"] if route.accepts_idempotency_key else []
    names += ["Cache-Control", "ETag"] if route.max_age else []
    made = {
        str(status): {"description": text, "headers": _headers(names)}
        | ({"content": content} if (content := _content(route, status)) else {})
        for status, text in route.answers.items()
    }
    return made | (
        {"304": {"description": "Not changed since the ETag that you sent.", "headers": _headers(names)}}
        if route.max_age
        else {}
    )


def _content(route: Route, status: int) -> dict[str, Any]:
    if route.media_type != "application/json":
        return {route.media_type.partition(";")[0]: {}}
    model = response_model(route, status)
    if model is None and status == HTTPStatus.ACCEPTED:
        return {}
    return {"application/json": {"schema": _reference(model) if model else {"type": "object"}}}


def _error_responses(edition: Edition, route: Route) -> dict[str, Any]:
    kinds: set[type[Refusal]] = {*route.refusals, Invalid}
    if route.callers:
        kinds |= {RateLimited, Unavailable} | (set() if route.caller_is_optional else {Unauthorized, Forbidden})
    if "body" in route.annotations:
        kinds.add(UnsupportedMediaType)
    if "{" in route.path:
        kinds.add(NotFound)
    made = {}
    for kind in sorted(kinds, key=route.family.status_of):
        names = ["X-Request-Id", *(_LIMIT_HEADERS if kind is RateLimited else [])]
        names += ["Retry-After"] if kind in (RateLimited, Unavailable) else []
        status = route.family.status_of(kind)
        schema = {"$ref": SCHEMA_REFERENCE.format(model=error_schema_name(edition, route))}
        made[str(status)] = {
            "description": kind.title if kind is not NotFound else "Not found, or you don't have access to it.",
            "headers": _headers(names),
            "content": {route.family.error_type: {"schema": schema}},
        }
    return made


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
