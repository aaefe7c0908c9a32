"""Serve Fluxden on one machine, with your own engines: `python -m infra.container --help`."""

import os
import signal
import socket
import sys
import threading
from typing import Any, NoReturn

import click
import waitress
from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice

from chalicelib.telemetry import logs
from infra import catalog
from infra.commands.federation import trusted_claims_warning
from infra.container.http import Wsgi, application, management
from infra.local import gateway, pump, scheduler, sockets
from infra.local.heartbeats import send_heartbeat
from infra.local.socket_link import Limits
from infra.queues import create_queues
from infra.tables import create_tables

PARTS = ("http", "sockets", "workers")
_SECONDS_A_MINUTE = 60.0
# At most half of them hold event streams.
_THREADS = 64


@click.command(context_settings={"show_default": True})
@click.option(
    "--serve", "parts", multiple=True, type=click.Choice(PARTS), default=PARTS, help="Part to serve. Repeat for more."
)
@click.option("--host", default="127.0.0.1", help="Address for HTTP and WebSockets.")
@click.option("--port", default=8000, help="HTTP port.")
@click.option("--ws-port", default=8001, help="WebSocket port.")
@click.option("--management-host", default="127.0.0.1", help="Address of the management API. Keep it internal.")
@click.option("--management-port", default=8002, help="Port of the management API.")
@click.option("--threads", default=_THREADS, help="Concurrent HTTP requests.")
@click.option("--create/--no-create", default=True, help="Create missing tables and queues.")
def main(
    *,
    parts: tuple[str, ...],
    host: str,
    port: int,
    ws_port: int,
    management_host: str,
    management_port: int,
    threads: int,
    create: bool,
) -> None:
    """Serve HTTP, WebSockets, and the workers of queues and schedules.

    Uses the engines at AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_SQS. You can run many processes for HTTP and
    workers, but only one for WebSockets. Set FLUXDEN_SOCKETS_URL of the others to its management port.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    logs.install(with_metrics=False)
    # The gateway sends heartbeats, so no schedule does.
    os.environ["FLUXDEN_SOCKET_HEARTBEATS"] = "0"
    os.environ.setdefault("FLUXDEN_SOCKETS_URL", f"http://{management_host}:{management_port}")
    from app import app

    if create:
        _create()
    if (warning := trusted_claims_warning()) is not None:
        click.echo(warning, err=True)
    if "sockets" in parts:
        listener = socket.create_server((host, ws_port), backlog=gateway.Server.request_queue_size)
        opened = sockets.Gateway(dict(catalog.sockets(app)), listener, Limits(), heartbeat=send_heartbeat)
        _serve_in_background(management(opened), management_host, management_port)
        click.echo(f"WebSocket  ws://{host}:{opened.port}")
    if "workers" in parts:
        _start_workers(app)
    if "http" in parts:
        click.echo(f"HTTP       http://{host}:{port}")
        _serve(application(app, streams=threads // 2), host, port, threads)
    else:
        signal.pause()


def _create() -> None:
    try:
        create_tables()
        create_queues()
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"Can't create the tables and queues: {error}") from error


def _start_workers(app: Chalice) -> None:
    pump.start(catalog.consumers(app))
    scheduler.SECONDS_A_MINUTE = _SECONDS_A_MINUTE
    scheduler.start(catalog.schedules(app))
    click.echo("Workers    all queues and schedules")


def _serve_in_background(served: Wsgi, host: str, port: int) -> None:
    threading.Thread(target=_serve, args=(served, host, port, 8), daemon=True, name="management").start()


def _serve(served: Any, host: str, port: int, threads: int) -> None:
    # Slightly above our limit, so that we answer larger requests in the contract's error shape.
    waitress.serve(
        served,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        # Notices clients that leave during a reply.
        channel_request_lookahead=1,
        max_request_body_size=gateway.LARGEST_REQUEST + 1024 * 1024,
        clear_untrusted_proxy_headers=False,
        _quiet=True,
    )


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main(prog_name="python -m infra.container")
