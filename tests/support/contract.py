"""Check responses against the contracts and our OpenAPI documents."""

import json
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from infra.editions import edition_of

DATA = Path(__file__).parents[1] / "data"
# The facts of each contract, and the prefix of its paths.
CONTRACTS = {"v1": (DATA / "fluxdesk-v1.facts.json", ""), "v2": (DATA / "dividen-v2.facts.json", "/api/v2")}


def contract_facts(path: str) -> dict[str, Any]:
    """Return the facts of the contract that covers `path`, by our paths. `nullable` becomes a null type."""
    return _facts(edition_of(path).file.stem)


@cache
def _facts(name: str) -> dict[str, Any]:
    if name not in CONTRACTS:
        return {"paths": {}}
    file, root = CONTRACTS[name]
    found: dict[str, Any] = _with_nulls(_read(file))
    return found | {"paths": {_own_path(path, root): methods for path, methods in found["paths"].items()}}


def _own_path(path: str, root: str) -> str:
    """Return the path as our document spells it. Names of path parameters may differ."""
    full = path if path.startswith("/api/") else f"{root}{path}"
    shape = re.sub(r"{\w+}", "{}", full)
    return next((each for each in own_document(full)["paths"] if re.sub(r"{\w+}", "{}", each) == shape), full)


def own_document(path: str) -> dict[str, Any]:
    """Return our document that describes `path`, with whole paths. `nullable` becomes a null type."""
    return _own(edition_of(path).file)


@cache
def _own(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = _with_nulls(_read(file))
    return found | {"paths": whole_paths(found)}


def with_whole_paths(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with whole paths and one server, for tools that replace the URLs of servers."""
    return document | {"servers": [{"url": "/"}], "paths": whole_paths(document)}


def whole_paths(document: dict[str, Any]) -> dict[str, Any]:
    """Return the operations of a document by whole paths: each follows the URL of its server."""
    return {
        methods.get("servers", document["servers"])[0]["url"].rstrip("/") + path: {
            method: operation for method, operation in methods.items() if method != "servers"
        }
        for path, methods in document["paths"].items()
    }


@cache
def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def check_response(method: str, path: str, status: int, media_type: str, body: bytes) -> None:
    """Fail unless our document has this response, and both schemas accept its body."""
    document, wanted = own_document(path), contract_facts(path)
    answer = document["paths"][path][method.lower()]["responses"].get(str(status))
    assert answer is not None, f"{method} {path} answered an undocumented {status}: {body!r}"
    answer = resolve_reference(document, answer)
    if "content" not in answer:
        assert not body, f"{method} {path} answered {status} with a body"
        return
    assert any(fnmatch(media_type, each) for each in answer["content"]), (
        f"{method} {path} answered {status} as {media_type}"
    )
    documents = [(document, answer)]
    theirs = wanted["paths"].get(path, {}).get(method.lower(), {}).get("responses", {}).get(str(status))
    if theirs is not None:
        documents.append((wanted, resolve_reference(wanted, theirs)))
    for document, response in documents:
        schema = response.get("content", {}).get(media_type, {}).get("schema")
        if schema is not None:
            validator(document, schema).validate(json.loads(body))


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        schema | {"components": document["components"]}, format_checker=FormatChecker(["date-time", "email", "uuid"])
    )


def resolve_reference(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        _, section, group, name = node["$ref"].split("/")
        node = document[section][group][name]
    return node


def path_template(path: str) -> str:
    """Return the document's path that `path` is an instance of."""
    plain = path.partition("?")[0]
    templates: list[str] = sorted(own_document(path)["paths"], key=lambda each: each.count("{"))
    return next(each for each in templates if re.fullmatch(re.sub(r"{\w+}", "[^/]+", each), plain))


def _with_nulls(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_nulls(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _with_nulls(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made
