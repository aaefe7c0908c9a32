"""Every tool: schemas without references, and the same result however an argument is left out or a number written."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chalicelib.api.mcp.arguments import without_nulls
from chalicelib.api.mcp.calling import KEY_ARGUMENT, Places
from chalicelib.api.mcp.contract import listing
from chalicelib.api.mcp.tools import TOOLS
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.mcp import call_tool, problem_of
from tests.support.sample_data import CANARY, SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS

pytestmark = pytest.mark.engine("embedded")
ENTRIES = {each["tool"]["name"]: each for each in listing()["tools"]}
# Ids and times, which differ from call to call.
_NEW = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|req_[\w-]+|\b[0-9A-HJKMNP-TV-Z]{26}\b")
_LARGEST = 2**53 - 1


class _Tool:
    """A tool with a token and arguments that it accepts, and what they refer to."""

    def __init__(self, api: Api, desk: Desk, name: str) -> None:
        self.api, self.name, self.entry = api, name, ENTRIES[name]
        operation = TOOLS[name].load()
        self.method, self.body, self.places = operation.method, operation.body, Places.of(operation)
        if name == "event_publish":
            given: dict[str, Any] = {
                "event": inputs.new_event(title=CANARY),
                "recipient": {"type": "email", "email": "bob@example.com"},
            }
            self.token = desk.fd1
        else:
            request = SAMPLE_REQUESTS[operation.__name__](SampleData(api, desk))
            given = {**request.query, **(request.body or {}), **request.path}
            # Integrators read with a tools token what their personal tokens sent.
            self.token = desk.bob_key if "ApiKey" in self.entry["callers"] else desk.fd1
        self.arguments = {
            key: int(value) if isinstance(value, str) and self.schema(key).get("type") == "integer" else value
            for key, value in given.items()
        }
        self.snapshot: Snapshot = take_snapshot()

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.entry["tool"]["inputSchema"]["properties"]
        return found

    def schema(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.properties[name]
        return found

    def call(self, arguments: dict[str, Any]) -> Any:
        """Call the tool in the state in which it was prepared."""
        self.snapshot.restore()
        return call_tool(self.api, self.token, self.name, **arguments)

    def outcome(self, arguments: dict[str, Any]) -> str:
        """Return the result without what is new in each."""
        return _NEW.sub("-", json.dumps(self.call(arguments)))


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_TOOLS_BUDGET", "100000")


@pytest.fixture(params=sorted(TOOLS))
def tool(api: Api, desk: Desk, request: pytest.FixtureRequest) -> _Tool:
    return _Tool(api, desk, request.param)


def test_schemas_have_no_references(tool: _Tool) -> None:
    for schema in (tool.entry["tool"]["inputSchema"], tool.entry["tool"]["outputSchema"]):
        assert not re.search(r'"\$(ref|defs|dynamicRef|anchor)"', json.dumps(schema))


def test_a_result_fits_its_schema(tool: _Tool) -> None:
    result = tool.call(tool.arguments)
    Draft202012Validator(tool.entry["tool"]["outputSchema"]).validate(result["structuredContent"])


def test_null_is_the_same_as_leaving_an_optional_argument_out(tool: _Tool) -> None:
    plain = tool.outcome(tool.arguments)
    assert '"isError": false' in plain, plain
    optional = set(tool.properties) - set(tool.arguments)
    # Where something is changed, null clears a member that can be empty.
    nulls = {name: None for name in optional if name in tool.places.query or name == KEY_ARGUMENT}
    nulls |= dict.fromkeys(optional - set(_clearing(tool, optional)))
    assert tool.outcome(tool.arguments | nulls) == plain


def _clearing(tool: _Tool, optional: set[str]) -> dict[str, Any]:
    return without_nulls(tool.body, dict.fromkeys(optional), tool.method) if tool.method == "PATCH" else {}


def test_an_empty_filter_is_the_same_as_none(tool: _Tool) -> None:
    optional = {name: "" for name in tool.places.query if name not in tool.arguments}
    assert tool.outcome(tool.arguments | optional) == tool.outcome(tool.arguments)


def test_whole_floats_are_integers_and_none_is_beyond_the_bounds(tool: _Tool) -> None:
    for path, schema in _integers(tool.entry["tool"]["inputSchema"], tool.arguments):
        least = max(schema.get("minimum", 0), 0)
        whole = tool.outcome(_with(tool.arguments, path, float(least)))
        assert whole == tool.outcome(_with(tool.arguments, path, least)), path
        assert '"isError": false' in whole, (path, whole)
        for wrong in (least + 0.5, _LARGEST + 1, -_LARGEST - 1, 1e30):
            problem = problem_of(tool.call(_with(tool.arguments, path, wrong)))
            assert problem["status"] in (400, 404) if path[0] in tool.places.path else 400, (path, wrong)
            assert problem["status"] == 404 or path[-1] in next(iter(problem["fieldErrors"])), (path, wrong, problem)


def _integers(schema: dict[str, Any], given: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Find the integers in a schema of arguments, as far as the arguments have the objects around them."""
    for name, member in schema.get("properties", {}).items():
        arms = [member, *member.get("anyOf", []), *member.get("oneOf", [])]
        yield from (((name,), each) for each in arms if each.get("type") == "integer")
        if isinstance(given.get(name), dict):
            for arm in arms:
                yield from (((name, *path), each) for path, each in _integers(arm, given[name]))


def _with(arguments: dict[str, Any], path: tuple[str, ...], value: float) -> dict[str, Any]:
    made = copy.deepcopy(arguments)
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


def test_arguments_that_identify_something_say_what(tool: _Tool) -> None:
    for name in tool.places.path:
        assert tool.schema(name)["description"].startswith("The "), name
