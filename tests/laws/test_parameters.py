"""Query parameters state the limits and values of the contract. Values beyond them are taken as the rulings say."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Desk
from tests.support import contract
from tests.support.api import Api

pytestmark = pytest.mark.engine("embedded")


def _stated(fact: str) -> Iterator[Any]:
    """The operations of API v2 for a person's key with a query parameter that states this fact."""
    document = contract.own_document("/api/v2/queue")
    for path, methods in document["paths"].items():
        named = methods.get("get", {}).get("parameters", [])
        parameters = [contract.resolve_reference(document, each) for each in named]
        for each in parameters:
            if each["in"] == "query" and fact in each["schema"] and path.startswith("/api/v2/") and "{" not in path:
                required = [other for other in parameters if other["required"] and other["in"] == "query"]
                # The lists of the catalog take the queries of API v1, which refuses larger numbers.
                if not required and "operate/catalog" not in path:
                    yield pytest.param(path, each["name"], each["schema"], id=f"{path}-{each['name']}")


@pytest.mark.parametrize(("path", "name", "schema"), list(_stated("maximum")))
def test_a_number_above_the_stated_maximum_counts_as_the_maximum(
    api: Api, desk: Desk, path: str, name: str, schema: dict[str, Any]
) -> None:
    answers = [api.get(f"{path}?{name}={number}", desk.alice_key) for number in (schema["maximum"], 10**9, 0, "many")]
    assert [each.status for each in answers] == [200, 200, 400, 400]
    assert _without_request(answers[0].json) == _without_request(answers[1].json)


@pytest.mark.parametrize(("path", "name", "schema"), list(_stated("enum")))
def test_a_filter_value_that_is_not_stated_finds_nothing(
    api: Api, desk: Desk, path: str, name: str, schema: dict[str, Any]
) -> None:
    for value in schema["enum"]:
        assert api.get(f"{path}?{name}={value}", desk.alice_key).status == 200
    found = api.get(f"{path}?{name}=nothing-of-the-kind", desk.alice_key)
    assert found.status == 200
    data = found.json.get("data", found.json)
    rows = [each for each in data.values() if isinstance(each, list)] if isinstance(data, dict) else [data]
    assert not any(rows)


def _without_request(reply: Any) -> Any:
    return {name: value for name, value in reply.items() if name not in ("requestId", "timestamp")}
