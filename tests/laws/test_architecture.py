"""Rules of the house that a reader would otherwise have to trust."""

import ast
import subprocess
import sys
from inspect import getdoc
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.core.domain.errors import RateLimited, Refusal
from chalicelib.edge.problem import problem_json, status_of
from infra import catalog
from tests.support.api import ROUTES

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
EDGE_BUDGET = 640


def test_every_refusal_has_a_status_and_a_problem_of_its_own() -> None:
    kinds = list(_kinds(Refusal))
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
    for path in (ROOT / "chalicelib").rglob("__init__.py"):
        assert path.read_text(encoding="utf-8") == "", path


# What every function loads is loaded once; each module then in a copy of the process that has loaded no other.
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


def test_a_function_loads_only_its_own_area() -> None:
    modules = sorted({route.function.__module__ for route in ROUTES.values()})
    loading = [sys.executable, "-c", _LOADING, *modules]
    lines = subprocess.run(loading, check=True, capture_output=True, text=True).stdout.splitlines()
    loaded_by = {module: set(loaded) for module, *loaded in map(str.split, lines)}
    assert list(loaded_by) == modules
    for module, loaded in loaded_by.items():
        assert not loaded & {*modules} - {module}, module
        assert not loaded & {"app", "infra", "moto", "aws_lambda_powertools", "cryptography", "werkzeug"}, module


def _kinds(kind: type[Refusal]) -> list[type[Refusal]]:
    return [found for each in kind.__subclasses__() for found in (each, *_kinds(each))]


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
