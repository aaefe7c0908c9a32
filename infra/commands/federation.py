"""`federation`: configure what other desks can do here."""

from dataclasses import replace
from typing import Any

import click

from chalicelib.core.domain.errors import Conflict
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.settings import settings
from infra.commands.output import json_option, print_record

_SWITCH = click.Choice(["on", "off"])


@click.group()
def federation() -> None:
    """Configure what other desks can do here."""


@federation.command("show", epilog="Example: federation show --json")
@json_option
def show_(*, as_json: bool) -> None:
    """Show the federation settings and the URL of this desk (FLUXDEN_BASE_URL)."""
    print_record(_to_record(DynamoFederation().find_settings()), as_json=as_json)


@federation.command("set", epilog="Example: federation set --mode allowlist --inbound on")
@click.option(
    "--mode",
    type=click.Choice([each.value for each in FederationMode]),
    help="Who can request connections: anybody, nobody, or people of approved instances.",
)
@click.option("--inbound", type=_SWITCH, help="Whether this desk accepts anything from other desks.")
@click.option("--approval", type=_SWITCH, help="Whether people must accept a connection request.")
@json_option
def set_(*, mode: str | None, inbound: str | None, approval: str | None, as_json: bool) -> None:
    """Change federation settings. Settings that you don't pass stay as they are."""
    wanted: dict[str, Any] = {}
    if mode is not None:
        wanted["mode"] = FederationMode(mode)
    if inbound is not None:
        wanted["inbound"] = inbound == "on"
    if approval is not None:
        wanted["approval"] = approval == "on"
    if not wanted:
        raise click.UsageError("Pass at least one setting.")
    changed = replace(DynamoFederation().find_settings(), **wanted)
    DynamoFederation().save_settings(changed)
    print_record(_to_record(changed), as_json=as_json)


@federation.command("rotate-key", epilog="Example: federation rotate-key")
def rotate_key() -> None:
    """Replace the key that signs requests to other desks.

    The previous key stays published until the next rotation, so that requests on their way can still be verified. Other
    desks fetch the new key when they first see it. Requires FLUXDEN_SECRET_KEY.
    """
    made = DynamoFederation().rotate_key()
    if made is None:
        raise Conflict("Another process rotated the key at the same time. Check the key and try again.")
    click.echo(f"Rotated the key. The new key is {made.key_id}.")


def _to_record(found: FederationSettings) -> dict[str, Any]:
    return {
        "mode": found.mode.value,
        "inbound": found.inbound,
        "approval": found.approval,
        "url": settings().base_url or None,
    }
