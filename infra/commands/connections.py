"""`connections`: manage connections between people here and people of other desks."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.domain.owned_connections import Action, ConnectionPatch
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services.admission import relation_of
from chalicelib.federation.connections.services.connections import change_connection
from chalicelib.federation.connections.services.removals import remove_connection
from chalicelib.federation.connections.services.transitions import Ports
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.ids import new_ulid
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.operate.services.employees import person_by_email
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.federation import canonical_argument
from infra.commands.output import json_option, print_records


@click.group()
def connections() -> None:
    """Manage connections between people here and people of other desks."""


@connections.command("list", epilog="Example: connections list --owner alice@example.com --json")
@click.option("--owner", metavar="EMAIL", help="Only connections of this employee.")
@json_option
def list_(owner: str | None, *, as_json: bool) -> None:
    """List connections by employee, oldest first.

    The relation is claimed until the other desk has confirmed its address, then confirmed; suspended cuts it off.
    """
    people, rules = DynamoDirectory(), DynamoFederation().find_settings()
    owners = [person_by_email(owner, people)] if owner is not None else people.list_people()
    found = [_to_record(each, rules) for person in owners for each in DynamoConnections().list_own(person.user_id)]
    print_records(found, as_json=as_json, none="No connections.")


@connections.command(epilog="Example: connections accept 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("connection_id", type=click.UUID)
def accept(connection_id: UUID) -> None:
    """Accept a request on the person's behalf, or unblock a connection."""
    _change_connection(connection_id, Action.ACCEPT)


@connections.command(epilog="Example: connections decline 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("connection_id", type=click.UUID)
def decline(connection_id: UUID) -> None:
    """Decline a connection request, or end a connection."""
    _change_connection(connection_id, Action.DECLINE)


@connections.command(epilog="Example: connections block 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("connection_id", type=click.UUID)
def block(connection_id: UUID) -> None:
    """Block a connection. Nothing passes until it is unblocked."""
    _change_connection(connection_id, Action.BLOCK)


@connections.command(epilog="Example: connections remove 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("connection_id", type=click.UUID, required=False)
@click.option("--origin", metavar="URL", help="Remove every connection and request with the desk at this address.")
def remove(connection_id: UUID | None, origin: str | None) -> None:
    """End a connection and delete it, with its token and what waits for it.

    Its notices, waiting relays and memory of repeats go too. The owner is told, and a Fluxden desk at the other end
    once. Relays that were sent or received stay readable, and those that waited expire. Run it again if it was
    interrupted. Its people can connect again: block the origin if they must not.
    """
    if (connection_id is None) == (origin is None):
        raise click.UsageError("Pass the id of a connection, or --origin.")
    wanted = [str(connection_id)] if connection_id else [each.connection_id for each in _list_of_origin(str(origin))]
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS, notifier)
    for each in wanted:
        now = datetime.now(UTC)
        try:
            made = remove_connection(each, message_id=new_ulid(now), now=now, ports=ports)
        except NotFound:
            if connection_id is not None:
                raise
            # Its worker has deleted it meanwhile.
            continue
        click.echo(f"Removed connection {made.connection_id} of {made.user_email or '-'} with {made.peer_url}.")
    if not wanted:
        click.echo("No connections.")


def _list_of_origin(origin: str) -> list[Connection]:
    return list(DynamoConnections().list_of_origin(canonical_argument(origin)))


def _change_connection(connection_id: UUID, action: Action) -> None:
    context = RequestContext("operator", datetime.now(UTC))
    patch = ConnectionPatch(action=action)
    ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS)
    made = change_connection(str(connection_id), patch, owner=None, context=context, ports=ports)
    click.echo(f"Connection {connection_id} is now {made.status}.")


def _to_record(each: Connection, rules: FederationSettings) -> dict[str, Any]:
    return {
        "connectionId": each.connection_id,
        "owner": each.user_email,
        "peer": each.peer_email,
        "instance": each.peer_url,
        "status": each.status.value,
        "relation": relation_of(each, rules).value,
        "askedBy": each.initiator.value,
        "hmac": each.hmac_enabled,
        "createdAt": each.created_at,
    }
