"""Rules of the house that a reader would otherwise have to trust."""

import ast
import re
import subprocess
import sys
from inspect import getdoc
from pathlib import Path
from typing import Any, TypeVar

import pytest
import scim2_models
from pydantic import BaseModel

from app import ENTRY_POINTS, app
from chalicelib.core.domain.errors import RateLimited, Refusal
from chalicelib.edge.problem import problem_json, status_of
from infra import catalog
from tests.support.api import ROUTES

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
Class = TypeVar("Class")
EDGE_BUDGET = 795


def test_every_refusal_has_a_status_and_a_problem_of_its_own() -> None:
    kinds = list(_subclasses(Refusal))
    assert len(kinds) > 10
    for kind in kinds:
        more: dict[str, Any] = {"retry_after": 1} if kind is RateLimited else {}
        body = problem_json(kind("Some reason.", **more), "req_1", "/x")
        assert body["status"] == status_of(kind)
        assert (body["detail"], body["code"]) == ("Some reason.", kind.code.replace("-", "_"))
        assert 400 <= status_of(kind) <= 503
        assert body["type"].startswith("https://")


def test_every_operation_tells_what_it_does_and_who_may_call_it() -> None:
    for route in ROUTES.values():
        assert getdoc(route.function), route.__name__
        assert route.answers, route.__name__
        assert route.status in route.answers, route.__name__
        assert route.grants or not (route.callers or route.gate), route.__name__
        assert not (route.callers and route.gate), f"{route.__name__}: either who calls is known by a token, or judged"
        assert len(route.__name__) <= 40
        assert not (route.max_age and route.callers), f"{route.__name__}: what anyone may keep is nobody's own"


def test_functions_have_names_of_their_own() -> None:
    served: list[Any] = [
        *ROUTES.values(),
        *catalog.consumers(app),
        *catalog.schedules(app),
        *dict(catalog.sockets(app)).values(),
    ]
    names = [each.__name__ for each in served]
    assert len(names) == len(set(names))


def test_the_edge_stays_within_its_budget() -> None:
    lines = sum(_code_lines(path) for path in (ROOT / "chalicelib" / "edge").glob("*.py"))
    assert lines <= EDGE_BUDGET


def test_packages_are_empty_so_that_importing_one_module_imports_no_other() -> None:
    root = ROOT / "chalicelib" / "__init__.py"
    for path in (ROOT / "chalicelib").rglob("__init__.py"):
        text = path.read_text(encoding="utf-8")
        assert text == "" or (path == root and "chalicelib" not in text), path


# Entry points are found by the tests of their areas, and modules named `ports` hold only protocols.
_TESTED_BY_AREA = {"api", "queues", "schedules", "sockets"}
_LARGER_MODULE_LINES = 80


def test_every_larger_module_has_tests_that_are_found_by_its_name() -> None:
    """`chalicelib/tasks/stores/queue.py` is tested in `tests/tasks/test_queue.py` or `test_queue_<more>.py`."""
    missing = []
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        *folders, _ = path.relative_to(ROOT / "chalicelib").parts
        area = [each for each in folders if each not in {"domain", "services", "stores", "gateways"}] or ["core"]
        if area[0] in _TESTED_BY_AREA or path.stem == "ports":
            continue
        if len(path.read_text(encoding="utf-8").splitlines()) > _LARGER_MODULE_LINES:
            tests = ROOT.joinpath("tests", *area)
            if not any((*tests.glob(f"test_{path.stem}.py"), *tests.glob(f"test_{path.stem}_*.py"))):
                missing.append(f"{path.relative_to(ROOT)}: add {tests.relative_to(ROOT)}/test_{path.stem}.py")
    assert missing == []


# The modules that every function loads are loaded once; each entry point then loads in a copy of that process.
_LOADING = """
import os, sys
from importlib import import_module
import chalicelib.edge.route
for module in sys.argv[1:]:
    if not (child := os.fork()):
        import_module(module)
        print(module, *sys.modules, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, module
"""
# Packages of `chalicelib` beside the areas, and the areas that every entry point may load.
_BESIDE_AREAS = {"api", "edge", "queues", "schedules", "sockets", "telemetry"}
_EVERYWHERE = {"core", "people", "tokens"}


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules that each entry point loads."""
    modules = [f"chalicelib.{module}" for served in ENTRY_POINTS.values() for module in served]
    loading = [sys.executable, "-c", _LOADING, *modules]
    lines = subprocess.run(loading, check=True, capture_output=True, text=True).stdout.splitlines()
    by_module = {module: set(names) for module, *names in map(str.split, lines)}
    assert list(by_module) == modules
    return by_module


def test_models_are_built_when_they_are_first_used() -> None:
    for model in _subclasses(BaseModel):
        # `scim2_models` reads the fields of its models when they are defined.
        is_own = not issubclass(model, scim2_models.BaseModel)
        if model.__module__.startswith("chalicelib.") and "[" not in model.__name__ and is_own:
            assert model.model_config.get("defer_build"), f"{model.__module__}.{model.__name__}"


def test_errors_of_models_do_not_repeat_the_input_which_would_be_logged() -> None:
    for model in _subclasses(BaseModel):
        if model.__module__.startswith("chalicelib.") and "[" not in model.__name__:
            assert model.model_config.get("hide_input_in_errors"), f"{model.__module__}.{model.__name__}"


def test_all_log_with_one_logger_whose_lines_have_the_ids_of_the_call() -> None:
    for path in (ROOT / "chalicelib").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"getLogger\((.*?)\)", text):
            assert name in {'"fluxden"', "LOGGER", "logs.LOGGER"}, path
        assert not re.search(r"\blog\.\w+\(\s*(json\.dumps|f\")", text), f"{path}: pass fields as `extra`"


def test_every_entry_point_is_served() -> None:
    package = ROOT / "chalicelib"
    found = [
        path.relative_to(package).with_suffix("").as_posix().replace("/", ".")
        for path in package.rglob("*.py")
        if re.search(r"^bp\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(found) == sorted(module for served in ENTRY_POINTS.values() for module in served)


def test_a_function_loads_no_other_entry_point_and_no_tool(loaded: dict[str, set[str]]) -> None:
    for module, names in loaded.items():
        assert not names & {*loaded} - {module}, module
        assert not names & {"app", "infra", "moto", "werkzeug"}, module
        assert ".api." not in module or not names & {"aws_lambda_powertools", "cryptography"}, module


def test_a_function_loads_the_areas_it_declares_and_no_other(loaded: dict[str, set[str]]) -> None:
    for area, served in ENTRY_POINTS.items():
        for module, others in served.items():
            areas = {_area(name) for name in loaded[f"chalicelib.{module}"]} - {None}
            assert areas - _EVERYWHERE == {area, *others.split()} - _EVERYWHERE, module


def _area(module: str) -> str | None:
    """The area that a module belongs to; a part of federation is one of its own."""
    match module.split("."):
        case ["chalicelib", "federation", part, _, *_]:
            return f"federation.{part}"
        case ["chalicelib", area, _, *_] if area not in _BESIDE_AREAS | {"federation"}:
            return area
    return None


def _subclasses(kind: type[Class]) -> list[type[Class]]:
    return [found for each in kind.__subclasses__() for found in (each, *_subclasses(each))]


def _code_lines(path: Path) -> int:
    """Lines of code besides imports, docstrings, comments and blank ones."""
    text = path.read_text(encoding="utf-8")
    left_out = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    numbered = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in numbered if line.strip() and line.strip()[0] != "#" and number not in left_out)
