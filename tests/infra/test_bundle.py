"""The functions' zip: no unused files, bytecode included, and reproducible."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import CODE_ZIP, LAYER_ZIP, bundle
from infra.target import BUILD_PYTHON, PYTHONS, Target
from tests.infra.test_wheels import elf
from tests.support.lambda_runtime import is_built_for
from tests.support.started_desk import ROOT

_MODEL: dict[str, Any] = {
    "shapes": {"S": {"documentation": "Long.", "members": {"documentation": {"shape": "S"}}}},
    "metadata": {},
}
_ENDPOINTS: dict[str, Any] = {"partitions": [{"services": {"dynamodb": {"endpoints": {}}, "ec2": {"endpoints": {}}}}]}
_FILES = {
    "bin/jp.py": b"x = 1\n",
    "chalicelib/one.py": b'"""One."""\nvalue = 1\n',
    "chalicelib/broken_template.py": b"def (:\n",
    "pydantic/core.pyi": b"",
    "some_library/tests/test_it.py": b"",
    "some_library-1.0.dist-info/RECORD": b"",
    "pip/__init__.py": b"",
    "boto3/data/sqs/2012-11-05/resources-1.json": b"{}",
    "boto3/session.py": b"",
    "botocore/data/endpoints.json": json.dumps(_ENDPOINTS).encode(),
    "botocore/data/ec2/2016-11-15/service-2.json": b"{}",
    "botocore/data/dynamodb/2012-08-10/service-2.json": json.dumps(_MODEL).encode(),
    "botocore/data/dynamodb/2012-08-10/examples-1.json": b"{}",
}


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    path = tmp_path / "packaged"
    for name, content in _FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def test_only_what_functions_need_is_shipped(packaged: Path, tmp_path: Path) -> None:
    bundle(packaged, tmp_path / "function.zip", CODE_ZIP, Target())
    with zipfile.ZipFile(tmp_path / "function.zip") as made:
        compiled = importlib.util.cache_from_source("chalicelib/one.py")
        assert set(made.namelist()) == {
            "chalicelib/one.py",
            compiled,
            "chalicelib/broken_template.py",
            "boto3/session.py",
            importlib.util.cache_from_source("boto3/session.py"),
            "botocore/data/endpoints.json",
            "botocore/data/dynamodb/2012-08-10/service-2.json",
        }
        # Bit 0: by hash; bit 1, not set: checked against the source.
        assert int.from_bytes(made.read(compiled)[4:8], "little") == 0b01
        assert b"/var/task/chalicelib/one.py" in made.read(compiled)
        model = json.loads(made.read("botocore/data/dynamodb/2012-08-10/service-2.json"))
        assert model == {"shapes": {"S": {"members": {"documentation": {"shape": "S"}}}}, "metadata": {}}
        endpoints = json.loads(made.read("botocore/data/endpoints.json"))
        assert endpoints == {"partitions": [{"services": {"dynamodb": {"endpoints": {}}}}]}


def test_a_layer_has_its_files_where_lambda_looks_for_modules(packaged: Path, tmp_path: Path) -> None:
    bundle(packaged, tmp_path / "layer.zip", LAYER_ZIP, Target())
    with zipfile.ZipFile(tmp_path / "layer.zip") as made:
        assert all(name.startswith("python/") for name in made.namelist())
        compiled = importlib.util.cache_from_source("python/boto3/session.py")
        assert b"/opt/python/boto3/session.py" in made.read(compiled)


def test_bytecode_is_left_out_where_no_interpreter_of_the_target_is_installed(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    other = next(each for each in PYTHONS if each != BUILD_PYTHON)
    bundle(packaged, tmp_path / "function.zip", CODE_ZIP, Target(other, "arm64"))
    with zipfile.ZipFile(tmp_path / "function.zip") as made:
        assert "chalicelib/one.py" in made.namelist()
        assert not [name for name in made.namelist() if name.endswith(".pyc")]


def test_the_same_input_makes_the_same_zip(packaged: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    bundle(packaged, one, CODE_ZIP, Target())
    code = (
        "import sys, pathlib; from infra.bundle import *; from infra.target import Target; "
        "bundle(*map(pathlib.Path, sys.argv[1:]), CODE_ZIP, Target())"
    )
    subprocess.run([sys.executable, "-c", code, str(packaged), str(other)], cwd=ROOT, check=True)
    assert one.read_bytes() == other.read_bytes()


def test_a_layer_for_another_target_is_not_taken_for_one_of_this_machine(tmp_path: Path) -> None:
    here = Target("3.11", "x86_64")
    for name, machine, fits in (
        ("pydantic_core/core.cpython-311-x86_64-linux-gnu.so", 62, True),
        ("cryptography/rust.abi3.so", 62, True),
        ("some.libs/libssl-1.so", 62, True),
        ("pydantic_core/core.cpython-313-x86_64-linux-gnu.so", 62, False),
        ("cryptography/rust.abi3.so", 183, False),
    ):
        layer = tmp_path / "layer.zip"
        with zipfile.ZipFile(layer, "w") as made:
            made.writestr("python/chalice/__init__.py", "")
            made.writestr(f"python/{name}", elf(machine))
        assert is_built_for(layer, here) is fits, (name, machine)
