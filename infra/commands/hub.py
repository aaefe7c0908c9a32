"""`hub`: join and leave the networks of other desks."""

import secrets
from datetime import UTC, datetime
from typing import Any

import click
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.gateways import http
from chalicelib.federation.connections.domain.handshake import base_url
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.membership import Membership, MembershipStatus
from chalicelib.federation.network.services import membership
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.federation.network.stores.reported_counts import DynamoReportedCounts
from chalicelib.settings import VERSION, settings
from infra.commands.output import json_option, print_records


@click.group()
def hub() -> None:
    """Join and leave the networks of other desks."""


@hub.command(epilog="Example: hub join https://hub.example.com --name 'Acme desk'")
@click.argument("url")
@click.option("--name", default="Fluxden", show_default=True, help="Name of this desk in the network.")
def join(url: str, name: str) -> None:
    """Register this desk at a hub.

    Requires FLUXDEN_BASE_URL and FLUXDEN_SECRET_KEY. The hub's operator must approve the desk. Its heartbeats fail
    until then. If you join again, the token is replaced and an interrupted join is completed.
    """
    if not name.strip():
        raise Invalid("The name is empty. Pass a name with --name.")
    own = membership.OwnInstance(settings().base_url, VERSION)
    said = membership.join(
        _parse_hub_url(url),
        name.strip(),
        secrets.token_urlsafe(32),
        own=own,
        now=datetime.now(UTC),
        hubs=DynamoHubs(),
        counts=DynamoReportedCounts(),
        post=DeskCalls(DynamoFederation(), http.post_and_read, http.get).post,
    )
    pending = (
        ""
        if said.membership_status is MembershipStatus.ACTIVE
        else " It is waiting for approval by the hub's operator."
    )
    click.echo(f"Registered {own.url} at {_parse_hub_url(url)} as {said.instance_id}.{pending}")


@hub.command("show", epilog="Example: hub show --json")
@json_option
def show_(*, as_json: bool) -> None:
    """List the hubs and the results of the heartbeats."""
    found = [_to_record(each) for each in DynamoHubs().list_memberships()]
    print_records(found, as_json=as_json, none="This desk has not joined a hub.")


@hub.command(epilog="Example: hub leave https://hub.example.com")
@click.argument("url", required=False)
def leave(url: str | None) -> None:
    """Leave a hub: stop sending heartbeats and ignore its events.

    The hub is not notified and soon lists this desk as stale. You can join again later.
    """
    left = membership.leave(_parse_hub_url(url) if url is not None else None, hubs=DynamoHubs())
    click.echo(f"Left {left.hub_url}.")


def _parse_hub_url(url: str) -> str:
    try:
        return base_url(url, allow_loopback=settings().allow_loopback)
    except PydanticCustomError as error:
        raise Invalid(f"The URL {error.message()}.") from error


def _to_record(each: Membership) -> dict[str, Any]:
    return {
        "hub": each.hub_url,
        "name": each.name,
        "status": each.status.value,
        "instanceId": each.instance_id,
        "joinedAt": each.joined_at,
        "failures": each.failures,
        "lastSuccessAt": each.last_success_at,
        "lastFailureAt": each.last_failure_at,
        "lastError": each.last_error,
        "nextHeartbeatAt": each.next_heartbeat_at,
    }
