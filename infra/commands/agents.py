"""`agents`: manage installed agents, and review agents that other instances offer."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib import ids
from chalicelib.agents.domain.agents import Agent, AgentIn, CommandIn
from chalicelib.agents.services import agents as installed
from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.federation.network.domain.marketplace import Listing, ListingStatus
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services import marketplace
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from infra.commands.output import json_option, print_record, print_records


@click.group()
def agents() -> None:
    """Manage the agents that people can mention, and review agents from other instances."""


@agents.command(
    epilog="Example: agents add scribe --name Scribe --description 'Writes things up.' "
    "--command minutes 'Writes the minutes.' '!scribe.minutes [topic]'"
)
@click.argument("slug")
@click.option("--name", required=True, help="Display name.")
@click.option("--description", required=True, help="One or two sentences about what the agent does.")
@click.option("--category", default="general", show_default=True, help="Category, one word.")
@click.option(
    "--command",
    "commands",
    nargs=3,
    multiple=True,
    metavar="NAME DESCRIPTION USAGE",
    help="A command of the agent. Repeat for more.",
)
@json_option
def add(
    *, slug: str, name: str, description: str, category: str, commands: tuple[tuple[str, str, str], ...], as_json: bool
) -> None:
    """Install an agent. People call its commands as !SLUG.NAME."""
    command_inputs = [CommandIn(name=word, description=text, usage=usage) for word, text, usage in commands]
    agent = AgentIn(slug=slug, name=name, description=description, category=category, commands=command_inputs)
    made = installed.install_agent(agent, agent_id=str(uuid4()), agents=DynamoAgents())
    print_record(_to_record(made), as_json=as_json)


@agents.command("list", epilog="Example: agents list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the installed agents and their commands."""
    found = DynamoAgents().list_agents()
    print_records([_to_record(agent) for agent in found], as_json=as_json, none="No agents are installed.")


@agents.command(epilog="Example: agents remove scribe")
@click.argument("slug")
def remove(slug: str) -> None:
    """Remove an agent. People can no longer mention it."""
    DynamoAgents().remove_agent(slug)
    click.echo(f"Removed agent {slug}.")


@agents.command(epilog="Example: agents offered --all --json")
@click.option("--all", "everything", is_flag=True, help="Include agents that were already reviewed.")
@json_option
def offered(*, everything: bool, as_json: bool) -> None:
    """List agents from other instances that are waiting for review."""
    names = {each.instance_id: each.name for each in DynamoInstances().list_instances()}
    listings = [each for instance_id in names for each in DynamoMarketplace().list_listings(instance_id)]
    found = [each for each in listings if everything or each.status is ListingStatus.PENDING]
    print_records(
        [_to_listing_record(each, names[each.instance_id]) for each in found],
        as_json=as_json,
        none="No agents are waiting for review.",
    )


@agents.command(epilog="Example: agents approve 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("marketplace_id")
@click.option("--reason", help="Reason that is sent to the agent's instance.")
def approve(marketplace_id: str, reason: str | None) -> None:
    """Approve an agent of another instance, and notify the instance."""
    _decide(marketplace_id, ListingStatus.ACTIVE, reason)


@agents.command(epilog="Example: agents reject 5fea7756-0ea4-451a-a703-a558b933e274 --reason 'No description.'")
@click.argument("marketplace_id")
@click.option("--reason", help="Reason that is sent to the agent's instance.")
def reject(marketplace_id: str, reason: str | None) -> None:
    """Reject an agent of another instance, and notify the instance."""
    _decide(marketplace_id, ListingStatus.REJECTED, reason)


@agents.command(epilog="Example: agents suspend 5fea7756-0ea4-451a-a703-a558b933e274 --reason 'Does not answer.'")
@click.argument("marketplace_id")
@click.option("--reason", help="Reason that is sent to the agent's instance.")
def suspend(marketplace_id: str, reason: str | None) -> None:
    """Suspend an approved agent of another instance, and notify the instance."""
    _decide(marketplace_id, ListingStatus.DISABLED, reason)


def _decide(marketplace_id: str, status: ListingStatus, reason: str | None) -> None:
    decided = marketplace.review(
        marketplace_id,
        status,
        reason=reason,
        notice_id=str(uuid4()),
        revision=ids.new_nonce(),
        now=datetime.now(UTC),
        market=DynamoMarketplace(),
        queue=INSTANCE_NOTICE_JOBS,
    )
    click.echo(f"{decided.name} ({decided.slug}) is now {decided.status}.")


def _to_listing_record(listing: Listing, instance_name: str) -> dict[str, Any]:
    return {
        "id": listing.marketplace_id,
        "slug": listing.slug,
        "name": listing.name,
        "instance": instance_name,
        "status": str(listing.status),
        "version": listing.version,
        "endpointUrl": listing.details["endpointUrl"],
        "pricing": listing.details["pricingModel"],
    }


def _to_record(agent: Agent) -> dict[str, Any]:
    return {
        "slug": agent.slug,
        "id": agent.agent_id,
        "name": agent.name,
        "category": agent.category,
        "status": str(agent.status),
        "commands": [command.name for command in agent.commands],
    }
