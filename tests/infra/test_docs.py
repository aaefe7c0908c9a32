"""The generated pages of docs/."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from app import app
from chalicelib.settings import settings
from infra import admin, catalog
from infra.docs import architecture, commands, operations, retries, store_calls
from infra.docs import settings as settings_page
from infra.docs.__main__ import documents
from infra.docs.markdown import table
from infra.template.settings import SECRET_KEY, SECRET_KEY_ID, SETTINGS

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
ROUTES = list(catalog.routes(app))


def test_committed_pages_are_up_to_date() -> None:
    for path, text in documents().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date. Run: make docs"


def test_every_operation_is_listed_with_its_callers() -> None:
    text = operations.render(ROUTES)
    for route in ROUTES:
        (row,) = (line for line in text.splitlines() if f"| `{route.__name__}` |" in line)
        assert f"`{route.method} {route.path}`" in row
    assert "| `GET /api/v1/health` | `get_health` | nothing |  |" in text
    assert "| `POST /api/v1/events` | `publish_event` | personal token |  |" in text


def test_every_command_is_listed_with_its_options() -> None:
    text = commands.render(admin.main)
    for path, command in _commands("", admin.main):
        (row,) = (line for line in text.splitlines() if re.match(rf"\| `{path.strip()}[ `]", line))
        for option in command.params:
            assert not isinstance(option, click.Option) or option.opts[-1] in row


def test_every_retry_ladder_is_listed_with_its_waits() -> None:
    text = retries.render()
    assert (
        "| 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h | after 10 attempts | `CONNECTION_NOTICE_RETRIES` |"
        in text
    )
    assert "| 30 s, 2 min, 10 min, 1 h | after 73 h; the last wait repeats until then | `RELAY_RETRIES` |" in text


def test_an_operation_without_counts_is_an_error() -> None:
    with pytest.raises(ValueError, match="no counts of"):
        store_calls.render(ROUTES, {})


def test_every_environment_variable_that_the_code_reads_is_a_setting() -> None:
    documented = {*SETTINGS, SECRET_KEY, SECRET_KEY_ID, *(each.name for each in settings_page.LOCAL_SETTINGS)}
    found = {name for file in (ROOT / "chalicelib").rglob("*.py") for name in _variables(file)}
    found |= {name for file in (ROOT / "infra").rglob("*.py") for name in _variables(file)}
    assert found == {name for name in documented if name.startswith("FLUXDEN_")}
    text = settings_page.render()
    assert [name for name in documented if f"| `{name}` |" not in text] == []


def test_defaults_of_the_template_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    fields = dict(vars(settings()))
    local = {each.name for each in settings_page.LOCAL_SETTINGS}
    for field, value in {**fields.pop("kept_days"), **fields}.items():
        if f"FLUXDEN_{field.upper()}" in local:
            continue
        setting = SETTINGS.get(field) or SETTINGS.get(f"FLUXDEN_{field.upper()}") or SETTINGS[field.upper()]
        assert setting.default == (str(int(value)) if isinstance(value, int) else value), field


def test_the_picture_shows_every_area_and_is_valid_xml() -> None:
    text = architecture.render(architecture.read_imports())
    ElementTree.fromstring(text)
    for name in (*architecture.POSITIONS, *architecture.ENTRY_POINTS, architecture.CORE):
        assert f">{name}</text>" in text


def test_the_picture_marks_an_import_against_the_order() -> None:
    layers = dict.fromkeys((architecture.CORE, *architecture.POSITIONS), ("domain",))
    imports = dict.fromkeys(layers, frozenset[str]())
    right = architecture.Architecture(layers, imports | {"tasks": frozenset({"inbox"})})
    assert "arrow wrong" not in architecture.render(right)
    wrong = architecture.Architecture(layers, imports | {"inbox": frozenset({"tasks"})})
    assert "arrow wrong" in architecture.render(wrong)


def test_an_area_without_a_place_in_the_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="news"):
        architecture.render(architecture.Architecture({"news": ()}, {}))


def test_imports_that_a_longer_path_implies_are_left_out() -> None:
    imports = {"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset[str]()}
    assert architecture.reduce_imports(imports) == imports | {"a": frozenset({"b"})}


def test_the_picture_has_the_order_of_the_import_contracts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {each["name"]: each for each in project["tool"]["importlinter"]["contracts"]}
    layers = contracts["Areas, from the outermost inwards"]["layers"][1:-1]
    ranks = {name: rank for rank, layer in enumerate(layers) for name in layer.replace(" ", "").split("|")}
    ordered = sorted(architecture.POSITIONS, key=lambda name: ranks[f"chalicelib.{name.partition('.')[0]}"])
    rows = [architecture.POSITIONS[name][0] for name in ordered]
    assert rows == sorted(rows)


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")]
    for page in pages:
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "index.md" or f"]({name})" in index, name
    decisions = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "decisions").glob("0*.md"):
        assert f"]({page.name})" in decisions, page.name


def test_links_between_pages_lead_to_files() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_a_table_escapes_bars_and_line_breaks() -> None:
    assert table(("A", "B"), [("x | y", "two\nlines")]) == "| A | B |\n| --- | --- |\n| x \\| y | two lines |"


def _variables(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch("FLUXDEN_[A-Z_]+", node.value)
        ):
            yield node.value


def _commands(path: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(f"{path} {name}", command)
        else:
            yield f"{path} {name}", command
