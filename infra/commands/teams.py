"""`teams`: set who can find the organisation's teams."""

from typing import Any

import click

from chalicelib.people.domain.directory import Team, TeamVisibility
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_listing import DynamoDirectoryListing
from chalicelib.people.stores.teams import DynamoTeams
from infra.commands.output import json_option, print_records


@click.group()
def teams() -> None:
    """Set who can find the organisation's teams."""


@teams.command("list", epilog="Example: teams list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List teams by name."""
    found = DynamoTeams().find_teams(project.team_id for project in DynamoDirectory().list_projects())
    ordered = sorted(found.values(), key=lambda team: team.name)
    print_records([_to_record(team) for team in ordered], as_json=as_json, none="No teams.")


@teams.command(epilog="Example: teams reveal 5fea7756-0ea4-451a-a703-a558b933e274 network")
@click.argument("team_id")
@click.argument("visibility", type=click.Choice([str(each) for each in TeamVisibility]))
def reveal(team_id: str, visibility: str) -> None:
    """Set who can find a team: nobody outside, the network, or the public.

    Teams are private by default. People choose in their profiles who can find them.
    """
    team = DynamoDirectoryListing().set_team_visibility(team_id, TeamVisibility(visibility))
    click.echo(f"{team.name} is now {team.visibility}.")


def _to_record(team: Team) -> dict[str, Any]:
    return {"id": team.team_id, "name": team.name, "visibility": str(team.visibility), "description": team.description}
