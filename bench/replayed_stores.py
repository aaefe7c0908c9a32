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
    """A request of a store, as its action and its body, and the body of the reply."""

    action: str
    request: Any
    reply: Any


@dataclass(frozen=True)
class Stores:
    """Stores that run: the authority that their clients have to trust, and the port, for the environment."""

    authority: Path
    environment: dict[str, str]


@contextmanager
def replay(recorded: list[Recorded], folder: Path) -> Iterator[Stores]:
    """Run stores that replay, in a process whose CPU is not the measured one's."""
    replies = {_place(each.action, each.request): _answer(each) for each in recorded}
    (folder / _REPLIES).write_text(json.dumps(replies), encoding="utf-8")
    authority = write_certificates(folder)
    command = [sys.executable, "-m", "bench.replayed_stores", str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Stores(authority, {"BENCH_STORES_PORT": process.stdout.readline().strip()})
        finally:
            process.terminate()


def _place(action: str, request: Any) -> str:
    return f"{action} {request.get('TableName', '')} {request.get('IndexName', '')}"


def _answer(recorded: Recorded) -> list[Any]:
    """Return the reply as text, and what to replace in it: a text, and the path in a request to what replaces it."""
    text = json.dumps(recorded.reply)
    return [
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
    replies = json.loads((folder / _REPLIES).read_text(encoding="utf-8"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection, context, replies), daemon=True).start()


def _converse(connection: socket.socket, context: ssl.SSLContext, replies: dict[str, Any]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(connection, server_side=True) as secured, secured.makefile("rb") as lines:
        while action := _read_action(lines):
            name, request = action
            text, replaced = replies[_place(name, request)]
            for value, path in replaced:
                text = text.replace(value, _follow(request, path) or value)
            body = text.encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n"
            secured.sendall(f"{head}x-amz-crc32: {zlib.crc32(body)}\r\n\r\n".encode() + body)


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
