"""Stores that replay recorded replies over TLS, in a process of their own, at the names of the cloud's endpoints.

A reply is found by action, table and index. What a request and its reply have in common, such as a key or a nonce, is
taken from each new request. So a reply always describes what was asked for: `python -m bench.replayed_stores FOLDER`.
"""

import json
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, BinaryIO

from bench.certificates import HOSTS, write_certificates
from tests.support.started_desk import SHELL

_ROOT = Path(__file__).parents[1]
# Shorter values, as counts, agree by chance.
_FEWEST_CHARACTERS = 8
_REPLIES = "replies.json"
# Runs first in a measured process: every name is this machine's, on the port of the stores.
AT_STORES = """
import os, socket
def _find(host, port, *_, **__):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(os.environ["BENCH_STORES_PORT"])))]
socket.getaddrinfo = _find
"""


@dataclass(frozen=True)
class Recorded:
    """A request of a store, as its action and its body, and the body and the status of the reply."""

    action: str
    request: Any
    reply: Any
    status: int = 200


@dataclass(frozen=True)
class Stores:
    """Stores that run: the authority that their clients have to trust, and the port, for the environment."""

    authority: Path
    environment: dict[str, str]
    replies: Path

    def answer(self, recorded: list[Recorded]) -> None:
        """Replay these replies from the next connection on. Those of the same action and table take turns."""
        replies: dict[str, list[Any]] = {}
        for each in recorded:
            replies.setdefault(_place(each.action, each.request), []).append(_answer(each))
        draft = self.replies.with_suffix(".draft")
        draft.write_text(json.dumps(replies), encoding="utf-8")
        draft.rename(self.replies)


@contextmanager
def replay(recorded: list[Recorded], folder: Path) -> Iterator[Stores]:
    """Run stores that replay, in a process whose CPU is not the measured one's."""
    authority = write_certificates(folder)
    command = [sys.executable, "-m", "bench.replayed_stores", str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            stores = Stores(authority, {"BENCH_STORES_PORT": process.stdout.readline().strip()}, folder / _REPLIES)
            stores.answer(recorded)
            yield stores
        finally:
            process.terminate()


def _place(action: str, request: Any) -> str:
    queue = request.get("QueueUrl", "").rpartition("/")[2]
    return f"{action} {request.get('TableName', '')}{queue} {request.get('IndexName', '')}"


def _answer(recorded: Recorded) -> list[Any]:
    """Return status and text of the reply, and what to replace in it: a text, and the path in a request to another."""
    text = json.dumps(recorded.reply)
    return [
        recorded.status,
        text,
        [[json.dumps(value), path] for path, value in _strings(recorded.request) if json.dumps(value) in text],
    ]


def _strings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    match value:
        case str() if len(value) >= _FEWEST_CHARACTERS:
            yield path, value
        case dict() | list():
            for name, each in value.items() if isinstance(value, dict) else enumerate(value):
                yield from _strings(each, (*path, name))


def _serve(folder: Path) -> None:
    replies = _Replies(folder / _REPLIES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection, context, replies), daemon=True).start()


class _Replies:
    """The replies in a file, which is read again when it is replaced."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._lock = path, 0, threading.Lock()
        self._replies: dict[str, Iterator[Any]] = {}

    def refresh(self) -> None:
        with self._lock:
            if (changed := self._path.stat().st_mtime_ns) != self._read:
                found = json.loads(self._path.read_text(encoding="utf-8"))
                self._replies = {place: cycle(replies) for place, replies in found.items()}
                self._read = changed

    def next(self, place: str) -> Any:
        with self._lock:
            return next(self._replies[place])


def _converse(connection: socket.socket, context: ssl.SSLContext, replies: _Replies) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    replies.refresh()
    with context.wrap_socket(connection, server_side=True) as secured, secured.makefile("rb") as lines:
        while action := _read_action(lines):
            name, request = action
            status, text, replaced = replies.next(_place(name, request))
            for value, path in replaced:
                text = text.replace(value, _follow(request, path) or value)
            body = text.encode()
            headers = {
                "Content-Type": "application/x-amz-json-1.0",
                "Content-Length": len(body),
                "x-amz-crc32": zlib.crc32(body),
            }
            lines_sent = [f"HTTP/1.1 {status} Replayed", *(f"{name}: {value}" for name, value in headers.items())]
            secured.sendall("\r\n".join([*lines_sent, "\r\n"]).encode() + body)


def _read_action(lines: BinaryIO) -> tuple[str, Any] | None:
    """Read one request: its action and body. None at the end of a connection."""
    if not lines.readline():
        return None
    headers: dict[str, str] = {}
    while line := lines.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return headers["x-amz-target"].rpartition(".")[2], json.loads(lines.read(int(headers["content-length"])))


def _follow(request: Any, path: list[str | int]) -> str | None:
    found = request
    for step in path:
        try:
            found = found[step]
        except (KeyError, IndexError):
            return None
    return json.dumps(found)


def trust(authority: Path, bundle: Path, made: Path) -> Path:
    """Write the certificates of `bundle` and the authority of the stores to `made`."""
    made.write_bytes(bundle.read_bytes() + b"\n" + authority.read_bytes())
    return made


def cloud_environment() -> dict[str, str]:
    """Return the environment of a function that calls the stores at the cloud's own names."""
    kept = {name: value for name, value in SHELL.items() if not name.endswith("CA_BUNDLE")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKIDBENCH",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "FLUXDEN_QUEUES_URL": f"https://{HOSTS['sqs']}/000000000000",
        "FLUXDEN_SOCKETS_URL": f"https://{HOSTS['sockets']}/desk",
    }


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
