"""Build the functions' zip from Chalice's: without unused files, with bytecode, and reproducible."""

import contextlib
import gzip
import json
import py_compile
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Packages that only Chalice needs for packaging.
_TOOLS = {
    "blessed", "click", "editor", "inquirer", "jinxed", "packaging", "pip", "pycparser", "readchar", "runs",
    "setuptools", "wcwidth", "wheel", "xmod", "yaml", "_yaml", "_distutils_hack", "pkg_resources",
}  # fmt: skip
_DROPPED_FILES = re.compile(
    r"""(?x)
      ^(?:[^/]+\.dist-info|[^/]+\.data|distutils-precedence\.pth)(?:/|$)  # installer metadata
    | ^app\.py$ | ^\.chalice/                 # the local app
    | (?:^|/)tests?/ | \.pyi$ | (?:^|/)py\.typed$ | (?:^|/)__pycache__/
    | ^aws_lambda_powertools/event_handler/openapi/swagger_ui/.*\.(?:js|css)$
    | ^botocore/data/.*/examples-1\.json
    | ^boto3/(?:data|examples)/               # for resources, which we don't use
    | ^tzdata/zoneinfo/(?:right|posix)/
    """
)
# Packages that read their own metadata at run time.
_KEPT_METADATA = re.compile(r"^(?:http_message_signatures|pydantic)-[^/]+\.dist-info/METADATA$")
# X-Ray is called by its library only, where traces are recorded.
_SERVICES = ("apigatewaymanagementapi", "dynamodb", "secretsmanager", "sqs", "xray")
# botocore's endpoint names of the services.
_ENDPOINTS = {"dynamodb", "execute-api", "secretsmanager", "sqs", "xray"}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
# The path of the code on Lambda, as it appears in tracebacks.
_ROOT = "/var/task"


def bundle(packaged: Path, made: Path) -> int:
    """Write the zip `made` from Chalice's zip `packaged`, and return its unpacked size in bytes."""
    files = dict(_add_bytecode(dict(_select_files(packaged))))
    with zipfile.ZipFile(made, "w") as written:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.compress_type, entry.create_system = _MODE, zipfile.ZIP_DEFLATED, 3
            written.writestr(entry, content, compresslevel=9)
    return sum(map(len, files.values()))


def _select_files(packaged: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(packaged) as source:
        for name in source.namelist():
            if (
                name.endswith("/")
                or name.split("/")[0] in _TOOLS
                or (_DROPPED_FILES.search(name) and not _KEPT_METADATA.match(name))
            ):
                continue
            if name.startswith("botocore/data/"):
                yield from _botocore_data(name, source.read(name))
            else:
                yield name, source.read(name)


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


def _add_bytecode(files: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Return the files, and the bytecode of each module, because Lambda's disk is read-only."""
    with tempfile.TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "source.py", Path(folder) / "compiled.pyc"
        for name, content in files.items():
            yield name, content
            if not name.endswith(".py"):
                continue
            source.write_bytes(content)
            with contextlib.suppress(
                py_compile.PyCompileError
            ):  # code templates, and code for other versions of Python
                # Unchecked, because the source never changes on Lambda.
                py_compile.compile(
                    str(source),
                    str(compiled),
                    dfile=f"{_ROOT}/{name}",
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
                yield _bytecode_name(name), compiled.read_bytes()


def _bytecode_name(name: str) -> str:
    from importlib.util import cache_from_source

    return cache_from_source(name)
