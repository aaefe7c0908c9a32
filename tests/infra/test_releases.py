"""An update from the last release is one that AWS accepts."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra import package, release
from infra.template import releases
from infra.template.releases import last_release, list_refusals, record
from tests.support.template import made, resolved

_REFUSED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "refused_index_changes.json").read_text(encoding="utf-8")
)


def present() -> dict[str, Any]:
    return copy.deepcopy(record(resolved()))


def test_a_stack_of_the_last_release_can_be_updated() -> None:
    name, before = last_release()
    assert list_refusals(before, present()) == [], f"from {name}: see docs/recipes.md, Change an index"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "two indexes of the catalog at once",
            "CatalogTable: an update can create or delete one index, not 2: list, person",
        ),
        (
            "another projection of the inbox",
            "DeliveriesTable: the index inbox can't change in place; add another one, and remove it a release later",
        ),
    ],
)
def test_changes_of_indexes_that_were_once_made_are_refused(change: str, line: str) -> None:
    """The project made these two changes before anything compared releases. Both would have failed on AWS."""
    before, after = ({"stacks": {}, "tables": _REFUSED[change][each]} for each in ("before", "after"))
    assert list_refusals(before, after) == [line]


def test_one_index_can_be_added_or_removed() -> None:
    tables = _REFUSED["another projection of the inbox"]["before"]
    one = copy.deepcopy(tables)
    del one["DeliveriesTable"]["GlobalSecondaryIndexes"]["due"]
    for before, after in ((tables, one), (one, tables)):
        assert list_refusals({"stacks": {}, "tables": before}, {"stacks": {}, "tables": after}) == []


_DATA = "stacks/Data/resources"
_NEW = {"KeySchema": [], "Projection": ["KEYS_ONLY"]}


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("tables/BoardTable/LocalSecondaryIndexes/new", _NEW, "BoardTable: local indexes exist from the creation"),
        ("tables/BoardTable/KeySchema", [], "BoardTable: the keys of a table can't change"),
        ("tables/BoardTable/types/pk", "N", "BoardTable: the type of the key pk can't change"),
        (f"{_DATA}/BoardTable", "AWS::DynamoDB::Table fluxden-cards", "named fluxden-cards instead of fluxden-board"),
        (f"{_DATA}/BoardTable", "AWS::SQS::Queue fluxden-board", "BoardTable: the type of a resource can't change"),
        (f"{_DATA}/Cards", "AWS::DynamoDB::Table fluxden-board", "fluxden-board exists already, as BoardTable"),
        (
            "stacks/Board/resources/BoardTable",
            "AWS::DynamoDB::Table fluxden-board",
            "fluxden-board exists already, in the stack Data; it can't move to Board",
        ),
        (
            "stacks/Board/resources/PublishEventFunction",
            "AWS::Lambda::Function fluxden-publish_event",
            "fluxden-publish_event exists already, in the stack Inbox; it can't move to Board",
        ),
    ],
)
def test_an_update_that_aws_refuses_is_found(path: str, value: Any, line: str) -> None:
    before, after = present(), present()
    *steps, last = path.split("/")
    at: Any = after
    for step in steps:
        at = at[step]
    at[last] = value
    assert list_refusals(before, before) == []
    assert any(line in each for each in list_refusals(before, after))


def test_a_release_is_recorded_once_and_only_if_it_can_follow_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "FOLDER", tmp_path)
    monkeypatch.setattr(package, "TEMPLATE", tmp_path / "made" / "template.json")
    package.write(made(), package.TEMPLATE)
    older = present()
    older["tables"]["BoardTable"]["KeySchema"] = []
    (tmp_path / "2026-01-01.json").write_text(json.dumps(older), encoding="utf-8")
    refused = CliRunner().invoke(release.main, ["2026-01-02"])
    assert (refused.exit_code, "BoardTable: the keys of a table can't change" in refused.output) == (1, True)
    (tmp_path / "2026-01-01.json").write_text(json.dumps(present()), encoding="utf-8")
    for name, code in (("", 2), ("next", 2), ("2025-12-31", 1), ("2026-01-02", 0), ("2026-01-02", 1)):
        assert CliRunner().invoke(release.main, [name]).exit_code == code, name
    assert last_release() == ("2026-01-02", present())
