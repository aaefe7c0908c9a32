"""The stacks that a desk consists of, and that they can grow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import app
from infra import catalog, package, queues, tables
from infra.template.build import templates
from infra.template.names import pascal
from infra.template.resolved import PARAMETER_SETS, resolve_all
from infra.template.rules import list_violations
from infra.template.stacks import DATA, GATEWAYS, LATER_STACKS, MOST_RESOURCES, Part, Templates, Unknown, nest
from infra.template.stores import stores
from tests.support.made_up_operations import MODULES, OPERATIONS
from tests.support.started_desk import ROOT
from tests.support.template import chalice_template, made

pytestmark = pytest.mark.engine("embedded")

_HOLD_DATA = {"AWS::DynamoDB::Table", "AWS::SQS::Queue"}


def of_type(template: dict[str, Any], kind: str) -> set[str]:
    return {name for name, each in template["Resources"].items() if each["Type"] == kind}


def test_there_is_a_stack_for_data_one_for_gateways_and_one_for_each_area() -> None:
    areas = {
        pascal(area) + (str(number) if (number := LATER_STACKS.get(module, 1)) > 1 else "")
        for module, area in catalog.areas().items()
    }
    assert made().nested.keys() == {DATA, GATEWAYS, *areas}
    for name, template in made().nested.items():
        kinds = {each["Type"] for each in template["Resources"].values()}
        assert (kinds == _HOLD_DATA) == (name == DATA), name
        assert bool(kinds & _HOLD_DATA) == (name == DATA), name
        assert ("AWS::Lambda::Function" in kinds) == (name not in {DATA, GATEWAYS}), name
    assert {each["Type"] for each in made().root["Resources"].values()} == {"AWS::CloudFormation::Stack"}


def test_no_stack_is_above_its_limit() -> None:
    for template in (made().root, *made().nested.values()):
        assert len(template["Resources"]) <= MOST_RESOURCES


def test_functions_come_after_the_queues_that_call_them() -> None:
    for name, each in made().root["Resources"].items():
        assert (DATA in each.get("DependsOn", [])) == (name not in {DATA, GATEWAYS})


def test_a_stack_declares_exactly_the_parameters_that_it_is_given() -> None:
    for name, each in made().root["Resources"].items():
        assert each["Properties"]["Parameters"].keys() == made().nested[name]["Parameters"].keys()
        # A value that is known only after the deployment would fail a pattern before it.
        assert all(declared.keys() == {"Type"} for declared in made().nested[name]["Parameters"].values())


def test_a_module_without_an_area_is_an_error() -> None:
    areas = catalog.areas()
    del areas["api.v1.events"]
    with pytest.raises(Unknown, match=r"api\.v1\.events belongs to no area"):
        templates(app, chalice_template(), areas)


def build(folder: Path, *area: str) -> tuple[Templates, Templates]:
    """Return the templates without and with 200 made-up operations. They are added in a process of their own."""
    command = [sys.executable, "-m", "tests.support.made_up_operations", str(folder), *area]
    subprocess.run(command, cwd=ROOT, check=True)
    before, after = (package.read(folder / each / package.TEMPLATE.name) for each in ("before", "after"))
    return before, after


@pytest.mark.parametrize("area", ["", "operate"], ids=["in every area", "in the largest area"])
def test_two_hundred_more_operations_fit_and_move_no_function(area: str, tmp_path: Path) -> None:
    before, after = build(tmp_path, *([area] if area else []))
    assert len(after.list_resources().keys() - before.list_resources().keys()) > MODULES * OPERATIONS * 2
    for name, template in before.nested.items():
        kept = of_type(template, "AWS::Lambda::Function")
        assert kept <= of_type(after.nested[name], "AWS::Lambda::Function")
    for parameters in PARAMETER_SETS:
        assert list_violations(resolve_all(after, parameters)) == []
    if not area:
        lint(tmp_path)


def lint(folder: Path) -> None:
    """Lint the root and the smallest stack that has made-up operations.

    They have the same resources in every stack, and `make package` lints what the stacks had before.
    """
    root, before = (folder / each / package.TEMPLATE.name for each in ("after", "before"))
    grown = [
        path
        for path in root.with_name(package.STACKS).glob("*.json")
        if path.name not in (f"{DATA}.json", f"{GATEWAYS}.json")
        and path.read_bytes() != before.with_name(package.STACKS).joinpath(path.name).read_bytes()
    ]
    files = map(str, (root, min(grown, key=lambda path: (path.stat().st_size, path.name))))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--template", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_five_times_as_many_tables_and_queues_fit_into_the_stack_of_data() -> None:
    """So no table ever has to move to another stack, where it would be a new and empty one."""
    resources: dict[str, Any] = {}
    for number in range(5):
        text = json.dumps(stores())
        for name in stores():
            text = text.replace(f'"{name}"', f'"{name}{number}"')
        resources |= json.loads(text)
    assert len(resources) == 5 * (len(tables.DEFINITIONS) + 2 * len(queues.DEFINITIONS)) <= MOST_RESOURCES
    grown = nest({DATA: Part(resources, {})}, made().root["Parameters"], made().nested[DATA]["Conditions"])
    # The copies have one name each, which is no matter of their stack.
    lines = [line for line in list_violations(resolve_all(grown, PARAMETER_SETS[1])) if line.startswith(DATA)]
    assert lines == []
    # Other stacks refer to tables by name, so the number of outputs limits nothing.
    assert "Outputs" not in made().nested[DATA]
