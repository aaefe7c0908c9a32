"""The whole system in one process: started by `app.py` when the stage is `local`."""

import errno
import os
import signal
import sys
import textwrap
from typing import Any, NoReturn

from chalice.app import Chalice

from chalicelib.vault import new_key
from infra import catalog, demo
from infra.local import engine, gateway, pump, scheduler
from infra.queues import create_queues
from infra.tables import create_tables

HOST = "127.0.0.1"


def start(app: Chalice) -> None:
    """Start everything of `app` behind the HTTP server, which `chalice local` starts next.

    Reads `PORT` (8000), `WS_PORT` (8001) and `DEMO_FILE`. A busy port ends the process.
    """
    port = _port("PORT", 8000)
    try:
        gateway.install(HOST, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        _give_up(f"Port {port} is not free. Choose another, such as: make run PORT=8010")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    # As short-lived as the memory that holds what it seals.
    os.environ.setdefault("FLUXDEN_SECRET_KEY", new_key())
    engine.embed()
    create_tables()
    create_queues()
    addresses = demo.Addresses(
        base_url=f"http://{HOST}:{port}",
        ws_url=f"ws://{HOST}:{_port('WS_PORT', 8001)}",
        admin_env={
            "AWS_ENDPOINT_URL": f"http://{HOST}:{engine.serve()}",
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": engine.ACCESS_KEY,
            "AWS_DEFAULT_REGION": engine.REGION,
            "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
        },
    )
    made = demo.create(addresses)
    pump.start(catalog.consumers(app))
    scheduler.start(catalog.schedules(app))
    print(welcome(made), flush=True)


def welcome(made: dict[str, Any]) -> str:
    """What a newcomer needs to see first."""
    base = made["base_url"]
    return textwrap.dedent(f"""
        Fluxden runs at {base}

          API documentation   {base}/api/v1/docs
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
        """)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or int(text) not in range(1, 65536):
        _give_up(f"{name} must be a port number, not {text!r}.")
    return int(text)


def _give_up(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def _stop(*_: object) -> NoReturn:
    print("\nStopped.", flush=True)
    sys.exit(0)
