"""What the package has compiled for starts: the same as Python would compile, and nothing where it does not fit."""

import dataclasses
import marshal
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib import start_cache
from infra.start_cache import CannotRecord, write_start_cache
from infra.target import BUILD_PYTHON, PYTHONS, Target
from tests.support.started_desk import ROOT

pytestmark = pytest.mark.engine("embedded")

_MODULES = ["chalicelib.api.v1.events", "chalicelib.queues.callbacks"]
_OTHER_PYTHON = next(each for each in PYTHONS if each != BUILD_PYTHON)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "start_cache.bin"
    assert write_start_cache(Target(), ROOT, _MODULES, path)
    return path


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], bool]:
    """Use a file until the test ends."""
    monkeypatch.setattr(dataclasses, "exec", exec, raising=False)
    monkeypatch.setattr(start_cache.compiler, "compile", start_cache.compile_expression)
    return lambda path: start_cache.install(str(path))


def _read(path: Path) -> tuple[Any, dict[str, bytes], dict[tuple[str | bytes, int], bytes]]:
    python, functions, expressions = marshal.loads(path.read_bytes())
    return python, functions, expressions


def test_functions_are_those_that_python_compiles(made: Path) -> None:
    _, functions, _ = _read(made)
    assert len(functions) > 300
    for text, code in functions.items():
        assert marshal.loads(code) == compile(text, "<string>", "exec", dont_inherit=True), text


def test_expressions_are_those_that_python_compiles(made: Path, install: Callable[[Path], bool]) -> None:
    _, _, expressions = _read(made)
    assert len(expressions) > 100
    assert install(made)
    for pattern, flags in expressions:
        found, plain = start_cache.compiler.compile(pattern, flags), start_cache.compile_expression(pattern, flags)
        # Patterns are equal if their text, flags and compiled code are.
        assert found == plain
        assert (found.groupindex, found.groups, found.flags) == (plain.groupindex, plain.groups, plain.flags)


def test_file_is_used_for_what_is_in_it_and_python_for_everything_else(
    made: Path, tmp_path: Path, install: Callable[[Path], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    python, functions, expressions = _read(made)
    compiled: list[Any] = []
    monkeypatch.setattr(start_cache, "compile_expression", lambda *asked: compiled.append(asked))
    known, flags = next(iter(expressions))
    assert install(made)
    start_cache.compiler.compile(known, flags)
    assert not compiled
    start_cache.compiler.compile("something new", 0)
    start_cache.compiler.compile(known, flags ^ re.IGNORECASE)
    assert compiled == [("something new", 0), (known, flags ^ re.IGNORECASE)]

    text = next(iter(functions))
    replaced = tmp_path / "replaced.bin"
    swapped = marshal.dumps(compile("said = 'from the file'", "<string>", "exec"))
    replaced.write_bytes(marshal.dumps((python, {text: swapped}, {})))
    assert install(replaced)
    scope: dict[str, Any] = {}
    vars(dataclasses)["exec"](text, {}, scope)
    assert scope == {"said": "from the file"}
    vars(dataclasses)["exec"]("said = 'by Python'", {}, scope)
    assert scope == {"said": "by Python"}


def _fail() -> str:
    def refuse() -> None:
        raise ValueError("refused")

    made: Any = dataclasses.make_dataclass("Refusing", [("a", int), ("b", list[int], dataclasses.field())])
    with_default: Any = dataclasses.make_dataclass(
        "Defaulting", [("a", int, dataclasses.field(default_factory=refuse))]
    )
    assert made(1, [2]) == made(1, [2])
    try:
        with_default()
    except ValueError:
        return traceback.format_exc()
    raise AssertionError


def test_tracebacks_are_the_same(made: Path, tmp_path: Path, install: Callable[[Path], bool]) -> None:
    texts: list[str] = []
    python, _, _ = _read(made)

    def note(text: str, *scopes: Any) -> None:
        texts.append(text)
        exec(text, *scopes)

    vars(dataclasses)["exec"] = note
    plain = _fail()
    codes = {text: marshal.dumps(compile(text, "<string>", "exec")) for text in texts}
    path = tmp_path / "these.bin"
    path.write_bytes(marshal.dumps((python, codes, {})))
    assert install(path)
    assert _fail() == plain
    assert 'File "<string>", line' in plain


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not marshalled",
        marshal.dumps(3),
        marshal.dumps(((b"another", *start_cache.PYTHON[1:]), {}, {})),
        marshal.dumps(((*start_cache.PYTHON[:-1], "another"), {}, {})),
    ],
    ids=["empty", "damaged", "of another form", "of another Python", "of another processor"],
)
def test_file_that_does_not_fit_is_left_alone(content: bytes, tmp_path: Path, install: Callable[[Path], bool]) -> None:
    path = tmp_path / "start_cache.bin"
    path.write_bytes(content)
    assert not install(path)
    assert vars(dataclasses)["exec"] is exec
    assert start_cache.compiler.compile is start_cache.compile_expression


def test_desk_without_the_file_compiles_as_ever(tmp_path: Path, install: Callable[[Path], bool]) -> None:
    assert not install(tmp_path / "none.bin")


def test_file_is_the_same_each_time(made: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.bin"
    write_start_cache(Target(), ROOT, _MODULES, again)
    assert again.read_bytes() == made.read_bytes()


def test_other_versions_of_python_get_none_and_modules_that_fail_are_named(tmp_path: Path) -> None:
    path = tmp_path / "start_cache.bin"
    assert not write_start_cache(Target(_OTHER_PYTHON), ROOT, _MODULES, path)
    with pytest.raises(CannotRecord, match=r"chalicelib\.nowhere"):
        write_start_cache(Target(), ROOT, ["chalicelib.nowhere"], path)
    assert not path.exists()
