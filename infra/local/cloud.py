"""The local cloud: the whole system in one process, started by `app.py` when the stage is `local`."""

import atexit
import errno
import json
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from chalice.app import Chalice

from chalicelib.vault import new_key
from infra import catalog, demo
from infra.local import data_folder, engine, engines, gateway, pump, scheduler, sockets
from infra.local.socket_link import Limits
from infra.queues import create_queues
from infra.tables import create_tables

HOST = engine.HOST
EMBEDDED, EXTERNAL = "embedded", "dynamodb-local"
# Long polling of an external engine.
WAIT_SECONDS = 2
PORTS, SECONDS = range(1, 65536), range(1, 10**9)
EXAMPLES = {"PORT": 8010, "WS_PORT": 8011}


def start(app: Chalice) -> None:
    """Start the engine, workers, schedules and WebSockets of `app`. `chalice local` then starts the HTTP server.

    Reads `PORT` (8000), `WS_PORT` (8001), `WS_IDLE_SECONDS` (600), `WS_LIFETIME_SECONDS` (7200), `DEMO_FILE`,
    `ENGINE` (embedded or dynamodb-local) and `DATA_DIR` (.chalice/local/data). Exits if a port is not free.
    """
    folder = _data_folder()
    port, ws_port = _read_number("PORT", 8000, PORTS), _read_number("WS_PORT", 8001, PORTS)
    limits = Limits(
        idle_seconds=_read_number("WS_IDLE_SECONDS", 600, SECONDS),
        lifetime_seconds=_read_number("WS_LIFETIME_SECONDS", 7200, SECONDS),
    )
    with _report_busy_port("PORT", port):
        gateway.install(HOST, port)
    with _report_busy_port("WS_PORT", ws_port):
        listener = socket.create_server((HOST, ws_port), backlog=gateway.Server.request_queue_size)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    os.environ.setdefault("FLUXDEN_BASE_URL", f"http://{HOST}:{port}")
    os.environ.setdefault("FLUXDEN_SOCKET_URL", f"ws://{HOST}:{ws_port}")
    _start_engine(folder)
    create_tables()
    create_queues()
    addresses = demo.Addresses(
        base_url=f"http://{HOST}:{port}",
        ws_url=f"ws://{HOST}:{ws_port}",
        admin_env=engine.environment()
        | {name: os.environ[name] for name in ("FLUXDEN_SECRET_KEY", "FLUXDEN_BASE_URL")},
    )
    made = data_folder.restore_organisation(folder, addresses) if folder else demo.create(addresses)
    pumps = (
        pump.start(catalog.consumers(app), wait_seconds=WAIT_SECONDS)
        if folder
        else pump.start(catalog.consumers(app), watch=engine)
    )
    schedules = scheduler.start(catalog.schedules(app))
    for stop in (schedules.set, *(each.stop for each in pumps)):
        atexit.register(stop)
    sockets.start(dict(catalog.sockets(app)), listener, limits)
    print(render_welcome(made, folder), flush=True)


def _data_folder() -> Path | None:
    """Return the data folder; None if the data is in memory."""
    chosen = os.environ.get("ENGINE") or EMBEDDED
    if chosen not in (EMBEDDED, EXTERNAL):
        _exit_with(f"ENGINE is {chosen!r}. Set it to {EMBEDDED} or {EXTERNAL}.")
    return None if chosen == EMBEDDED else Path(os.environ.get("DATA_DIR") or ".chalice/local/data").resolve()


def _start_engine(folder: Path | None) -> None:
    if folder is None:
        # The data is in memory, so the key only needs to last as long as this process.
        os.environ.setdefault("FLUXDEN_SECRET_KEY", new_key())
        engine.embed()
        return
    try:
        engine.attach(data_folder.start_engines(folder))
    except engines.EnginesUnavailable as missing:
        _exit_with(str(missing))


def render_welcome(made: dict[str, Any], folder: Path | None) -> str:
    """Return the text that is printed when the system is ready."""
    base = made["base_url"]
    ending = f"your data stays in {folder}" if folder else "all data is in memory and will be lost"
    return textwrap.dedent(f"""
        Fluxden is running at {base}

          Console (as Alice)  {made["console_url"]}
          API v1 docs         {base}/api/v1/docs
          API v2 docs         {base}/api/v2/docs
          WebSocket           {made["ws_url"]}
          MCP                 {made["mcp_url"]}
          Demo tokens         {demo.demo_file()}
          Stop                Ctrl-C; {ending}

        Publish an event to Alice:

        curl -i {base}/api/v1/events \\
          -H 'Authorization: Bearer {made["personal_tokens"]["alice"]}' \\
          -H 'Content-Type: application/json' \\
          -d '{{"spec_version": "2", "event_id": "hello-'$(date +%s)'", "event_type": "fd1.repo.access_granted",
               "severity": "info", "title": "You can now push to widget-pro",
               "occurred_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'

        Read her inbox:

        curl {base}/api/v1/inbox -H 'Authorization: Bearer {made["api_keys"]["alice"]}'

        Connect an agent over MCP with this client configuration:

        {json.dumps(client_configuration(made))}
        """)


def client_configuration(made: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration for MCP clients, with Alice's key."""
    headers = {"Authorization": f"Bearer {made['api_keys']['alice']}"}
    return {"mcpServers": {"fluxden": {"type": "http", "url": made["mcp_url"], "headers": headers}}}


def _read_number(name: str, default: int, allowed: range) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(allowed[-1])) or int(text) not in allowed:
        kind = "a port number" if allowed is PORTS else "a whole number of seconds above zero"
        _exit_with(f"{name} is {text!r}. Set it to {kind}.")
    return int(text)


@contextmanager
def _report_busy_port(name: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        _exit_with(f"Port {port} is already in use. Choose another one: make run {name}={EXAMPLES[name]}")


def _exit_with(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def _stop(*_: object) -> NoReturn:
    print("\nStopped.", flush=True)
    sys.exit(0)
