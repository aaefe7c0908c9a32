"""`demo`: create the demo organisation on any installation."""

import os

import click

from infra import demo as organisation
from infra.queues import create_queues
from infra.tables import create_tables

_SETTINGS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "FLUXDEN_BASE_URL",
    "FLUXDEN_PREFIX",
    "FLUXDEN_SECRET_KEY",
    "FLUXDEN_SOCKETS_URL",
)


@click.command(epilog="Example: DEMO_FILE=demo.json python -m infra.admin demo")
def demo() -> None:
    """Create the demo organisation.

    Requires FLUXDEN_SECRET_KEY. Creates missing tables and queues, and writes all tokens to DEMO_FILE. If you run it
    again, it replaces the tools tokens and personal tokens, adds an API key for each person, and keeps everything else.
    """
    port, ws_port = os.environ.get("PORT") or "8000", os.environ.get("WS_PORT") or "8001"
    create_tables()
    create_queues()
    organisation.create(
        organisation.Addresses(
            base_url=f"http://127.0.0.1:{port}",
            ws_url=f"ws://127.0.0.1:{ws_port}",
            admin_env={name: os.environ[name] for name in _SETTINGS if name in os.environ},
        )
    )
    click.echo(f"Created the demo organisation. Its tokens are in {organisation.demo_file()}")
