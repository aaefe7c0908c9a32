"""`instances`: approve and suspend instances that registered at this hub."""

import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib.core.gateways import http
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services.challenges import Challenger
from chalicelib.federation.network.services.instances import Decision
from chalicelib.federation.network.services.instances import approve as approve_instance
from chalicelib.federation.network.services.instances import remove as remove_instance
from chalicelib.federation.network.services.instances import suspend as suspend_instance
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.settings import settings
from infra.commands.output import json_option, print_records


@click.group()
def instances() -> None:
    """Approve and suspend instances that registered here."""


@instances.command("list", epilog="Example: instances list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List instances in the order they registered."""
    now = datetime.now(UTC)
    found = [each for each in DynamoInstances().list_instances() if not each.has_lapsed(now)]
    print_records([_to_record(each) for each in found], as_json=as_json, none="No instances.")


@instances.command(epilog="Example: instances approve 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("instance_id")
@click.option("--without-challenge", is_flag=True, help="Approve without a proof of identity.")
def approve(instance_id: str, *, without_challenge: bool) -> None:
    """Approve an instance, and notify it.

    First the instance must prove, at its own URL, that it has the key it registered with. Only Fluxden can do so;
    approve other software with --without-challenge. Other registrations of its address end. Requires FLUXDEN_BASE_URL
    and FLUXDEN_SECRET_KEY.
    """
    get = DeskCalls(DynamoFederation(), http.post_and_read, http.get, includes_suspended=True).get
    try:
        approved = approve_instance(
            instance_id,
            _decision(),
            instances=DynamoInstances(),
            registrations=DynamoRegistrations(),
            queue=INSTANCE_NOTICE_JOBS,
            challenger=None if without_challenge else Challenger(get, settings().base_url),
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Approved {approved.name} ({approved.base_url}).")


@instances.command(epilog="Example: instances suspend 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("instance_id")
def suspend(instance_id: str) -> None:
    """Suspend an instance, and notify it.

    Its token and key stop working, its agents are hidden, and nothing comes in over connections with its people until
    you approve it again.
    """
    suspended = suspend_instance(
        instance_id,
        _decision(),
        instances=DynamoInstances(),
        registrations=DynamoRegistrations(),
        queue=INSTANCE_NOTICE_JOBS,
    )
    click.echo(f"Suspended {suspended.name} ({suspended.base_url}).")


@instances.command(epilog="Example: instances remove 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("instance_id")
def remove(instance_id: str) -> None:
    """Delete an inactive instance with its registration, token and agents.

    Connections between people stay. A suspended instance's address is blocked from then on, so that they stay cut;
    federation unblock ends that. After a removed registration, anybody can register the address.
    """
    removed = remove_instance(instance_id, instances=DynamoInstances(), listings=DynamoMarketplace())
    click.echo(f"Removed {removed.name} ({removed.base_url}): its registration, its token and its agents.")
    if removed.status is InstanceStatus.SUSPENDED:
        click.echo(f"Blocked {removed.base_url}. Nothing comes in from it, and nothing is sent to it.")


def _decision() -> Decision:
    return Decision(secrets.token_urlsafe(24), str(uuid4()), datetime.now(UTC))


def _to_record(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.instance_id,
        "name": instance.name,
        "baseUrl": instance.base_url,
        "status": str(instance.status),
        "confirmed": instance.is_confirmed,
        "marketplace": instance.marketplace_enabled,
        "version": instance.version,
        "health": "stale" if instance.stale_since and instance.is_active else instance.health,
        "registeredAt": instance.registered_at,
        "lastSeenAt": instance.last_seen_at,
    }
