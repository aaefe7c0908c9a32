"""Fetch DynamoDB Local and ElasticMQ with Maven, and run them as child processes."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from infra.local.engine import ACCOUNT, HOST, REGION, Endpoints

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).with_name("java")
FETCHED = ROOT / "build" / "engines"

_COMPILER = "org.eclipse.jdt.internal.compiler.batch.Main"
_DYNAMODB, _ELASTICMQ = "dynamodb-local", "elasticmq"
_STARTED_WITHIN_SECONDS = 60
_STOPPED_WITHIN_SECONDS = 10
# ElasticMQ of a killed process ends only when its last open receive has, which can take 20 seconds.
_FREE_WITHIN_SECONDS = 40
_LAST_CHARACTERS = 2000


class EnginesUnavailable(Exception):
    """The engines can't be fetched or started. The message says what to do."""


@dataclass(frozen=True)
class _Server:
    name: str
    port: int
    memory: str
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def fetch_engines() -> None:
    """Fetch both engines, unless this version is on this machine already.

    Raises:
        EnginesUnavailable: Java or Maven is missing or fails.
    """
    for name in (_DYNAMODB, _ELASTICMQ):
        source, folder = SOURCES / name, FETCHED / name
        wanted = "".join((source / each).read_text(encoding="utf-8") for each in ("pom.xml", "Engine.java"))
        done = folder / "fetched"
        if done.is_file() and done.read_text(encoding="utf-8") == wanted:
            continue
        print(f"Fetching {name} (once) …", file=sys.stderr, flush=True)
        draft = folder.with_name(f"{name}.{os.getpid()}")
        draft.mkdir(parents=True)
        try:
            _fetch_engine(source, draft)
            (draft / "fetched").write_text(wanted, encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _fetch_engine(source: Path, folder: Path) -> None:
    pom, engine = source / "pom.xml", source / "Engine.java"
    _run("mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}")
    jars = [str(each) for each in folder.glob("*.jar")]
    # The jars include a compiler, so a Java runtime is enough.
    _run(
        "java",
        "-cp",
        os.pathsep.join(jars),
        _COMPILER,
        "-17",
        "-d",
        str(folder),
        "-cp",
        os.pathsep.join(jars),
        str(engine),
    )


@contextmanager
def start_engines(logs: Path, data: Path | None = None) -> Iterator[Endpoints]:
    """Run both fetched engines on free loopback ports, and write their logs to the folder `logs`.

    With `data`, they store their data in that folder, and the next start finds it. Without it, data is in memory.

    Raises:
        EnginesUnavailable: An engine did not start, or another process uses `data`.
    """
    for folder in (logs, *([data] if data else [])):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        ports = [held.enter_context(closing(socket.create_server((HOST, 0)))).getsockname()[1] for _ in range(2)]
    dynamodb, elasticmq = _dynamodb_server(ports[0], data), _elasticmq_server(ports[1], logs, data)
    with ExitStack() as held:
        lock = held.enter_context(_lock_folder(data or logs))
        processes = {each: held.enter_context(_start_server(each, logs, lock)) for each in (dynamodb, elasticmq)}
        deadline = time.monotonic() + _STARTED_WITHIN_SECONDS
        for server, process in processes.items():
            while not _is_answering(server.url):
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = _log_file(server, logs).read_text(encoding="utf-8", errors="replace")[-_LAST_CHARACTERS:]
                    raise EnginesUnavailable(
                        f"{server.name} does not answer at {server.url}. Its log ends with:\n{tail}"
                    )
                time.sleep(0.05)
        yield Endpoints(dynamodb.url, elasticmq.url)


def _dynamodb_server(port: int, data: Path | None) -> _Server:
    place = ("-dbPath", str(data)) if data else ("-inMemory",)
    natives = (f"-Djava.library.path={FETCHED / _DYNAMODB}",)
    return _Server(_DYNAMODB, port, "512m", natives, (*place, "-sharedDb", "-disableTelemetry", "-port", str(port)))


def _elasticmq_server(port: int, logs: Path, data: Path | None) -> _Server:
    settings = {
        "node-address": {"host": HOST, "port": port},
        "rest-sqs": {"bind-hostname": HOST, "bind-port": port},
        "aws": {"region": REGION, "accountId": ACCOUNT},
        "messages-storage": {"enabled": data is not None, "uri": f"jdbc:h2:{(data or logs).resolve() / 'queues'}"},
    }
    file = logs / "elasticmq.conf"
    file.write_text('include classpath("application.conf")\n' + json.dumps(settings)[1:-1], encoding="utf-8")
    return _Server(_ELASTICMQ, port, "256m", (f"-Dconfig.file={file}",))


@contextmanager
def _lock_folder(folder: Path) -> Iterator[int]:
    """Lock the folder for this process, and return the lock that its engines inherit.

    Another process with the folder is refused at once. The engines of a process that was killed are waited for: they
    hold their lock until the last of them has ended.
    """
    with (folder / "owner").open("w", encoding="ascii") as owner, (folder / "lock").open("w", encoding="ascii") as file:
        if not _try_lock(owner):
            raise EnginesUnavailable(f"Another process is using {folder}. Stop it, or set DATA_DIR to another folder.")
        deadline = time.monotonic() + _FREE_WITHIN_SECONDS
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise EnginesUnavailable(
                    f"Engines of a killed process still use {folder}. End them, or set DATA_DIR to another folder."
                )
            time.sleep(0.05)
        yield file.fileno()


def _try_lock(file: TextIO) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def _start_server(server: _Server, logs: Path, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    # These flags make it start faster.
    flags = (f"-Xmx{server.memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    classes = f"{FETCHED / server.name}:{FETCHED / server.name}/*"
    command = ["java", *flags, *server.options, "-cp", classes, "Engine", *server.arguments]
    with _log_file(server, logs).open("wb") as log:
        process = subprocess.Popen(
            command,
            # An engine ends when its input closes, so it also ends when this process is killed.
            stdin=subprocess.PIPE,
            pass_fds=(lock,),
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C must end this process first, because it uses the engines until it ends.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _log_file(server: _Server, logs: Path) -> Path:
    return logs / f"{server.name}.log"


def _is_answering(url: str) -> bool:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True  # any HTTP response means that the server is up
    except OSError:
        return False
    return True


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise EnginesUnavailable(f"{command[0]} not found. Install Java 17 or later and Maven.") from None
    except subprocess.CalledProcessError as error:
        raise EnginesUnavailable(f"{command[0]} failed:\n{(error.stdout + error.stderr)[-_LAST_CHARACTERS:]}") from None


if __name__ == "__main__":
    try:
        fetch_engines()
    except EnginesUnavailable as missing:
        sys.exit(str(missing))
