"""Paths of errors: every path is a place in the input, whatever unions lie on the way."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from chalicelib.chat.domain.client_frames import ClientFrame
from chalicelib.core.domain.error_paths import to_path
from chalicelib.edge.problem import to_invalid
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

pytestmark = pytest.mark.engine("embedded")


class _Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["leaf"]
    leaf: int


class _Branch(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["branch"]
    branch: "list[Annotated[_Leaf | _Branch, Field(discriminator='kind')]]"
    named: "dict[str, Annotated[_Leaf | _Branch, Field(discriminator='kind')] | None]" = Field(
        default_factory=dict, alias="theNamed"
    )


_TREES: TypeAdapter[Any] = TypeAdapter(Annotated[_Leaf | _Branch, Field(discriminator="kind")])


def _exists(path: list[int | str], value: Any) -> bool:
    """Whether all but the last part of a path lead through the value; the last may name a missing member."""
    for part in path[:-1]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


_leaves = st.fixed_dictionaries({"kind": st.just("leaf")}, optional={"leaf": st.integers() | st.text(), "x": st.none()})
_trees = st.recursive(
    _leaves,
    lambda inner: st.fixed_dictionaries(
        {"kind": st.just("branch"), "branch": st.lists(inner, max_size=3)},
        optional={"theNamed": st.dictionaries(st.sampled_from(["leaf", "branch", "kind"]), inner), "leaf": st.none()},
    ),
)


@given(_trees)
def test_every_path_leads_through_the_input(tree: Any) -> None:
    try:
        _TREES.validate_python(tree)
    except ValidationError as error:
        for each in error.errors():
            path = to_path(each["loc"], _TREES.core_schema)
            assert path
            assert _exists(path, tree), (path, each)


def test_frames_and_filters_have_paths_without_tags(api: Api, desk: Desk) -> None:
    with pytest.raises(ValidationError) as refused:
        ClientFrame.validate_json('{"action": "send"}')
    assert list(to_invalid(refused.value, ClientFrame.core_schema).fields) == ["content"]
    filters = {"relayTopicFilters": [{"topic": ""}, ""]}
    reply = api.call("PATCH", "/api/v2/profile", filters, token=desk.alice_key)
    assert reply.status == 400
    assert reply.json["error"].startswith("relayTopicFilters.0.topic: ")


_ADAPTER: TypeAdapter[Any] = TypeAdapter(
    Annotated[
        Annotated[int, Tag("number")] | Annotated[list[int], Tag("list")],
        Discriminator(lambda given: "list" if isinstance(given, list) else "number"),
    ]
)


def test_error_of_the_value_itself_has_no_path() -> None:
    with pytest.raises(ValidationError) as refused:
        _ADAPTER.validate_python("x")
    assert to_path(refused.value.errors()[0]["loc"], _ADAPTER.core_schema) == []


def test_an_error_of_a_name_in_a_mapping_has_the_path_of_its_member() -> None:
    named: TypeAdapter[Any] = TypeAdapter(dict[str, dict[Annotated[str, Field(max_length=3)], int]])
    with pytest.raises(ValidationError) as error:
        named.validate_python({"[key]": {"[key]": 1, "ok": "x"}})
    found = [to_path(each["loc"], named.core_schema) for each in error.value.errors()]
    assert found == [["[key]", "[key]"], ["[key]", "ok"]]


@pytest.mark.parametrize("name", [" ", "a\nb", "x" * 81])
def test_a_label_needs_a_name_in_one_line(api: Api, desk: Desk, name: str) -> None:
    refused = api.post("/api/v1/events", inputs.new_event(labels={name: "x"}), desk.alice)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [f"labels.{name}"])
