"""`doctor`: check that a running desk works."""

import os
import sys

import click

from infra.commands.output import json_option, print_records


@click.command(epilog="Example: doctor --url https://desk.example.com")
@click.option("--url", help="URL of the desk.  [default: FLUXDEN_BASE_URL]")
@click.option("--socket-url", help="URL of its WebSockets.  [default: the URL that the desk reports]")
@json_option
def doctor(url: str | None, socket_url: str | None, *, as_json: bool) -> None:
    """Follow a test event through a running desk, and time each hop.

    Publishes an event to a test employee, waits for it in the inbox, on a WebSocket and as a callback, and deletes it.
    The callback hop requires ALLOW_LOOPBACK=1 on the desk and FLUXDEN_SECRET_KEY here. Exits with 1 at the first hop
    that fails.
    """
    from infra.doctor import check_desk

    if not (url := url or os.environ.get("FLUXDEN_BASE_URL")):
        raise click.ClickException("No URL. Pass --url https://… or set FLUXDEN_BASE_URL.")
    hops = check_desk(url, socket_url)
    rows = [
        {
            "hop": each.name,
            "milliseconds": None if each.milliseconds is None else round(each.milliseconds, 1),
            "result": "failed" if each.failed else f"skipped: {each.skipped}" if each.skipped else "ok",
        }
        for each in hops
    ]
    print_records(rows, as_json=as_json, none="")
    if hops[-1].failed:
        click.echo(hops[-1].failed, err=True)
        sys.exit(1)
