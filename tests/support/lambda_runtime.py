"""Run a function of the packaged zip as Lambda does: in its own process, under AWS's runtime client.

Nothing is shared with this process or with another function. The interpreter finds the unpacked zip, the runtime client
and the standard library, and no installed package. The environment is what the service sets, what the template gives
the function, and the addresses of the engines.
"""

import fcntl
import json
import platform
import queue
import re
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from infra.package import CODE, LAYER, unpack
from infra.target import Target
from infra.template.resolved import PARAMETER_SETS, REGION, resolve_all
from tests.support.started_desk import ROOT
from tests.support.template import made

_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_START = (
    "import sys; sys.path[:0] = sys.argv[2:]; del sys.argv[2:]; from awslambdaric.__main__ import main; main(sys.argv)"
)
_API = "/2018-06-01/runtime"
# A loaded machine can take long for a cold start; a function that hangs must end the test all the same.
_ANSWERS_WITHIN_SECONDS = 240
_LAST_CHARACTERS = 4000
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# With the version of Python, unless it is for all of them.
_EXTENSION = re.compile(r"(?:\.cpython-(\d+)-[\w-]+|\.abi3)?\.so$")
_ELF_MACHINE = 18


class FunctionFailed(Exception):
    """The function raised, could not be loaded, or ended. The message is its error, or the end of its log."""


@dataclass(frozen=True)
class DeployedFunction:
    """A function of the resolved template: its handler, and the settings that the service reads."""

    properties: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.properties["FunctionName"])

    @property
    def handler(self) -> str:
        return str(self.properties["Handler"])

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that Lambda sets, and those of the template."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        logging = self.properties["LoggingConfig"]
        declared: dict[str, str] = self.properties["Environment"]["Variables"]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": self.handler,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.properties["MemorySize"]),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": str(logging["LogGroup"]),
            "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"],
        } | declared


def list_deployed_functions(**parameters: str) -> dict[str, DeployedFunction]:
    """Return every function by its handler, as a stack with these parameters has it."""
    resolved = resolve_all(made(), PARAMETER_SETS[0] | parameters)
    found = [
        DeployedFunction(each["Properties"])
        for template in resolved.values()
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Lambda::Function"
    ]
    return {each.handler: each for each in found}


def unpack_code(folder: Path) -> list[Path]:
    """Return the folders with code and dependencies as Lambda has them. Packages first if the zip isn't of this source.

    `folder` is shared by the processes of a test run.
    """
    with (folder / "code.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unpacked = folder / "code"
        if not unpacked.exists():
            if not _is_packaged():
                subprocess.run([sys.executable, "-m", "infra.package"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            unpack(folder / "draft")
            (folder / "draft").rename(unpacked)
    return [unpacked / "task", unpacked / "opt" / "python"]


def _is_packaged() -> bool:
    """Say whether the zips have exactly the source of this working tree, and run on this machine."""
    if not (CODE.exists() and LAYER.exists()) or CODE.stat().st_mtime < (ROOT / "constraints.txt").stat().st_mtime:
        return False
    if not is_built_for(LAYER, Target(architecture=_ARCHITECTURES[platform.machine()])):
        return False
    with zipfile.ZipFile(CODE) as code:
        packaged = {each: code.read(each) for each in code.namelist() if each.startswith("chalicelib/")}
    source = {each.relative_to(ROOT).as_posix(): each.read_bytes() for each in (ROOT / "chalicelib").rglob("*.py")}
    return source == {name: content for name, content in packaged.items() if name.endswith(".py")}


def is_built_for(layer: Path, target: Target) -> bool:
    """Say whether every extension module in the zip is one that the target loads."""
    with zipfile.ZipFile(layer) as packed:
        for name in packed.namelist():
            version = _EXTENSION.search(name)
            if version and version[1] and version[1] != target.python.replace(".", ""):
                return False
            if version and struct.unpack_from("<H", packed.read(name), _ELF_MACHINE)[0] != target.elf_machine:
                return False
    return True


def link_runtime_client(folder: Path) -> Path:
    """Return a folder that has the runtime client and what it needs, as Lambda's `/var/runtime` does."""
    made = folder / "runtime"
    made.mkdir(exist_ok=True)
    for name in _CLIENT:
        about = metadata.distribution(name)
        for top in {each.parts[0] for each in about.files or () if each.parts[0] != ".."}:
            (made / top).symlink_to(about.locate_file(top))  # type: ignore[arg-type]
    return made


@dataclass
class _RuntimeApi:
    """The Runtime API of one function: hands out events and takes their results."""

    events: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    results: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)

    def serve(self, arn: str) -> ThreadingHTTPServer:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                assert self.path == f"{_API}/invocation/next", self.path
                request_id, event = api.events.get()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                # …/invocation/<request id>/response, …/invocation/<request id>/error, or …/init/error
                api.results.put((self.path.rpartition("/")[2], body))

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server


class RunningFunction:
    """A function in its own process, from its first event until it is left."""

    def __init__(self, function: DeployedFunction, path: list[Path], environment: dict[str, str], log: Path) -> None:
        self._function, self._path, self._environment, self._log = function, path, environment, log
        self._api = _RuntimeApi()

    def __enter__(self) -> Self:
        self._server = self._api.serve(f"arn:aws:lambda:{REGION}:123456789012:function:{self._function.name}")
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, self._function.handler, *map(str, self._path)],
                cwd=self._path[0],
                env=self._function.environment | self._environment | address,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return what the function returns.

        Raises:
            FunctionFailed: it raised, could not be loaded, or ended.
        """
        self._api.events.put((str(uuid4()), json.dumps(event).encode()))
        kind, body = self._result()
        if kind != "response":
            raise FunctionFailed(body.decode() + self._end_of_log())
        return json.loads(body)

    def _result(self) -> tuple[str, bytes]:
        for _ in range(_ANSWERS_WITHIN_SECONDS):
            try:
                return self._api.results.get(timeout=1)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
        raise FunctionFailed(f"no answer (exit code {self._process.poll()})" + self._end_of_log())

    def _end_of_log(self) -> str:
        return "\n" + self._log.read_text(encoding="utf-8", errors="replace")[-_LAST_CHARACTERS:]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return the lines of its log, each of which is one JSON object."""
        for line in self._log.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
