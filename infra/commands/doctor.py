"""`doctor`: whether a running desk does its work."""

import os
import sys

import click

from infra.commands.output import json_option, show_list


@click.command(epilog="Example: doctor --url https://desk.example.com")
@click.option("--url", help="Where the desk is reached.  [default: FLUXDEN_BASE_URL]")
@click.option("--socket-url", help="Where its WebSockets are.  [default: what the desk says]")
@json_option
def doctor(url: str | None, socket_url: str | None, *, as_json: bool) -> None:
    """Follow a canary event through a running desk, and time each hop.

    It is published to an employee of the doctor's own, followed to the inbox, an open socket and a callback, and
    deleted. The callback is tried where the desk may call this machine: it wants ALLOW_LOOPBACK=1, and
    FLUXDEN_SECRET_KEY here.
    Ends with exit code 1 at the first hop that fails.
    """
    from infra.doctor import examine

    if not (url := url or os.environ.get("FLUXDEN_BASE_URL")):
        raise click.ClickException("Say where the desk is: --url https://…, or FLUXDEN_BASE_URL.")
    hops = examine(url, socket_url)
    rows = [
        {
            "hop": each.name,
            "milliseconds": None if each.milliseconds is None else round(each.milliseconds, 1),
            "result": "failed" if each.failed else f"not tried: {each.left_out}" if each.left_out else "fine",
        }
        for each in hops
    ]
    show_list(rows, as_json=as_json, none="")
    if hops[-1].failed:
        click.echo(hops[-1].failed, err=True)
        sys.exit(1)
