"""`relays`: manage relays that other desks have not accepted."""

from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.federation.relays.domain.outbox import Outbox
from chalicelib.federation.relays.domain.outgoing import RelayDispatch
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services import dispatches
from chalicelib.federation.relays.stores.dispatches import DynamoDispatches
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from infra.commands.output import json_option, print_records


@click.group()
def relays() -> None:
    """Manage relays and acknowledgements that other desks have not accepted."""


@relays.command("list", epilog="Example: relays list --parked --json")
@click.option("--parked", is_flag=True, help="Only those that are no longer retried: refused or given up.")
@json_option
def list_(*, parked: bool, as_json: bool) -> None:
    """List refused and pending relays, oldest first.

    Shows the other desk's last response to each.
    """
    found = [each for each in DynamoDispatches().list_unsent() if each.has_ended or not parked]
    print_records([_to_record(each) for each in found], as_json=as_json, none="No refused or pending relays.")


@relays.command(epilog="Example: relays desks")
@json_option
def desks(*, as_json: bool) -> None:
    """List desks with pending relays.

    Shows how often each desk failed in a row, and when it is tried next.
    """
    boxes = DynamoOutbox()
    found = [_to_outbox_record(each, boxes.count_waiting(each.peer_url)) for each in boxes.list_busy()]
    print_records(found, as_json=as_json, none="No pending relays.")


@relays.command(epilog="Example: relays resend 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("relay_id")
def resend(relay_id: str) -> None:
    """Send a relay or its acknowledgement again.

    The desk is tried immediately, even if it has failed before.
    """
    met = dispatches.resend(
        relay_id.lower(),
        now=datetime.now(UTC),
        dispatches=DynamoDispatches(),
        boxes=DynamoOutbox(),
        queue=OUTBOX_JOBS,
    )
    click.echo(f"Sending {met.kind} {met.relay.relay_id} to {met.relay.peer_url}.")


@relays.command("give-up", epilog="Example: relays give-up 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("relay_id")
def give_up(relay_id: str) -> None:
    """Stop sending a relay or its acknowledgement.

    The relay expires, and its sender is notified.
    """
    met = dispatches.give_up(
        relay_id.lower(), now=datetime.now(UTC), dispatches=DynamoDispatches(), boxes=DynamoOutbox()
    )
    click.echo(f"Gave up {met.kind} {met.relay.relay_id}.")


def _to_record(each: RelayDispatch) -> dict[str, Any]:
    return {
        "relayId": each.relay.relay_id,
        "kind": each.kind,
        "desk": each.relay.peer_url,
        "peer": each.relay.peer_email,
        "subject": each.relay.subject,
        "dispatch": each.dispatch.value if each.dispatch else None,
        "tries": each.tries,
        "error": each.error,
        "createdAt": each.relay.created_at,
    }


def _to_outbox_record(box: Outbox, waiting: int) -> dict[str, Any]:
    return {
        "desk": box.peer_url,
        "waiting": waiting,
        "failures": box.failures,
        "error": box.error,
        "dueAt": box.due_at,
    }
