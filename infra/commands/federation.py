"""`federation`: what this desk lets other desks do."""

from dataclasses import replace
from typing import Any

import click

from chalicelib.core.domain.errors import Conflict
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.settings import settings
from infra.commands.output import json_option, show

_SWITCH = click.Choice(["on", "off"])


@click.group()
def federation() -> None:
    """What this desk lets other desks do."""


@federation.command("show", epilog="Example: federation show --json")
@json_option
def show_(*, as_json: bool) -> None:
    """Show the settings, and where other desks reach this one: FLUXDEN_BASE_URL."""
    show(_record(DynamoFederation().find_settings()), as_json=as_json)


@federation.command("set", epilog="Example: federation set --mode allowlist --inbound on")
@click.option(
    "--mode",
    type=click.Choice([each.value for each in FederationMode]),
    help="Who may ask to be connected: anybody, nobody, or people of approved instances.",
)
@click.option("--inbound", type=_SWITCH, help="Whether anything at all is taken from other desks.")
@click.option("--approval", type=_SWITCH, help="Whether people must accept who asks to be connected with them.")
@json_option
def set_(*, mode: str | None, inbound: str | None, approval: str | None, as_json: bool) -> None:
    """Change the settings that are given, and leave the others."""
    wanted: dict[str, Any] = {}
    if mode is not None:
        wanted["mode"] = FederationMode(mode)
    if inbound is not None:
        wanted["inbound"] = inbound == "on"
    if approval is not None:
        wanted["approval"] = approval == "on"
    if not wanted:
        raise click.UsageError("Nothing is given that could be set.")
    changed = replace(DynamoFederation().find_settings(), **wanted)
    DynamoFederation().save_settings(changed)
    show(_record(changed), as_json=as_json)


@federation.command("rotate-key", epilog="Example: federation rotate-key")
def rotate_key() -> None:
    """Sign what is sent to other desks with a new key from now on.

    The one before stays published until the next rotation, so that what is on its way is still understood. Other desks
    fetch the new one when they meet it. Needs FLUXDEN_SECRET_KEY.
    """
    made = DynamoFederation().rotate_key()
    if made is None:
        raise Conflict("Another call has rotated the key just now.")
    click.echo(f"The key is {made.key_id} now.")


def _record(found: FederationSettings) -> dict[str, Any]:
    return {
        "mode": found.mode.value,
        "inbound": found.inbound,
        "approval": found.approval,
        "url": settings().base_url or None,
    }
