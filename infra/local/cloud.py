"""The whole system in one process: started by `app.py` when the stage is `local`."""

import errno
import json
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from chalice.app import Chalice

from chalicelib.vault import new_key
from infra import catalog, demo
from infra.local import engine, gateway, pump, scheduler, sockets
from infra.queues import create_queues
from infra.tables import create_tables

HOST = "127.0.0.1"
PORTS, SECONDS = range(1, 65536), range(1, 10**9)
EXAMPLES = {"PORT": 8010, "WS_PORT": 8011}


def start(app: Chalice) -> None:
    """Start everything of `app` behind the HTTP server, which `chalice local` starts next.

    Reads `PORT` (8000), `WS_PORT` (8001), `WS_IDLE_SECONDS` (600), `WS_LIFETIME_SECONDS` (7200) and `DEMO_FILE`.
    A busy port ends the process.
    """
    port, ws_port = _number("PORT", 8000, PORTS), _number("WS_PORT", 8001, PORTS)
    limits = sockets.Limits(
        idle_seconds=_number("WS_IDLE_SECONDS", 600, SECONDS),
        lifetime_seconds=_number("WS_LIFETIME_SECONDS", 7200, SECONDS),
    )
    with _taking("PORT", port):
        gateway.install(HOST, port)
    with _taking("WS_PORT", ws_port):
        listener = socket.create_server((HOST, ws_port), backlog=gateway.Server.request_queue_size)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    # As short-lived as the memory that holds what it seals.
    os.environ.setdefault("FLUXDEN_SECRET_KEY", new_key())
    os.environ.setdefault("FLUXDEN_BASE_URL", f"http://{HOST}:{port}")
    os.environ.setdefault("FLUXDEN_SOCKET_URL", f"ws://{HOST}:{ws_port}")
    engine.embed()
    create_tables()
    create_queues()
    served = engine.serve()
    addresses = demo.Addresses(
        base_url=f"http://{HOST}:{port}",
        ws_url=f"ws://{HOST}:{ws_port}",
        admin_env={
            "AWS_ENDPOINT_URL": f"http://{HOST}:{served}",
            "FLUXDEN_SOCKETS_URL": f"http://{HOST}:{served}",
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": engine.ACCESS_KEY,
            "AWS_DEFAULT_REGION": engine.REGION,
            "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
            "FLUXDEN_BASE_URL": os.environ["FLUXDEN_BASE_URL"],
        },
    )
    made = demo.create(addresses)
    pump.start(catalog.consumers(app))
    scheduler.start(catalog.schedules(app))
    sockets.start(dict(catalog.sockets(app)), listener, limits)
    print(welcome(made), flush=True)


def welcome(made: dict[str, Any]) -> str:
    """What a newcomer needs to see first."""
    base = made["base_url"]
    return textwrap.dedent(f"""
        Fluxden runs at {base}

          Events and inbox    {base}/api/v1/docs
          The desk of agents  {base}/api/v2/docs
          WebSocket           {made["ws_url"]}
          MCP, for agents     {made["mcp_url"]}
          Tokens and people   {demo.demo_file()}
          Stop                Ctrl-C; all data is in memory and goes with it

        Publish an event to Alice:

        curl -i {base}/api/v1/events \\
          -H 'Authorization: Bearer {made["personal_tokens"]["alice"]}' \\
          -H 'Content-Type: application/json' \\
          -d '{{"spec_version": "2", "event_id": "hello-'$(date +%s)'", "event_type": "fd1.repo.access_granted",
               "severity": "info", "title": "You can now push to widget-pro",
               "occurred_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'

        See it in her inbox:

        curl {base}/api/v1/inbox -H 'Authorization: Bearer {made["api_keys"]["alice"]}'

        Let an agent work at her desk; this is what an MCP client wants to be told:

        {json.dumps(client_configuration(made))}
        """)


def client_configuration(made: dict[str, Any]) -> dict[str, Any]:
    """The entry for this desk, with Alice's key, in the form that most clients of the Model Context Protocol share."""
    headers = {"Authorization": f"Bearer {made['api_keys']['alice']}"}
    return {"mcpServers": {"fluxden": {"type": "http", "url": made["mcp_url"], "headers": headers}}}


def _number(name: str, default: int, allowed: range) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(allowed[-1])) or int(text) not in allowed:
        kind = "a port number" if allowed is PORTS else "a number of seconds above zero"
        _give_up(f"{name} must be {kind}, not {text!r}.")
    return int(text)


@contextmanager
def _taking(name: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        _give_up(f"Port {port} is not free. Choose another, such as: make run {name}={EXAMPLES[name]}")


def _give_up(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def _stop(*_: object) -> NoReturn:
    print("\nStopped.", flush=True)
    sys.exit(0)
