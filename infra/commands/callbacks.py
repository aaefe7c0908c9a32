"""`callbacks`: pause and resume endpoints of callbacks, and replay failed callbacks."""

from datetime import UTC, datetime, timedelta

import click

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.endpoint_messages import (
    EndpointOut,
    IntegratorsEndpointIn,
    IntegratorsReplayIn,
    ReplayOut,
)
from chalicelib.inbox.domain.endpoints import PausedBy
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.services.endpoint_admin import EndpointAdmin
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.output import json_option, print_record, print_records


@click.group()
def callbacks() -> None:
    """Pause and resume endpoints of callbacks, and replay failed callbacks.

    An endpoint is an origin of an integrator: scheme, host and port of its buttons' URLs.
    """


@callbacks.command(epilog="Example: callbacks endpoints --integrator fd1 --json")
@click.option("--integrator", help="Only endpoints of this integrator.")
@json_option
def endpoints(integrator: str | None, *, as_json: bool) -> None:
    """List endpoints that fail or are paused, with the callbacks that wait."""
    found = [each.model_dump(mode="json", by_alias=True) for each in _admin().list_endpoints(integrator)]
    for each in found:
        each.pop("requestId", None)
    print_records(found, as_json=as_json, none="No endpoint fails or is paused.")


@callbacks.command(epilog="Example: callbacks pause fd1 https://ci.example.com")
@click.argument("integrator")
@click.argument("origin")
def pause(integrator: str, origin: str) -> None:
    """Pause an endpoint. Its callbacks wait until you resume it."""
    named = _endpoint(integrator, origin)
    _say(_admin().pause(named.integrator, named.origin, by=PausedBy.OPERATOR))


@callbacks.command(epilog="Example: callbacks resume fd1 https://ci.example.com")
@click.argument("integrator")
@click.argument("origin")
def resume(integrator: str, origin: str) -> None:
    """Resume a paused endpoint, and send the callbacks that wait."""
    named = _endpoint(integrator, origin)
    _say(_admin().resume(named.integrator, named.origin))


@callbacks.command(epilog="Example: callbacks replay fd1 https://ci.example.com --hours 24")
@click.argument("integrator")
@click.argument("origin")
@click.option(
    "--hours",
    type=click.IntRange(1, 31 * 24),
    default=24,
    show_default=True,
    help="How many hours back to go.",
)
def replay(integrator: str, origin: str, hours: int) -> None:
    """Send the callbacks again that failed at an endpoint.

    Counts from when buttons were pressed. Delivered callbacks are left alone.
    """
    admin = _admin()
    since = timestamp(admin.now - timedelta(hours=hours))
    named = IntegratorsReplayIn.model_validate({"integrator": integrator, "origin": origin, "since": since})
    _check(integrator)
    begun = admin.replay(named.integrator, named.origin, since=named.since, until=named.until)
    click.echo(f"Replay {begun.replay_id} is running.")


@callbacks.command("replay-status", epilog="Example: callbacks replay-status 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("replay_id")
@json_option
def replay_status(replay_id: str, *, as_json: bool) -> None:
    """Show how far a replay is."""
    print_record(_shown(_admin().get_replay(replay_id)), as_json=as_json)


def _admin() -> EndpointAdmin:
    return EndpointAdmin(DynamoEndpoints(), DynamoReplays(), REPLAY_JOBS, datetime.now(UTC))


def _endpoint(integrator: str, origin: str) -> IntegratorsEndpointIn:
    named = IntegratorsEndpointIn(integrator=integrator, origin=origin)
    _check(integrator)
    return named


def _check(integrator: str) -> None:
    if DynamoDirectory().find_integrator(integrator) is None:
        raise NotFound(f"There is no integrator {integrator}.")


def _say(endpoint: EndpointOut) -> None:
    click.echo(f"{endpoint.origin} of {endpoint.integrator} is {endpoint.status}.")


def _shown(replay: ReplayOut) -> dict[str, object]:
    return replay.model_dump(mode="json", by_alias=True, exclude={"request_id"})
