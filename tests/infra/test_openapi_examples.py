"""The examples of the OpenAPI documents: they stand where the contracts have some, fit, and can be sent."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from pydantic import TypeAdapter

from infra.editions import EDITIONS, Edition, edition_of
from infra.openapi_examples import EXAMPLE_TIME
from tests.conftest import Desk
from tests.support.api import ROUTES, Api
from tests.support.contract import own_document, validator

_JSON = "content/application~1json"
_PROBLEM = "content/application~1problem+json"
# Where the contracts have examples, as JSON pointers.
_PLACES = {
    "v1": [
        "components/parameters/IdempotencyKeyHeader/example",
        "components/schemas/Locale/example",
        "components/schemas/InboundEvent/properties/event_type/example",
        "components/schemas/InboundEvent/example",
        "components/schemas/Health/properties/version/example",
        *(f"components/responses/{each}/{_PROBLEM}/example" for each in ("Unauthorized", "Forbidden")),
        f"components/responses/ValidationFailed/{_PROBLEM}/example",
    ],
    "v2": [
        "components/schemas/ErrorResponse/properties/success/example",
        f"paths/~1queue/get/responses/200/{_JSON}/example",
        *(
            f"paths/~1queue~1{{id}}~1{each}/post/requestBody/{_JSON}/example"
            for each in ("result", "status", "confirm")
        ),
        f"paths/~1settings/get/responses/200/{_JSON}/example",
        f"paths/~1settings/patch/requestBody/{_JSON}/example",
        f"paths/~1shared-chat~1send/post/requestBody/{_JSON}/example",
        f"paths/~1shared-chat~1messages/get/responses/200/{_JSON}/example",
        f"paths/~1connections/get/responses/200/{_JSON}/example",
        f"paths/~1connections/post/responses/200/{_JSON}/example",
        *(
            f"paths/~1relay/post/responses/200/{_JSON}/examples/{each}/value"
            for each in (
                "newTask",
                "duplicate",
                "ambientFiltered",
                "ambientAccepted",
                "fallback",
                "scopeResolved",
                "scopeDropped",
            )
        ),
    ],
}
_editions = pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.file.stem)


def _document(edition: Edition) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(edition.file.read_text(encoding="utf-8"))
    return found


def at_present(value: Any, now: datetime) -> Any:
    """Move the times of an example as the documentation page does."""
    passed = now - datetime.fromisoformat(EXAMPLE_TIME)
    match value:
        case dict():
            return {name: at_present(each, now) for name, each in value.items()}
        case list():
            return [at_present(each, now) for each in value]
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
            return (datetime.fromisoformat(value) + passed).isoformat()
        case str():
            return re.sub(r"\d{8}T\d{6}Z", lambda found: _compact(found[0], passed), value)
    return value


def _compact(text: str, passed: timedelta) -> str:
    return f"{datetime.strptime(text, '%Y%m%dT%H%M%S%z') + passed:%Y%m%dT%H%M%SZ}"


@_editions
def test_there_is_an_example_wherever_the_contract_has_one(edition: Edition) -> None:
    for place in _PLACES.get(edition.file.stem, []):
        steps = [step.replace("~1", "/") for step in place.split("/")]
        found = reduce(lambda node, step: node[step], steps, _document(edition))
        assert found not in (None, "", {}), place


def _examples(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Return each example of a document with its schema."""
    match node:
        case _ if place.endswith(".properties"):
            pass
        case {"schema": schema, "examples": dict(examples)}:
            yield from ((f"{place}.{name}", schema, each["value"]) for name, each in examples.items())
        case {"schema": schema, "example": example}:
            yield place, schema, example
        case {"type": _, "example": example}:
            yield place, {name: each for name, each in node.items() if name != "example"}, example
    if isinstance(node, dict):
        for name, each in node.items():
            yield from _examples(each, f"{place}.{name}") if name not in {"example", "examples"} else ()
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from _examples(each, f"{place}[{number}]")


@_editions
def test_every_example_fits_its_schema(edition: Edition) -> None:
    document = own_document(edition.prefixes[0])
    found = list(_examples(document))
    assert len(found) >= len(_PLACES.get(edition.file.stem, []))
    for place, schema, example in found:
        errors = [error.message for error in validator(document, schema).iter_errors(example)]
        assert errors == [], place


@_editions
def test_every_operation_that_requires_a_body_of_the_contract_has_an_example_that_is_accepted(edition: Edition) -> None:
    document = own_document(edition.prefixes[0])
    accepted, own = 0, [key for key in ROUTES if edition_of(key[1]) is edition]
    for method, path in own:
        route = ROUTES[method, path]
        body = document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {})
        example = body.get("content", {}).get("application/json", {}).get("example")
        if example is not None and route.body is not None:
            TypeAdapter(route.body).validate_json(json.dumps(at_present(example, datetime.now(UTC))))
            accepted += 1
    assert accepted > (12 if edition.file.stem in _PLACES else len([each for each in own if ROUTES[each].body]) - 1)


@pytest.mark.parametrize("name", ["publish_event", "publish_bulk"])
def test_an_example_can_be_sent_as_the_page_sends_it(api: Api, desk: Desk, name: str) -> None:
    route = next(route for route in ROUTES.values() if route.__name__ == name)
    body = own_document(route.path)["paths"][route.path]["post"]["requestBody"]["content"]["application/json"]
    token = {"publish_event": desk.alice, "publish_bulk": desk.fd1}[name]
    sent = at_present(body["example"], datetime.now(UTC))
    assert api.post(route.path, sent, token).status == 202
