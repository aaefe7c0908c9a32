"""The OpenAPI documents and the list of MCP tools, written from the routes: `python -m infra.openapi [--check]`."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.handshake import TOKEN_HEADER
from chalicelib.settings import VERSION
from infra import catalog, tools
from infra.editions import EDITIONS, Edition, edition_of
from infra.openapi_operations import (
    SCHEMA_REFERENCE,
    TOKEN_KINDS,
    describe_operation,
    error_schema_name,
    takes_federation_token,
)
from infra.schemas import RPC_ERROR, Schemas, response_model

_TAGS = {
    "events": "Publish events to people's inboxes, then supplement and resolve them.",
    "inbox": "Read the inbox, change deliveries and use their actions.",
    "tokens": "Claim publishing tokens for employees.",
    "catalog": "Manage the catalog, and who is approved for its items.",
    "introspection": "Documentation, OpenAPI documents, integrators and event types.",
    "health": "Check that the service is up.",
    "console": "The web console and its files.",
    "keys": "Manage your own API keys.",
    "queue": "Manage the task queue that you share with your agents.",
    "chat": "Chat with your agents, and stream live events.",
    "mentions": "List the people, teams, agents and commands that a message can mention.",
    "profile": "Manage your profile and what others can send you.",
    "prompt-groups": "Find the instruction groups that a message needs.",
    "me": "Get the person and the permissions of the current key.",
    "operate": "Administration for operators: integrators, tokens, access, queues and instances.",
    "push": "Manage browser notifications (Web Push).",
    "updates": "Read release notes.",
    "kanban": "Manage cards on your board, with checklists and contacts.",
    "contacts": "Manage your contacts.",
    "network": "Discover what this installation shares with other instances and the public.",
    "federation": "For instances in this network: register, send heartbeats and sync agents.",
    "marketplace": "Receive events from the hub that this installation has joined.",
    "connections": "Manage connections with people of other installations.",
    "relays": "Send and receive relays over a connection.",
    "projects": "Read projects and their members.",
    "mcp": "Call operations as tools over the Model Context Protocol.",
    "feedback": "Send and read feedback about this installation.",
}
_FEDERATION_TOKEN = {
    "FederationToken": {
        "type": "apiKey",
        "in": "header",
        "name": TOKEN_HEADER,
        "description": "The token that both sides of a connection share, or an instance's own key.",
    }
}
_HEADERS = {
    "X-Request-Id": ("Id of the request: the one that you sent, or a new one.", "string"),
    "X-RateLimit-Limit": ("Rate units per minute.", "integer"),
    "X-RateLimit-Remaining": ("Rate units left in this minute.", "integer"),
    "X-RateLimit-Reset": ("Time at which the next minute begins, in epoch seconds.", "integer"),
    "Retry-After": ("Seconds to wait before you try again.", "integer"),
    "Deprecation": ("Time at which the token was superseded (RFC 9745).", "string"),
    "Sunset": ("Time at which a superseded token stops working (RFC 8594).", "string"),
    "Cache-Control": ("How long the response can be cached.", "string"),
    "ETag": ("Version of the response. Send it as If-None-Match to check whether it has changed.", "string"),
    "Idempotent-Replayed": ("`true` if an earlier response is repeated.", "string"),
}


def document(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these operations."""
    schemas = _schemas(routes)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = describe_operation(edition, route)
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
            | (_FEDERATION_TOKEN if any(map(takes_federation_token, routes)) else {}),
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
    _, definitions = Schemas(ref_template=SCHEMA_REFERENCE).generate_definitions(inputs)
    for schema in definitions.values():
        schema.pop("title", None)
    return dict(sorted(definitions.items()))


def _error_schemas(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    schemas = {edition.error: edition.error_schema, "RpcError": RPC_ERROR}
    return {name: schemas[name] for name in {error_schema_name(edition, route): None for route in routes}}


def _describe_tokens(routes: list[Route]) -> str:
    return "\n".join(text for kind, text in TOKEN_KINDS.items() if any(kind in route.callers for route in routes))


def documents() -> dict[Path, str]:
    """Return each document's file and text."""
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
    """Write the documents; with --check, fail if a committed document is out of date."""
    for path, text in documents().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.name} is out of date. Run: make openapi")


if __name__ == "__main__":
    main()
