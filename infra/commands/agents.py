"""`agents`: the agents that are installed for the organisation."""

from typing import Any
from uuid import uuid4

import click

from chalicelib.domain.agents import Agent, AgentIn, CommandIn
from chalicelib.services import agents as installed
from chalicelib.stores.agents import DynamoAgents
from infra.commands.output import json_option, show, show_list


@click.group()
def agents() -> None:
    """Agents that everybody here may mention."""


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


def _record(agent: Agent) -> dict[str, Any]:
    return {
        "slug": agent.slug,
        "id": agent.agent_id,
        "name": agent.name,
        "category": agent.category,
        "status": str(agent.status),
        "commands": [command.name for command in agent.commands],
    }
