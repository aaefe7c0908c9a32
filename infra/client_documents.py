"""The OpenAPI documents as the clients are generated from them: whole paths, and only operations for programs."""

import json
from typing import Any

from infra.editions import EDITIONS

VERSIONS = ("v1", "v2")
# For clients of the Model Context Protocol, and for pages of a browser.
NOT_FOR_CLIENTS = {
    *("call_mcp", "open_mcp_stream"),
    *("sign_in", "start_sign_in", "finish_sign_in", "sign_in_with_passkey", "ask_to_sign_in"),
}


def prepared_documents() -> dict[str, dict[str, Any]]:
    """Return the documents by version, as the generators of both clients take them."""
    files = {each.file.stem: each.file for each in EDITIONS}
    return {each: prepare(json.loads(files[each].read_text(encoding="utf-8"))) for each in VERSIONS}


def prepare(document: dict[str, Any]) -> dict[str, Any]:
    """Write each path whole, leave out what is not for programs, and allow members that a newer desk may add."""
    base = document["servers"][0]["url"].rstrip("/")
    paths = {}
    for path, members in document["paths"].items():
        operations = {name: each for name, each in members.items() if name != "servers" and is_for_clients(each)}
        if operations:
            paths[path if "servers" in members else base + path] = operations
    servers = [{"url": "https://desk.example"}]
    prepared: dict[str, Any] = _open(document | {"paths": paths, "servers": servers})
    return prepared


def is_for_clients(operation: dict[str, Any]) -> bool:
    """Streams, files and redirects have no typed reply."""
    answers = {status: each for status, each in operation["responses"].items() if status.startswith("2")}
    contents = [each["content"] for each in answers.values() if "content" in each]
    is_json = all(set(each) == {"application/json"} for each in contents)
    return bool(answers) and is_json and operation["operationId"] not in NOT_FOR_CLIENTS


def _open(node: Any) -> Any:
    """Remove what closes an object, and what is said about choices beside them."""
    if isinstance(node, list):
        return [_open(each) for each in node]
    if not isinstance(node, dict):
        return node
    if all("$ref" in each for each in node.get("oneOf", [{}])):
        # What is said beside it sums up the choices, and makes a class of each that contradicts its base.
        node = {name: each for name, each in node.items() if name in {"oneOf", "description"}}
    return {name: _open(each) for name, each in node.items() if not _closes(name, each)}


def _closes(name: str, value: Any) -> bool:
    if name == "discriminator":
        return isinstance(value, dict) and "propertyName" in value
    return name == "additionalProperties" and value is False
