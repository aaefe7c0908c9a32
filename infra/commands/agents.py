"""`agents`: the agents that are installed for the organisation, and those that other instances offer."""

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
from infra.commands.output import json_option, show, show_list


@click.group()
def agents() -> None:
    """Agents that everybody here may mention, and what other instances offer."""


@agents.command(
    epilog="Example: agents add scribe --name Scribe --description 'Writes things up.' "
    "--command minutes 'Writes the minutes.' '!scribe.minutes [topic]'"
)
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@click.option("--description", required=True, help="What it does, in a sentence or two.")
@click.option("--category", default="general", show_default=True, help="What it is for, in a word.")
@click.option(
    "--command",
    "commands",
    nargs=3,
    multiple=True,
    metavar="NAME DESCRIPTION USAGE",
    help="Something it can be told to do; may be given again.",
)
@json_option
def add(
    *, slug: str, name: str, description: str, category: str, commands: tuple[tuple[str, str, str], ...], as_json: bool
) -> None:
    """Install an agent. SLUG is its short name: commands are called !SLUG.NAME."""
    told = [CommandIn(name=word, description=text, usage=usage) for word, text, usage in commands]
    wanted = AgentIn(slug=slug, name=name, description=description, category=category, commands=told)
    made = installed.install(wanted, agent_id=str(uuid4()), agents=DynamoAgents())
    show(_record(made), as_json=as_json)


@agents.command("list", epilog="Example: agents list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the agents with their commands, by slug."""
    found = DynamoAgents().list_agents()
    show_list([_record(agent) for agent in found], as_json=as_json, none="There are no agents.")


@agents.command(epilog="Example: agents remove scribe")
@click.argument("slug")
def remove(slug: str) -> None:
    """Remove an agent: nobody can mention it any more."""
    DynamoAgents().remove_agent(slug)
    click.echo(f"{slug} is removed.")


@agents.command(epilog="Example: agents offered --all --json")
@click.option("--all", "everything", is_flag=True, help="Those that have been decided on too.")
@json_option
def offered(*, everything: bool, as_json: bool) -> None:
    """List the agents that other instances offer and that wait for a review."""
    names = {each.instance_id: each.name for each in DynamoInstances().list_instances()}
    listings = [each for instance_id in names for each in DynamoMarketplace().list_listings(instance_id)]
    found = [each for each in listings if everything or each.status is ListingStatus.PENDING]
    show_list([_offer(each, names[each.instance_id]) for each in found], as_json=as_json, none="None waits.")


@agents.command(epilog="Example: agents approve 5fea7756-0ea4-451a-a703-a558b933e274")
@click.argument("marketplace_id")
@click.option("--reason", help="What its instance is told.")
def approve(marketplace_id: str, reason: str | None) -> None:
    """Offer another instance's agent to everybody. The instance is told."""
    _decide(marketplace_id, ListingStatus.ACTIVE, reason)


@agents.command(epilog="Example: agents reject 5fea7756-0ea4-451a-a703-a558b933e274 --reason 'No description.'")
@click.argument("marketplace_id")
@click.option("--reason", help="What its instance is told.")
def reject(marketplace_id: str, reason: str | None) -> None:
    """Don't offer another instance's agent. The instance is told."""
    _decide(marketplace_id, ListingStatus.REJECTED, reason)


@agents.command(epilog="Example: agents suspend 5fea7756-0ea4-451a-a703-a558b933e274 --reason 'Does not answer.'")
@click.argument("marketplace_id")
@click.option("--reason", help="What its instance is told.")
def suspend(marketplace_id: str, reason: str | None) -> None:
    """Stop offering another instance's agent. The instance is told."""
    _decide(marketplace_id, ListingStatus.DISABLED, reason)


def _decide(marketplace_id: str, status: ListingStatus, reason: str | None) -> None:
    decided = marketplace.review(
        marketplace_id,
        status,
        reason=reason,
        notice_id=str(uuid4()),
        revision=ids.nonce(),
        now=datetime.now(UTC),
        market=DynamoMarketplace(),
        queue=INSTANCE_NOTICE_JOBS,
    )
    click.echo(f"{decided.name} ({decided.slug}) is {decided.status}.")


def _offer(listing: Listing, instance_name: str) -> dict[str, Any]:
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


def _record(agent: Agent) -> dict[str, Any]:
    return {
        "slug": agent.slug,
        "id": agent.agent_id,
        "name": agent.name,
        "category": agent.category,
        "status": str(agent.status),
        "commands": [command.name for command in agent.commands],
    }
