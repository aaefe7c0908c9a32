"""The OpenAPI documents and the list of MCP tools, written from the routes: `python -m infra.openapi [--check]`.

What the clients have of the documents is written, too; to check that alone: `python -m infra.clients --check`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from chalicelib.edge.route import Route
from infra import catalog, clients, tools
from infra.editions import EDITIONS, Edition, edition_of
from infra.openapi_components import components, shared_schemas
from infra.openapi_examples import add_examples
from infra.openapi_operations import describe_operation
from infra.openapi_schemas import component_schemas, reference, used_schemas
from infra.openapi_versions import to_v30

_TAGS = {
    "events": "Publish events to people's inboxes, then supplement and resolve them.",
    "channels": "Your own webhooks and chat services, to which your notifications are sent.",
    "ingest": "Publish what other systems send, in the shape that they send.",
    "reach": "Choose how notifications reach you beyond the inbox.",
    "inbox": "Read the inbox, change deliveries and use their actions.",
    "tokens": "Claim publishing tokens for employees.",
    "tasks": "Propose tasks to employees who let your integrator's agents work for them.",
    "catalog": "Manage the catalog, and who is approved for its items.",
    "introspection": "Documentation, the OpenAPI document, integrators and event types.",
    "health": "Check that the service is up.",
    "mcp": "Call operations as tools over the Model Context Protocol.",
    "console": "The web console and its files.",
    "Queue": "Manage the task queue that you share with your agents.",
    "Settings": "Choose how tasks are dispatched and approved.",
    "Shared Chat": "Chat with your agents, and stream live events.",
    "Kanban": "Manage cards on your board, with checklists and contacts.",
    "Contacts": "Manage your contacts.",
    "Chat": "List the people, teams, agents and commands that a message can mention.",
    "Profile": "Manage your profile and what others can send you.",
    "Me": "Get the person and the permissions of the current key, and manage your integrations.",
    "Keys": "Manage your own API keys.",
    "Passkeys": "Add, rename and remove the passkeys that you sign in with.",
    "Sessions": "Sign in with a browser, and end your sessions.",
    "Projects": "Read projects and their members.",
    "Push": "Manage browser notifications (Web Push).",
    "Network": "Discover what this desk shares with other instances and the public, and read release notes.",
    "Federation": "Connect people of different instances, send relays, and take part in a network.",
    "Marketplace": "Receive events from the hub that this desk has joined.",
    "Feedback": "Send and read feedback about this desk.",
    "Admin": "Administration: integrators, tokens, access, queues and instances.",
    "Users": "Employees, as the company's directory sends them.",
    "Groups": "Groups of the directory, and their members.",
    "Bulk": "Users and groups together: several changes in one request, and searches.",
    "Discovery": "What this desk supports of SCIM.",
    "Introspection": "Documentation and the OpenAPI document.",
}


def document(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of these operations, in the version that the contract uses."""
    used = {route.tag for route in routes}
    assert used <= _TAGS.keys(), f"Describe these tags in infra/openapi.py: {used - _TAGS.keys()}"
    made: dict[str, Any] = {
        "openapi": edition.openapi,
        "info": {**edition.info, "description": edition.guide},
        "servers": [*edition.servers],
        "security": [{"BearerAuth": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items() if name in used],
        "paths": _paths(edition, routes),
        "components": components(edition, routes),
    }
    shared = shared_schemas(edition)
    schemas = component_schemas(routes) | shared
    always = {name: reference(name) for name in shared.keys() - {"RpcError", "CatalogItemDeleteBlockers"}}
    made["components"]["schemas"] = used_schemas({"document": made, "always": always}, schemas)
    made = to_v30(made) if edition.openapi.startswith("3.0") else made
    return add_examples(made, edition.file.stem)


def _paths(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for route in routes:
        # The server of the document has the base of most paths.
        outside = {"servers": [{"url": "/"}]} if edition.base and not edition.is_relative(route.path) else {}
        methods = made.setdefault(edition.path_key(route.path), outside)
        methods[route.method.lower()] = describe_operation(route)
    return made


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
    if "--check" not in sys.argv:
        clients.write()


if __name__ == "__main__":
    main()
