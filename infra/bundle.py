"""The functions' code: Chalice's zip without what no function needs, with bytecode, the same for the same input."""

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

# Chalice brings what it packages and deploys with.
_TOOLS = {
    "blessed", "boto3", "click", "editor", "inquirer", "jinxed", "packaging", "pip", "pycparser", "readchar", "runs",
    "setuptools", "wcwidth", "wheel", "xmod", "yaml", "_yaml", "_distutils_hack", "pkg_resources",
}  # fmt: skip
_DROPPED = re.compile(
    r"""(?x)
      ^(?:[^/]+\.dist-info|[^/]+\.data|distutils-precedence\.pth)(?:/|$)  # of installers
    | ^app\.py$ | ^\.chalice/                 # the app as a whole
    | (?:^|/)tests?/ | \.pyi$ | (?:^|/)py\.typed$ | (?:^|/)__pycache__/
    | ^botocore/data/.*/examples-1\.json
    | ^tzdata/zoneinfo/(?:right|posix)/
    """
)
# Whose metadata is read while it runs.
_KEPT = re.compile(r"^(?:http_message_signatures|pydantic)-[^/]+\.dist-info/METADATA$")
_SERVICES = ("apigatewaymanagementapi", "dynamodb", "sqs")
# botocore's name of a service's endpoints, where it is another.
_ENDPOINTS = {"dynamodb", "execute-api", "sqs"}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
# Where a function finds its code: tracebacks name it.
_ROOT = "/var/task"


def bundle(packaged: Path, made: Path) -> int:
    """Write the zip at `made` from Chalice's at `packaged`; how many bytes it unpacks to."""
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
            if name.endswith("/") or name.split("/")[0] in _TOOLS or (_DROPPED.search(name) and not _KEPT.match(name)):
                continue
            if name.startswith("botocore/data/"):
                yield from _botocore_data(name, source.read(name))
            else:
                yield name, source.read(name)


def _botocore_data(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """What botocore knows of the services that are called, without their documentation."""
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
            # A shape may have a member of that name, which is no text.
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
    """The files, and for each module what Python would compile it to: a function's disk can't be written."""
    with tempfile.TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "source.py", Path(folder) / "compiled.pyc"
        for name, content in files.items():
            yield name, content
            if not name.endswith(".py"):
                continue
            source.write_bytes(content)
            with contextlib.suppress(py_compile.PyCompileError):  # templates of code, and code of other Pythons
                # Unchecked: nobody changes the source there.
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
