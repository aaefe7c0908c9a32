"""Integers: `5.0` is one, none is larger than 2^53 - 1, and queries take digits only, at every operation."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from tests.conftest import Desk
from tests.support import contract
from tests.support.api import ROUTES, Api
from tests.support.mcp import call_tool

pytestmark = pytest.mark.engine("embedded")


def _models(hint: Any, met: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel) and hint not in met:
        met.add(hint)
        yield hint
        for field in hint.model_fields.values():
            yield from _models(field.annotation, met)
    for arm in get_args(hint):
        yield from _models(arm, met)


def _integers() -> Iterator[Any]:
    met: set[type[BaseModel]] = set()
    for route in ROUTES.values():
        for model in _models(route.body, met):
            for name, schema in model.model_json_schema().get("properties", {}).items():
                if "integer" in (schema.get("type"), *(each.get("type") for each in schema.get("anyOf", []))):
                    yield pytest.param(model, name, id=f"{model.__name__}.{name}")


def _errors(model: type[BaseModel], name: str, text: str) -> list[str]:
    """Return the kinds of errors of this member, when it is the only one."""
    try:
        model.model_validate_json(f'{{"{name}": {text}}}')
    except ValidationError as error:
        return [each["type"] for each in error.errors() if each["loc"] == (name,)]
    return []


@pytest.mark.parametrize(("model", "name"), list(_integers()))
def test_a_body_takes_whole_floats_and_no_integer_beyond_the_bounds(model: type[BaseModel], name: str) -> None:
    assert _errors(model, name, "5.0") == _errors(model, name, "5") == []
    for text in ("5.5", "9007199254740992", "-9007199254740992", "1e30", '"5"', "true"):
        assert _errors(model, name, text), text


@pytest.mark.parametrize("path", ["/api/v1/inbox", "/api/v2/queue", "/scim/v2/Users"])
def test_a_document_states_bounds_in_the_words_of_json_schema(path: str) -> None:
    """Pydantic leaves `ge` as it is where a constraint comes after `WHOLE`."""
    text = json.dumps(contract.own_document(path))
    assert re.findall(r'"(?:ge|le|gt|lt|multiple_of|min_length|max_length)": [^{]', text) == []


def _query_integers() -> Iterator[Any]:
    models = {route.annotations["query"] for route in ROUTES.values() if "query" in route.annotations}
    for model in sorted(models, key=lambda each: (each.__name__, each.__module__)):
        for name, schema in model.model_json_schema().get("properties", {}).items():
            if "integer" in (schema.get("type"), *(each.get("type") for each in schema.get("anyOf", []))):
                yield pytest.param(model, name, id=f"{model.__name__}.{name}")


def _query_errors(model: type[BaseModel], name: str, text: str) -> list[str]:
    try:
        model.model_validate_strings({name: text})
    except ValidationError as error:
        return [each["type"] for each in error.errors() if each["loc"] == (name,)]
    return []


@pytest.mark.parametrize(("model", "name"), list(_query_integers()))
def test_a_query_takes_whole_numbers_within_the_bounds(model: type[BaseModel], name: str) -> None:
    assert (
        _query_errors(model, name, "5.0") == _query_errors(model, name, "5") == _query_errors(model, name, "05") == []
    )
    for text in ("5.5", "9007199254740992", "-9007199254740992", "9" * 5000, "9007199254740992.0", "1e3", "", "٣"):
        assert _query_errors(model, name, text), text


@pytest.mark.parametrize("path", ["/api/v1/inbox", "/api/v2/queue", "/api/v2/contacts", "/api/v2/shared-chat/messages"])
@pytest.mark.parametrize("text", ["1_0", "%201", "1%20", "0x1", "1e1", "5.5", "", "%EF%BC%91"])
def test_a_query_takes_digits_only(api: Api, desk: Desk, path: str, text: str) -> None:
    assert api.get(f"{path}?limit={text}", desk.alice_key).status == 400


def test_rest_and_tools_take_the_same_integers(api: Api, desk: Desk) -> None:
    assert api.post("/api/v2/kanban", {"title": "x", "order": 5.0}, desk.alice_key).json["data"]["order"] == 5
    assert not call_tool(api, desk.alice_key, "card_create", title="y", order=5.0).get("isError")
    assert not call_tool(api, desk.alice_key, "task_list", limit=10.0).get("isError")
    assert call_tool(api, desk.alice_key, "task_list", limit=10.5)["isError"]
