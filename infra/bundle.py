"""Build the zips of a deployment: without unused files, with bytecode, and reproducible."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.target import BUILD_PYTHON, Target

# Packages that only Chalice needs for packaging.
_TOOLS = {
    "blessed", "click", "editor", "inquirer", "jinxed", "packaging", "pip", "pycparser", "readchar", "runs",
    "setuptools", "wcwidth", "wheel", "xmod", "yaml", "_yaml", "_distutils_hack", "pkg_resources",
}  # fmt: skip
_DROPPED_FILES = re.compile(
    r"""(?x)
      ^(?:[^/]+\.dist-info|[^/]+\.data|distutils-precedence\.pth|bin)(?:/|$)  # installer metadata, and commands
    | (?:^|/)tests?/ | \.pyi$ | (?:^|/)py\.typed$ | (?:^|/)__pycache__/
    | ^aws_lambda_powertools/event_handler/openapi/swagger_ui/.*\.(?:js|css)$
    | ^apprise/(?:assets|i18n|compat)/ | ^apprise/cli\.py$
    | ^(?:oauthlib|requests_oauthlib)/       # for services that we don't offer
    | ^botocore/data/.*/examples-1\.json
    | ^boto3/(?:data|examples)/               # for resources, which we don't use
    | ^tzdata/zoneinfo/(?:right|posix)/
    """
)
# Packages that read their own metadata at run time.
_KEPT_METADATA = re.compile(
    r"^(?:email_validator|http_message_signatures|pydantic|scim2_models|scim2_server)-[^/]+\.dist-info/METADATA$"
)
# X-Ray is called by its library only, where traces are recorded.
_SERVICES = ("apigatewaymanagementapi", "dynamodb", "secretsmanager", "sqs", "xray")
# botocore's endpoint names of the services.
_ENDPOINTS = {"dynamodb", "execute-api", "secretsmanager", "sqs", "xray"}
# Runs under the target's version of Python. Bytecode is unchecked, because the source never changes on Lambda, and its
# disk is read-only. Code templates, and code for other versions of Python, are left as they are.
_COMPILE = """
import pathlib, py_compile, sys
folder, shown = pathlib.Path(sys.argv[1]), sys.argv[2]
for path in sorted(folder.rglob("*.py")):
    try:
        py_compile.compile(
            str(path),
            dfile=f"{shown}/{path.relative_to(folder).as_posix()}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError:
        pass
"""
_VERSION = "import sys; print('{}.{}'.format(*sys.version_info))"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


@dataclass(frozen=True)
class Kind:
    """A zip: the folder in it that has its files, and the path of that folder on Lambda, as tracebacks show it."""

    folder: str
    path: str


CODE_ZIP, LAYER_ZIP = Kind("", "/var/task"), Kind("python/", "/opt/python")


def bundle(source: Path, made: Path, kind: Kind, target: Target) -> int:
    """Write the zip `made` of the files in `source`, and return its unpacked size in bytes.

    Bytecode is added if an interpreter of the target's version is installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        for name, content in _select_files(source):
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_bytes(content)
        if interpreter := find_interpreter(target):
            subprocess.run([interpreter, "-I", "-S", "-c", _COMPILE, folder, kind.path], check=True)
        files = sorted(each for each in staged.rglob("*") if each.is_file())
        with zipfile.ZipFile(made, "w") as written:
            for each in files:
                entry = zipfile.ZipInfo(kind.folder + each.relative_to(staged).as_posix(), _EPOCH)
                entry.external_attr, entry.compress_type, entry.create_system = _MODE, zipfile.ZIP_DEFLATED, 3
                written.writestr(entry, each.read_bytes(), compresslevel=9)
        return sum(each.stat().st_size for each in files)


def find_interpreter(target: Target) -> str | None:
    """Return the path of an interpreter whose bytecode the target reads; None if this machine has none."""
    if target.python == BUILD_PYTHON:
        return sys.executable
    if found := shutil.which(f"python{target.python}"):
        # Version managers put commands on the path that only say which versions they don't have.
        tried = subprocess.run([found, "-c", _VERSION], capture_output=True, text=True, check=False)
        if tried.stdout.strip() == target.python:
            return found
    return None


def _select_files(source: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        name = path.relative_to(source).as_posix()
        if name.split("/")[0] in _TOOLS or (_DROPPED_FILES.search(name) and not _KEPT_METADATA.match(name)):
            continue
        if name.startswith("botocore/data/"):
            yield from _botocore_data(name, path.read_bytes())
        else:
            yield name, path.read_bytes()


def _botocore_data(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Return botocore's data of the services that we call, without documentation."""
    _, _, service, *rest = name.split("/")
    if not rest:
        yield name, _endpoints(content) if service == "endpoints.json" else content
    elif service in _SERVICES:
        if name.endswith(".gz"):
            name, content = name.removesuffix(".gz"), gzip.decompress(content)
        yield name, _compact(_strip_documentation(json.loads(content)))


def _endpoints(content: bytes) -> bytes:
    known = json.loads(content)
    for partition in known["partitions"]:
        partition["services"] = {name: about for name, about in partition["services"].items() if name in _ENDPOINTS}
    return _compact(known)


def _strip_documentation(model: Any) -> Any:
    match model:
        case dict():
            # A shape can have a member of this name; only strings are documentation.
            return {
                name: _strip_documentation(each)
                for name, each in model.items()
                if not (name in {"documentation", "documentationUrl"} and isinstance(each, str))
            }
        case list():
            return [_strip_documentation(each) for each in model]
    return model


def _compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
