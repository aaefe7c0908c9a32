"""`integrators`: manage the systems that publish events."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.operate.services.integrators import register_integrator, update_integrator
from chalicelib.people.domain.directory import Integrator, IntegratorIn, IntegratorPatch
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.commands.output import json_option, print_record, print_records


@click.group()
def integrators() -> None:
    """Manage the systems that publish events."""


@integrators.command(epilog="Example: integrators create ci --name 'Build farm' --homepage-url https://ci.example.com")
@click.argument("slug")
@click.option("--name", required=True, help="Display name.")
@click.option("--prefix", help="Prefix of its event types, ending in a dot.  [default: SLUG.]")
@click.option("--homepage-url", help="Homepage (https).")
@click.option("--description", help="One or two sentences about what it does.")
@json_option
def create(
    slug: str, name: str, prefix: str | None, homepage_url: str | None, description: str | None, *, as_json: bool
) -> None:
    """Create an integrator. The slug can't be changed later."""
    integrator = IntegratorIn(
        slug=slug,
        name=name,
        event_prefix=prefix if prefix is not None else f"{slug}.",
        homepage_url=homepage_url,
        description=description,
    )
    made = register_integrator(
        integrator, integrator_id=str(uuid4()), now=datetime.now(UTC), integrators=DynamoDirectory()
    )
    print_record(_to_record(made), as_json=as_json)


@integrators.command("list", epilog="Example: integrators list --archived --json")
@click.option("--archived", is_flag=True, help="Include archived integrators.")
@json_option
def list_(*, archived: bool, as_json: bool) -> None:
    """List integrators by slug."""
    found = [each for each in DynamoDirectory().list_integrators() if archived or each.archived_at is None]
    print_records([_to_record(each) for each in found], as_json=as_json, none="No integrators.")


@integrators.command("set", epilog="Example: integrators set ci --relaxed-event-types off")
@click.argument("slug")
@click.option(
    "--relaxed-event-types",
    type=click.Choice(["on", "off"]),
    help="Whether event types may have only one name after the prefix, such as ci.failed.",
)
@click.option(
    "--always-critical",
    type=click.Choice(["on", "off"]),
    help="Whether nobody can mute its critical events.",
)
@json_option
def set_(slug: str, relaxed_event_types: str | None, always_critical: str | None, *, as_json: bool) -> None:
    """Change settings of an integrator.

    Relaxed event types are off for new integrators, and on for those that were created before the setting existed.
    """
    chosen = {"relaxedEventTypes": relaxed_event_types, "alwaysCritical": always_critical}
    if not any(chosen.values()):
        raise click.UsageError("Give --relaxed-event-types, --always-critical or both.")
    patch = IntegratorPatch.model_validate({name: each == "on" for name, each in chosen.items() if each})
    context = RequestContext("", datetime.now(UTC))
    made = update_integrator(slug, patch, context=context, integrators=DynamoDirectory())
    print_record(_to_record(made), as_json=as_json)


@integrators.command(epilog="Example: integrators archive ci")
@click.argument("slug")
def archive(slug: str) -> None:
    """Archive an integrator. This can't be undone, and its slug stays taken.

    It gets no new tools tokens. Existing tokens work until you disable them with `tools-tokens disable`.
    """
    DynamoDirectory().archive_integrator(slug, at=timestamp(datetime.now(UTC)))
    click.echo(f"Archived {slug}.")
    for token in DynamoGrants().list_tools():
        if token.integrator == slug and token.status is TokenStatus.ACTIVE:
            click.echo(
                f"Tools token {token.token_id} still works. To disable it: tools-tokens disable {token.token_id}"
            )


def _to_record(integrator: Integrator) -> dict[str, Any]:
    return {
        "slug": integrator.slug,
        "id": integrator.integrator_id,
        "name": integrator.name,
        "eventPrefix": integrator.event_prefix,
        "homepageUrl": integrator.homepage_url,
        "description": integrator.description,
        "createdAt": integrator.created_at,
        "archivedAt": integrator.archived_at,
        "relaxedEventTypes": integrator.relaxed_event_types,
        "alwaysCritical": integrator.always_critical,
    }
