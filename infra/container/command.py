"""The command that serves a whole desk on one machine: `python -m infra.container --help`."""

import asyncio
import os

import click
from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice

from chalicelib.parallel import gather
from chalicelib.settings import positive_integer
from chalicelib.telemetry import logs
from infra.commands.federation import list_warnings
from infra.container import probe
from infra.container.host import Host, Options
from infra.container.hosts import Identity
from infra.host_secret import accepted_hashes, share_secret
from infra.queues import create_queues
from infra.tables import create_tables

PARTS = ("http", "sockets", "workers")
_THREADS, _STREAMS = 64, 1000
# Below the 30 seconds that most supervisors wait before they kill a process.
_DRAIN_SECONDS = 25


@click.command(context_settings={"show_default": True})
@click.option(
    "--serve", "parts", multiple=True, type=click.Choice(PARTS), default=PARTS, help="Part to serve. Repeat for more."
)
@click.option("--host", default="127.0.0.1", help="Address for HTTP and WebSockets.")
@click.option("--port", default=8000, help="HTTP port.")
@click.option("--ws-port", default=8001, help="WebSocket port.")
@click.option("--management-host", default="127.0.0.1", help="Address of the management port. Keep it internal.")
@click.option("--management-port", default=8002, help="Port of the management API and of /healthz.")
@click.option("--management-url", default="", help="URL by which other hosts reach the management port.")
@click.option("--threads", type=click.IntRange(1), default=_THREADS, help="Functions that run at the same time.")
@click.option("--streams", type=click.IntRange(0), default=_STREAMS, help="Event streams that are open at a time.")
@click.option("--only", default=None, help="Serve one operation, worker or schedule, on --host and --port alone.")
@click.option("--create/--no-create", default=True, help="Create missing tables and queues.")
def main(
    *,
    parts: tuple[str, ...],
    host: str,
    port: int,
    ws_port: int,
    management_host: str,
    management_port: int,
    management_url: str,
    threads: int,
    streams: int,
    create: bool,
    only: str | None,  # noqa: ARG001 - handled before this module is loaded
) -> None:
    """Serve HTTP, WebSockets, and the workers of queues and schedules.

    Uses the engines at AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_SQS. You can run many hosts on the same engines.
    They reach each other's WebSockets through their management ports. SIGTERM drains the process for at most
    FLUXDEN_DRAIN_SECONDS.
    """
    logs.install(with_metrics=False)
    # The gateway sends heartbeats, so no schedule does.
    os.environ["FLUXDEN_SOCKET_HEARTBEATS"] = "0"
    identity = Identity.new(management_url, management_host, management_port)
    _share_secret()
    if "sockets" in parts:
        os.environ["FLUXDEN_SOCKET_HOST"] = os.environ["FLUXDEN_SOCKETS_URL"] = identity.endpoint
    else:
        os.environ.setdefault("FLUXDEN_SOCKETS_URL", identity.endpoint)
    from app import app

    _prepare_engines(create=create)
    for warning in list_warnings():
        click.echo(warning, err=True)
    drain_seconds = positive_integer("FLUXDEN_DRAIN_SECONDS", _DRAIN_SECONDS)
    options = Options(
        parts, host, port, ws_port, management_host, management_port, threads, streams, float(drain_seconds), identity
    )
    asyncio.run(_serve(app, options))


def _share_secret() -> None:
    try:
        share_secret()
        accepted_hashes()
    except ValueError as error:
        raise click.ClickException(str(error)) from error


async def _serve(app: Chalice, options: Options) -> None:
    await Host(app, options).run()


def _prepare_engines(*, create: bool) -> None:
    """Create what is missing. Exits with 1 if an engine can't be reached, or lacks a call that the desk needs."""
    try:
        if create:
            _refuse(probe.find_unknown_calls())
            create_tables()
            create_queues()
        queues = probe.find_missing_queue_calls if create else probe.find_missing_redrives
        _refuse([each for found in gather(probe.find_missing_calls, queues) for each in found])
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"Can't use the engines: {error}") from error


def _refuse(missing: list[str]) -> None:
    if missing:
        listed = "".join(f"\n  {each}" for each in missing)
        raise click.ClickException(f"The engines lack what the desk needs (docs/self-hosting.md):{listed}")
