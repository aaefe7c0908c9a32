"""`federation`: configure what other desks can do here."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib.core.domain.errors import Conflict
from chalicelib.federation.connections.domain.federation_settings import (
    LEAST_TOKEN,
    TRUSTS_CLAIMS,
    FederationMode,
    FederationSettings,
    Unverified,
)
from chalicelib.federation.connections.domain.origins import canonical_origin
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services.instances import Decision, block_origin
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.settings import settings
from infra.commands.output import json_option, print_record

_NO_URL = (
    "nothing comes in from other desks until FLUXDEN_BASE_URL is set, the URL at which they reach this one. Signatures"
    " are checked against it."
)
_SWITCH = click.Choice(["on", "off"])


def list_warnings() -> list[str]:
    """List what operators are warned of at every start: trusted claims, a desk without an address. Store calls: 1."""
    found = DynamoFederation().find_settings()
    warnings = [TRUSTS_CLAIMS] if found.unverified is Unverified.ACCEPT else []
    return [*warnings, *([f"Warning: {_NO_URL}"] if found.inbound and not settings().base_url else [])]


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
@click.option(
    "--unverified",
    type=click.Choice([each.value for each in Unverified]),
    help="What becomes of requests whose desk can confirm nothing: refused, listed as unverified, or believed.",
)
@click.option(
    "--compatible",
    type=click.Choice(["on", "off", "auto"]),
    help=f"Whether peers may choose tokens of less than {LEAST_TOKEN} characters. Auto: only desks without keys.",
)
@json_option
def set_(*, as_json: bool, **options: str | None) -> None:
    """Change federation settings. Settings that you don't pass stay as they are.

    Closing the mode ends no connection: it takes no new requests. With --inbound off nothing comes in at all, and
    --inbound on requires FLUXDEN_BASE_URL.
    """
    mode, unverified, compatible = options["mode"], options["unverified"], options["compatible"]
    inbound, approval = options["inbound"], options["approval"]
    wanted: dict[str, Any] = {}
    if mode is not None:
        wanted["mode"] = FederationMode(mode)
    if inbound is not None:
        wanted["inbound"] = inbound == "on"
    if approval is not None:
        wanted["approval"] = approval == "on"
    if unverified is not None:
        wanted["unverified"] = Unverified(unverified)
    if compatible is not None:
        wanted["compatible"] = {"on": True, "off": False, "auto": None}[compatible]
    if not wanted:
        raise click.UsageError("Pass at least one setting.")
    changed = replace(DynamoFederation().find_settings(), **wanted)
    opens = inbound == "on" or mode not in (None, FederationMode.CLOSED)
    if opens and changed.inbound and not settings().base_url:
        raise click.ClickException(f"Not changed: {_NO_URL}")
    DynamoFederation().save_settings(changed)
    if changed.unverified is Unverified.ACCEPT:
        click.echo(TRUSTS_CLAIMS, err=True)
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


@federation.command(epilog="Example: federation block https://desk.example")
@click.argument("origin")
def block(origin: str) -> None:
    """Let nothing in from the desk at this address, whatever it can prove.

    Its connection requests, registrations, and everything over connections with its people are refused, and nothing
    is sent to it. If it is an instance of this network, that is suspended; if it is a hub, its events are refused.
    """
    canonical = canonical_argument(origin)
    found = block_origin(
        canonical,
        Decision(secrets.token_urlsafe(24), str(uuid4()), datetime.now(UTC)),
        federation=DynamoFederation(),
        instances=DynamoInstances(),
        registrations=DynamoRegistrations(),
        queue=INSTANCE_NOTICE_JOBS,
    )
    if found is not None:
        click.echo(f"Suspended {found.name} ({found.base_url}): its token and key work no more, its agents are hidden.")
    click.echo(f"Blocked {canonical}. Nothing comes in from it, and nothing is sent to it.")


@federation.command(epilog="Example: federation unblock https://desk.example")
@click.argument("origin")
def unblock(origin: str) -> None:
    """Let the desk at this address in again. An instance that was suspended has to be approved."""
    canonical = canonical_argument(origin)
    DynamoFederation().block(canonical, blocked=False)
    click.echo(f"Unblocked {canonical}.")


def canonical_argument(origin: str) -> str:
    """Return the canonical form of an address that an operator typed."""
    try:
        return canonical_origin(origin)
    except ValueError as error:
        raise click.UsageError(f"The address {error}.") from error


def _to_record(found: FederationSettings) -> dict[str, Any]:
    return {
        "mode": found.mode.value,
        "inbound": found.inbound,
        "approval": found.approval,
        "unverified": found.unverified.value,
        "compatible": {True: "on", False: "off", None: "auto"}[found.compatible],
        "suspended": sorted(found.suspended),
        "blocked": sorted(found.blocked),
        "url": settings().base_url or None,
    }
