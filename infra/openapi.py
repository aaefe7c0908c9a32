"""The served OpenAPI documents, made from the routes: `python -m infra.openapi [--check]`."""

import inspect
import json
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

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
from chalicelib.edge import idempotency
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.handshake import TOKEN_HEADER, FederationHeaders
from chalicelib.settings import VERSION
from infra import catalog, tools
from infra.editions import EDITIONS, Edition, edition_of
from infra.schemas import RPC_ERROR, RPC_MESSAGE, Schemas, path_schema, response_model

_SCHEMA = "#/components/schemas/{model}"

_TAGS = {
    "events": "Publish events into inboxes, and follow them up.",
    "inbox": "The recipient's side.",
    "tokens": "Publishing tokens for employees.",
    "catalog": "What employees may be given access to, and who has it.",
    "introspection": "What the service offers.",
    "health": "Signs of life.",
    "console": "The web console.",
    "keys": "A person's own API keys.",
    "queue": "The task queue of a person and their agents, and how it is worked off.",
    "chat": "The chat that a person shares with their agents, and the stream of what happens at the desk.",
    "mentions": "Whom and what a message may mention.",
    "profile": "What a person tells of themselves, and what may reach them.",
    "prompt-groups": "Which parts of an agent's instructions a message calls for.",
    "me": "Who is signed in.",
    "operate": "For those who operate the desk: who publishes, who has access, what went wrong.",
    "push": "Nudges to a person's browsers, by Web Push.",
    "updates": "What is new.",
    "kanban": "A person's board: cards in stages, with checklists and contacts.",
    "contacts": "The people and companies a person deals with.",
    "network": "What other instances and the public may find here.",
    "federation": "Other instances that belong to this one's network, and the agents they offer.",
    "marketplace": "What the hub that this desk belongs to has to say.",
    "connections": "Who of other desks a person is connected with.",
    "relays": "What connected desks send each other.",
    "projects": "The organisation's projects and who belongs to them.",
    "mcp": "The Model Context Protocol, for agents: the same operations as tools.",
    "feedback": "What people, agents and integrators have to say of this desk.",
}
_TOKENS = {
    PersonalToken: "`flux-in-pers-…`: an employee's token for one integrator's events.",
    ToolsToken: "`flux-tools-…`: an integrator's own token.",
    ApiKey: "`dvd_…`: a person's key.",
    PlatformToken: "`dvd_fed_…`: what an approved instance was given when it registered.",
    InstanceKey: "the key that an approved instance registered with: any text.",
}
_FEDERATION_TOKEN = {
    "FederationToken": {
        "type": "apiKey",
        "in": "header",
        "name": TOKEN_HEADER,
        "description": "The token of a connection, which both its desks know; or an instance's own key.",
    }
}
_HEADERS = {
    "X-Request-Id": ("The call's id: yours if you sent one, else ours.", "string"),
    "X-RateLimit-Limit": ("Units a minute.", "integer"),
    "X-RateLimit-Remaining": ("Units left of this minute.", "integer"),
    "X-RateLimit-Reset": ("When the next minute begins, in epoch seconds.", "integer"),
    "Retry-After": ("Seconds to wait before the next try.", "integer"),
    "Deprecation": ("Since when the token is superseded (RFC 9745).", "string"),
    "Sunset": ("When a superseded token ends (RFC 8594).", "string"),
    "Cache-Control": ("How long anyone may keep the reply.", "string"),
    "ETag": ("Names the reply's text; send it as If-None-Match to be told whether it still holds.", "string"),
    "Idempotent-Replayed": ("`true` when an earlier reply is given again.", "string"),
}
_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def document(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these operations."""
    schemas = _schemas(routes)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(edition, route)
    used = {route.tag for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": edition.title,
            "version": VERSION,
            "description": edition.description,
        },
        "servers": [{"url": "/"}],
        "security": [{"BearerAuth": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "BearerAuth": {"type": "http", "scheme": "bearer", "description": _describe_tokens(routes)}
            }
            | (_FEDERATION_TOKEN if any(map(_takes_federation_token, routes)) else {}),
            "headers": {
                name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in _HEADERS.items()
            },
            "schemas": {**schemas, **_error_schemas(edition, routes)},
        },
    }


def _schemas(routes: list[Route]) -> dict[str, Any]:
    wanted: dict[tuple[Any, str], TypeAdapter[Any]] = {}
    for route in routes:
        body, answers = route.body, {response_model(route, status) for status in route.answers}
        if body is not None:
            wanted[body, "validation"] = TypeAdapter(body)
        wanted |= {(answer, "serialization"): TypeAdapter(answer) for answer in answers if answer is not None}
    inputs: Any = [(model, mode, adapter.core_schema) for (model, mode), adapter in wanted.items()]
    _, definitions = Schemas(ref_template=_SCHEMA).generate_definitions(inputs)
    for schema in definitions.values():
        schema.pop("title", None)
    return dict(sorted(definitions.items()))


def _error_schemas(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    schemas = {edition.error: edition.error_schema, "RpcError": RPC_ERROR}
    return {name: schemas[name] for name in {_error_schema_name(edition, route): None for route in routes}}


def _error_schema_name(edition: Edition, route: Route) -> str:
    return "RpcError" if route.family is MCP else edition.error


def _describe_tokens(routes: list[Route]) -> str:
    return "\n".join(text for kind, text in _TOKENS.items() if any(kind in route.callers for route in routes))


def _takes_federation_token(route: Route) -> bool:
    return route.token_header == TOKEN_HEADER or route.hints.get("headers") is FederationHeaders


def _operation(edition: Edition, route: Route) -> dict[str, Any]:
    summary, _, rest = (inspect.getdoc(route.function) or "").partition("\n")
    made: dict[str, Any] = {
        "operationId": route.__name__,
        "tags": [route.tag],
        "summary": summary.strip().rstrip("."),
        "description": _description(route, rest),
        "parameters": _parameters(route),
        "responses": _success_responses(route) | _error_responses(edition, route),
    }
    if _takes_federation_token(route):
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
        text += (
            "\n\nCalled without a token or with "
            if route.caller_is_optional
            else "\n\nCalled with " + " or ".join(_TOKENS[kind].split(":")[0] for kind in route.callers)
        )
        text += " of the organisation's administrators." if route.admin_only else ""
        text += " of somebody who operates the desk." if route.operator_only else ""
        text += "" if route.admin_only or route.operator_only else "."
    return text.strip()


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _SCHEMA.format(model=model.__name__)}


def _parameters(route: Route) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": path_schema(name)}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    made += _model_parameters(route.hints.get("query"), "query") + _model_parameters(
        route.hints.get("headers"), "header"
    )
    if route.accepts_idempotency_key:
        made.append(
            {
                "name": idempotency.HEADER,
                "in": "header",
                "required": False,
                "description": "Repeating the call with the same key and body, within 24 hours, changes nothing and "
                "gives the first reply again. Another body under the same key is a conflict.",
                "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST_KEY},
            }
        )
    if route.max_age:
        made.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "The ETag of a reply that you have; while it holds, the answer is 304 without a body.",
                "schema": {"type": "string"},
            }
        )
    made.append(
        {
            "name": "X-Request-Id",
            "in": "header",
            "required": False,
            "description": "An id of yours for this call; it comes back in the reply and stands in our logs.",
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
    # Who is known by other means than a caller's token is charged all the same.
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
    return made | ({"304": {"description": "As you have it.", "headers": _headers(names)}} if route.max_age else {})


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
    if "body" in route.hints:
        kinds.add(UnsupportedMediaType)
    if "{" in route.path:
        kinds.add(NotFound)
    made = {}
    for kind in sorted(kinds, key=route.family.status_of):
        names = ["X-Request-Id", *(_LIMIT_HEADERS if kind is RateLimited else [])]
        names += ["Retry-After"] if kind in (RateLimited, Unavailable) else []
        status = route.family.status_of(kind)
        made[str(status)] = {
            "description": kind.title if kind is not NotFound else "There is no such thing, or not for you.",
            "headers": _headers(names),
            "content": {
                route.family.error_type: {"schema": {"$ref": _SCHEMA.format(model=_error_schema_name(edition, route))}}
            },
        }
    return made


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def documents() -> dict[Path, str]:
    """Each document's file and text."""
    from app import app

    found = list(catalog.routes(app))
    return {
        edition.file: json.dumps(
            document(edition, [route for route in found if edition_of(route.path) is edition]),
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
        for edition in EDITIONS
    } | {tools.FILE: tools.render()}


def main() -> None:
    """Write the documents, or with --check fail when the committed ones differ."""
    for path, text in documents().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.name} is not what the routes say; run: make openapi")


if __name__ == "__main__":
    main()
