"""A container for one function loads what its function loads, and a server of the standard library."""

import subprocess
import sys
from pathlib import Path

import pytest

from app import ENTRY_POINTS, app
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from infra.template.entry_points import EntryPoint, list_entry_points
from tests.laws.test_architecture import _EVERYWHERE, _area

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
FUNCTIONS = {each.name: each for each in list_entry_points(app) if isinstance(each.source, Route | Consumer | Schedule)}
# The functions of a module are found in a copy of a process that has loaded the server, one after another: what one of
# them loads is there for the next, so whatever any of them loads too much is found.
_LOADING = """
import os, sys
from infra.container import only
print("-", *sys.modules, flush=True)
for names in sys.argv[1:]:
    if not (child := os.fork()):
        for name in names.split(","):
            only.find_function(name)
            print(name, *sys.modules, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, names
"""
_WHOLE_HOST = {"app", "uvicorn", "click", "moto", "flask", "websockets", "chalice.local", "infra.container.host"}


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules that each container loads; of `-` those that all load."""
    by_module: dict[str, list[str]] = {}
    for name, function in FUNCTIONS.items():
        by_module.setdefault(function.module, []).append(name)
    loading = [sys.executable, "-c", _LOADING, *map(",".join, by_module.values())]
    lines = subprocess.run(loading, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    found = {name: set(modules) for name, *modules in map(str.split, lines)}
    assert found.keys() == {"-", *FUNCTIONS}
    return found


def test_a_container_loads_the_areas_of_its_function_and_no_other(loaded: dict[str, set[str]]) -> None:
    declared = {
        f"chalicelib.{module}": {area, *others.split()}
        for area, served in ENTRY_POINTS.items()
        for module, others in served.items()
    }
    for name, function in FUNCTIONS.items():
        areas = {_area(each) for each in loaded[name]} - {None}
        assert areas - _EVERYWHERE == declared[function.module] - _EVERYWHERE, name
        others = {each.module for each in FUNCTIONS.values()} - {function.module}
        assert not loaded[name] & others, name
        assert not loaded[name] & _WHOLE_HOST, name


def test_the_server_loads_little_besides_what_every_function_loads(loaded: dict[str, set[str]]) -> None:
    code = "import sys; import chalicelib.edge.route; print(*sys.modules)"
    of_a_function = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    more = {each for each in loaded["-"] - set(of_a_function.stdout.split()) if not each.startswith("infra")}
    assert len(more) < 30, sorted(more)


def test_an_unknown_function_is_refused_by_its_name() -> None:
    for name in ("nothing", "on_connect", "handle", "../app"):
        ended = subprocess.run(
            [sys.executable, "-m", "infra.container", "--only", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 1
        assert f"There is no operation, worker or schedule {name}." in ended.stderr


def test_names_of_functions_are_distinct() -> None:
    names: list[EntryPoint] = list(list_entry_points(app))
    assert len({each.name for each in names}) == len(names)
