"""The operator's commands: `python -m infra.admin --help`."""

import os

import click

from infra import demo
from infra.queues import create_queues
from infra.tables import create_tables


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Operate a Fluxden desk.

    The desk is the one that the usual AWS settings name: AWS_ENDPOINT_URL, AWS_DEFAULT_REGION,
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE. For a desk started with `make run`,
    its demo file has them under "admin_env".
    """


@main.command("demo")
def create_demo() -> None:
    """Create the tables and the demo organisation, and write DEMO_FILE.

    Run again, it replaces the organisation's tools and personal tokens, gives its people one more
    API key each, and leaves everything else.
    """
    port, ws_port = os.environ.get("PORT") or "8000", os.environ.get("WS_PORT") or "8001"
    names = (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "FLUXDEN_PREFIX",
    )
    create_tables()
    create_queues()
    demo.create(
        demo.Addresses(
            base_url=f"http://127.0.0.1:{port}",
            ws_url=f"ws://127.0.0.1:{ws_port}",
            admin_env={name: os.environ[name] for name in names if name in os.environ},
        )
    )
    click.echo(f"The demo organisation is ready; its tokens are in {demo.demo_file()}")


if __name__ == "__main__":
    main()
