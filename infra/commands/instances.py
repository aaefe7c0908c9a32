"""`instances`: other instances that belong to this one's network, or want to."""

import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib.core.gateways import http
from chalicelib.federation.network.domain.instances import Instance
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services.instances import Decision
from chalicelib.federation.network.services.instances import approve as approve_instance
from chalicelib.federation.network.services.instances import suspend as suspend_instance
from chalicelib.federation.network.stores.instances import DynamoInstances
from infra.commands.output import json_option, show_list


@click.group()
def instances() -> None:
    """Instances that register here."""


@instances.command("list", epilog="Example: instances list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the instances with their status, by registration."""
    found = DynamoInstances().list_instances()
    show_list([_record(each) for each in found], as_json=as_json, none="No instance has registered.")


@instances.command(epilog="Example: instances approve 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("instance_id")
@click.option("--without-challenge", is_flag=True, help="Don't ask the instance for a proof that it is itself.")
def approve(instance_id: str, *, without_challenge: bool) -> None:
    """Trust an instance: its token and key work from now on.

    Before that it has to prove at its own address that it knows the key it registered with. Only desks of this kind
    can; approve others --without-challenge. Needs FLUXDEN_SECRET_KEY. The instance is told.
    """
    store = DynamoInstances()
    get = None if without_challenge else http.get
    try:
        approved = approve_instance(
            instance_id, _decision(), instances=store, queue=INSTANCE_NOTICE_JOBS, keys=store, get=get
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{approved.name} ({approved.base_url}) is approved.")


@instances.command(epilog="Example: instances suspend 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("instance_id")
def suspend(instance_id: str) -> None:
    """Trust an instance no longer.

    Its token and key end at once and its agents are hidden, until it is approved again. The instance is told.
    """
    suspended = suspend_instance(instance_id, _decision(), instances=DynamoInstances(), queue=INSTANCE_NOTICE_JOBS)
    click.echo(f"{suspended.name} ({suspended.base_url}) is suspended.")


def _decision() -> Decision:
    return Decision(secrets.token_urlsafe(24), str(uuid4()), datetime.now(UTC))


def _record(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.instance_id,
        "name": instance.name,
        "baseUrl": instance.base_url,
        "status": str(instance.status),
        "marketplace": instance.marketplace_enabled,
        "version": instance.version,
        "health": "stale" if instance.stale_since and instance.is_active else instance.health,
        "registeredAt": instance.registered_at,
        "lastSeenAt": instance.last_seen_at,
    }
