"""The examples of the OpenAPI documents, from infra/examples.

Examples were written for one moment, which the document states as `x-example-time`. The documentation page moves their
times by what has passed since then, also times inside ids (`20260601T090000Z`), so that they can be sent as they stand.
"""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("examples")
EXAMPLE_TIME = "2026-06-01T09:00:00Z"


def add_examples(document: dict[str, Any], edition: str) -> dict[str, Any]:
    """Return the document with the examples of this edition, such as `v1`.

    Raises:
        KeyError: an example belongs to something that the document does not have.
    """
    examples = json.loads((_FOLDER / f"{edition}.json").read_text(encoding="utf-8"))
    components = document["components"]
    for place, value in examples["schemas"].items():
        name, _, member = place.partition(".")
        schema = components["schemas"][name]
        (schema["properties"][member] if member else schema)["example"] = value
    for name, value in examples["parameters"].items():
        components["parameters"][name]["example"] = value
    for name, value in examples["refusals"].items():
        _only_content(components["responses"][name])["example"] = value
    operations = _operations(document)
    for name, body in examples["bodies"].items():
        operations[name]["requestBody"]["content"]["application/json"]["example"] = body
    for name, responses in examples["responses"].items():
        for status, body in responses.items():
            content = operations[name]["responses"][status]["content"]["application/json"]
            if body.keys() == {"examples"}:
                content["examples"] = {key: {"value": value} for key, value in body["examples"].items()}
            else:
                content["example"] = body
    return document | {"x-example-time": EXAMPLE_TIME}


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict)
    }


def _only_content(response: dict[str, Any]) -> dict[str, Any]:
    (content,) = response["content"].values()
    found: dict[str, Any] = content
    return found
