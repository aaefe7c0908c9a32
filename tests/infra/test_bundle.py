"""The functions' zip: no unused files, bytecode included, and reproducible."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import bundle
from tests.support.started_desk import ROOT

_MODEL: dict[str, Any] = {
    "shapes": {"S": {"documentation": "Long.", "members": {"documentation": {"shape": "S"}}}},
    "metadata": {},
}
_ENDPOINTS: dict[str, Any] = {"partitions": [{"services": {"dynamodb": {"endpoints": {}}, "ec2": {"endpoints": {}}}}]}
_FILES = {
    "app.py": b"x = 1\n",
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
    path = tmp_path / "deployment.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, content in _FILES.items():
            made.writestr(name, content)
    return path


def test_only_what_functions_need_is_shipped(packaged: Path, tmp_path: Path) -> None:
    bundle(packaged, tmp_path / "function.zip")
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


def test_the_same_input_makes_the_same_zip(packaged: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    bundle(packaged, one)
    code = "import sys, pathlib, infra.bundle; infra.bundle.bundle(*map(pathlib.Path, sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, str(packaged), str(other)], cwd=ROOT, check=True)
    assert one.read_bytes() == other.read_bytes()
