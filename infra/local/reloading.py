"""Reload a desk that `chalice local` serves when its source changes, on the same ports and with the same demo tokens.

Chalice's reloader serves from a second thread, which can't handle signals. It also watches every file of the folder,
with bytecode and the demo file that each start writes, so it would restart forever. Therefore the worker process that
Chalice starts replaces itself with one that serves from its main thread and watches only the source. At a change, that
process stops as usual and then replaces itself again. It keeps its process id, so Chalice goes on waiting for it.
"""

import atexit
import contextlib
import hashlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Chalice sets this variable in the process that its reloader starts.
_WORKER = "CHALICE_WORKER"
_STATE = "RELOADED_SESSION"
_BACKLOG = 256
_PARENT_SECONDS, _SOURCE_SECONDS, _SETTLE_SECONDS = 0.25, 1.0, 0.25
_SOURCES = ("app.py", ".chalice/config.json", "chalicelib", "infra")
# The browser's source: the desk serves the console that is built from it.
_UNWATCHED = "infra/web"

# The digest of every source file, by its name below the root.
Snapshot = dict[str, bytes]


@dataclass
class Session:
    """The part of a desk that survives a reload.

    `seed` is what its demo tokens derive from, `parent` the process of Chalice's reloader, `listeners` the descriptors
    of its listening sockets by name, and `changed` the file that it was reloaded for.
    """

    seed: str
    parent: int
    listeners: dict[str, int] = field(default_factory=dict)
    changed: str = ""


def _inherited_session() -> Session:
    text = os.environ.pop(_STATE, "")
    return Session(**json.loads(text)) if text else Session(secrets.token_hex(32), os.getppid())


session = _inherited_session()
_kept: dict[str, socket.socket] = {}
_next_change: list[str] = []
_digests: dict[str, tuple[tuple[int, int], bytes]] = {}


def listen(name: str, host: str, port: int) -> socket.socket:
    """Return the socket with this name from before the reload, else a new one. It is kept at the next reload.

    Raises:
        OSError: The port is not free.
    """
    if name in session.listeners:
        listener = socket.socket(fileno=session.listeners.pop(name))
        listener.set_inheritable(False)
    else:
        listener = socket.create_server((host, port), backlog=_BACKLOG)
        # asyncio does not set it on sockets of this kind, and a frame would wait for the acknowledgement of the last.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _kept[name] = listener
    return listener


def is_worker() -> bool:
    """Whether Chalice's reloader started this process."""
    return _WORKER in os.environ


def is_reloading() -> bool:
    """Whether this process stops in order to reload."""
    return bool(_next_change)


def cancel() -> None:
    """Let this process end without a reload."""
    _next_change.clear()


def leave_second_thread() -> None:
    """Replace a worker that Chalice serves from a second thread. Does nothing in any other process."""
    if is_worker() and threading.current_thread() is not threading.main_thread():
        _replace_process()


def watch() -> None:
    """Reload this process when the source changes, and stop it when Chalice's reloader has ended."""
    # Registered before everything else that ends with the process, so it runs last.
    atexit.register(_finish)
    for target in (_watch_parent, _watch_source):
        threading.Thread(target=target, daemon=True, name=target.__name__).start()


def fail_parent() -> None:
    """End Chalice's reloader, because it would report success when this process fails."""
    if is_worker():
        with contextlib.suppress(ProcessLookupError):
            os.kill(os.getppid(), signal.SIGTERM)


def _watch_parent() -> None:
    _wait_for_end(session.parent)
    while os.getppid() == session.parent:
        time.sleep(_PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for_end(process: int) -> None:
    """Wait until a process ends, where the system can say so; else return at once."""
    with contextlib.suppress(OSError, AttributeError):
        ended = os.pidfd_open(process)
        try:
            if os.getppid() == process:
                select.select([ended], [], [])
        finally:
            os.close(ended)


def _watch_source() -> None:
    before = scan()
    while True:
        time.sleep(_SOURCE_SECONDS)
        known, before = before, scan()
        if not (names := find_changes(known, before)):
            continue
        # More files of the same change may follow at once.
        time.sleep(_SETTLE_SECONDS)
        while (later := scan()) != before:
            before = later
            time.sleep(_SETTLE_SECONDS)
        print(f"\n{names[0]} changed. Reloading …", flush=True)
        if (fault := _find_fault()) is None:
            _next_change.append(names[0])
            os.kill(os.getpid(), signal.SIGTERM)
            return
        print(
            f"{fault}\nThe source can't be loaded, so the desk goes on with what it had.", file=sys.stderr, flush=True
        )


def scan(root: Path = ROOT) -> Snapshot:
    """Read every source file below `root` whose time or size is new, and return the digests of all.

    An idle desk does this every second, so the other files cost no more than a look at their status.
    """
    found: Snapshot = {}
    for name in _SOURCES:
        for file, status in _files(f"{root}/{name}", name):
            path = f"{root}/{file}"
            read_at, digest = _digests.get(path, (None, b""))
            if read_at != (status.st_mtime_ns, status.st_size):
                with contextlib.suppress(OSError):  # it has just been removed
                    digest = hashlib.sha256(Path(path).read_bytes()).digest()
                    _digests[path] = (status.st_mtime_ns, status.st_size), digest
            found[file] = digest
    return found


def find_changes(before: Snapshot, now: Snapshot) -> list[str]:
    """Return the names of files that were added, removed or changed."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _files(path: str, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and status of each source file in a folder, or of a single file."""
    try:
        entries = list(os.scandir(path))
    except NotADirectoryError:
        yield name, Path(path).stat()
        return
    except OSError:  # there is none, or it has just been removed
        return
    for each in entries:
        # Editors write drafts beside the file, and Python its bytecode.
        if each.name.startswith((".", "__pycache__")) or each.name.endswith(("~", ".pyc")):
            continue
        inner = f"{name}/{each.name}"
        if each.is_dir():
            if inner != _UNWATCHED:
                yield from _files(each.path, inner)
            continue
        with contextlib.suppress(OSError):
            status = each.stat()
            yield inner, status


def _find_fault() -> str | None:
    """Load the new source in another process. Return the traceback, or None when it loads."""
    environment = {name: value for name, value in os.environ.items() if name not in (_WORKER, "AWS_CHALICE_CLI_MODE")}
    done = subprocess.run(
        [sys.executable, "-c", "import app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else None


def _finish() -> None:
    if not _next_change:
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    for listener in _kept.values():
        listener.set_inheritable(True)
    listeners = {name: listener.fileno() for name, listener in _kept.items()}
    _replace_process(Session(session.seed, session.parent, listeners, _next_change[0]))


def _replace_process(state: Session | None = None) -> None:
    environment = os.environ | ({_STATE: json.dumps(vars(state))} if state else {})
    sys.stdout.flush()
    # Of both options, Chalice takes the last.
    arguments = [each for each in sys.argv if each != "--no-autoreload"]
    os.execve(sys.executable, [sys.executable, *arguments, "--no-autoreload"], environment)  # noqa: S606 - its own command
