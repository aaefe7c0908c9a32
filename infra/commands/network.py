"""`network`: report problems with other desks."""

from datetime import UTC, datetime, timedelta

import click

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus
from chalicelib.federation.network.domain.membership import Membership
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.relays.domain.outbox import Outbox
from chalicelib.federation.relays.domain.outgoing import RelayDispatch
from chalicelib.federation.relays.stores.dispatches import DynamoDispatches
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from infra.commands.output import Record, json_option, print_record, print_records

_MOST_SHOWN = 10
_TITLES = {
    "staleInstances": "Stale instances (no heartbeats)",
    "waitingInstances": "Instances waiting for approval",
    "failingHubs": "Hubs that reject our heartbeats",
    "failingDesks": "Unreachable desks (retrying)",
    "lostRelays": "Relays that were refused or given up",
}


@click.group()
def network() -> None:
    """Report problems with other desks."""


@network.command(epilog="Example: network status --days 30 --json")
@click.option(
    "--days", type=click.IntRange(1, 365), default=7, show_default=True, help="Show lost relays of the last N days."
)
@json_option
def status(*, days: int, as_json: bool) -> None:
    """Show instances, hubs, desks and relays with problems."""
    found = _find_problems(datetime.now(UTC) - timedelta(days=days))
    if as_json:
        print_record(found, as_json=True)
        return
    for name, title in _TITLES.items():
        records = found[name]
        click.echo(f"{title}: {len(records)}")
        if records:
            print_records(records[:_MOST_SHOWN], as_json=False, none="")
        if len(records) > _MOST_SHOWN:
            click.echo(f"… and {len(records) - _MOST_SHOWN} more. To see all of them: --json")


def _find_problems(since: datetime) -> dict[str, list[Record]]:
    instances = DynamoInstances().list_instances()
    return {
        "staleInstances": [_instance(each) for each in instances if each.stale_since and each.is_active],
        "waitingInstances": [_instance(each) for each in instances if each.status is InstanceStatus.PENDING],
        "failingHubs": [_hub(each) for each in DynamoHubs().list_memberships() if each.failures],
        "failingDesks": [_desk(each) for each in DynamoOutbox().list_busy() if each.failures],
        "lostRelays": [_relay(each) for each in _lost_relays(since)],
    }


def _lost_relays(since: datetime) -> list[RelayDispatch]:
    """Return the relays that ended unsent, latest first."""
    ended = [each for each in DynamoDispatches().list_unsent() if each.has_ended]
    lost = [each for each in ended if each.relay.updated_at >= timestamp(since)]
    return sorted(lost, key=lambda each: each.relay.updated_at, reverse=True)


def _instance(each: Instance) -> Record:
    return {"id": each.instance_id, "name": each.name, "baseUrl": each.base_url, "lastSeenAt": each.last_seen_at}


def _hub(each: Membership) -> Record:
    return {
        "hub": each.hub_url,
        "failures": each.failures,
        "lastSuccessAt": each.last_success_at,
        "lastError": each.last_error,
    }


def _desk(each: Outbox) -> Record:
    return {"desk": each.peer_url, "failures": each.failures, "nextTryAt": each.due_at, "error": each.error}


def _relay(each: RelayDispatch) -> Record:
    return {
        "id": each.relay.relay_id,
        "desk": each.relay.peer_url,
        "dispatch": each.dispatch,
        "tries": each.tries,
        "at": each.relay.updated_at,
        "error": each.error,
    }
