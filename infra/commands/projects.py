"""`projects`: manage projects and their members."""

from typing import Any
from uuid import uuid4

import click

from chalicelib.operate.services import projects as membership
from chalicelib.people.domain.directory import Project, ProjectIn, TeamIn
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.teams import DynamoTeams
from infra.commands.output import json_option, print_record, print_records


@click.group()
def projects() -> None:
    """Manage projects and their members."""


@projects.command(epilog="Example: projects create apollo --name Apollo --admin alice@example.com")
@click.argument("slug")
@click.option("--name", required=True, help="Display name.")
@click.option("--admin", "admins", multiple=True, metavar="EMAIL", help="Add an administrator. Repeat for more.")
@click.option("--member", "members", multiple=True, metavar="EMAIL", help="Add a member. Repeat for more.")
@click.option("--team", metavar="TEAM_ID", help="Id of an existing team.")
@click.option("--team-name", help="Name of the new team.  [default: the project's name]")
@click.option("--team-description", help="One or two sentences about the new team.")
@json_option
def create(
    *,
    slug: str,
    name: str,
    admins: tuple[str, ...],
    members: tuple[str, ...],
    team: str | None,
    team_name: str | None,
    team_description: str | None,
    as_json: bool,
) -> None:
    """Create a project, with a new team or in an existing one.

    The slug can't be changed later. A team's members are the members of its projects.
    """
    if team is not None and (team_name, team_description) != (None, None):
        raise click.UsageError("--team-name and --team-description are for new teams. Remove them, or remove --team.")
    new_team = TeamIn(name=name if team_name is None else team_name, description=team_description)
    made = membership.register_project(
        ProjectIn(slug=slug, name=name),
        admins=admins,
        members=members,
        project_id=str(uuid4()),
        team_id=str(uuid4()) if team is None else team,
        new_team=new_team if team is None else None,
        people=DynamoDirectory(),
        projects=DynamoDirectory(),
    )
    print_record(_to_records([made])[0], as_json=as_json)


@projects.command("list", epilog="Example: projects list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List projects and their members."""
    found = DynamoDirectory().list_projects()
    print_records(_to_records(found), as_json=as_json, none="No projects.")


@projects.command("add-member", epilog="Example: projects add-member apollo carol@example.com --admin")
@click.argument("slug")
@click.argument("email")
@click.option("--admin", is_flag=True, help="Add as an administrator.")
def add_member(slug: str, email: str, *, admin: bool) -> None:
    """Add an employee to a project, or change their role."""
    membership.add_member(slug, email, admin=admin, people=DynamoDirectory(), projects=DynamoDirectory())
    click.echo(f"{email.lower()} is now {'an administrator' if admin else 'a member'} of {slug}.")


@projects.command("remove-member", epilog="Example: projects remove-member apollo carol@example.com")
@click.argument("slug")
@click.argument("email")
def remove_member(slug: str, email: str) -> None:
    """Remove an employee from a project."""
    membership.remove_member(slug, email, people=DynamoDirectory(), projects=DynamoDirectory())
    click.echo(f"Removed {email.lower()} from {slug}.")


def _to_records(found: list[Project]) -> list[dict[str, Any]]:
    teams = DynamoTeams().find_teams(project.team_id for project in found)
    people = DynamoDirectory().find_people(user_id for project in found for user_id in project.members)

    def emails(user_ids: frozenset[str]) -> list[str]:
        return sorted(people[user_id].email if user_id in people else user_id for user_id in user_ids)

    return [
        {
            "slug": project.slug,
            "id": project.project_id,
            "teamId": project.team_id,
            "team": teams[project.team_id].name,
            "name": project.name,
            "admins": emails(project.admins),
            "members": emails(project.members - project.admins),
        }
        for project in found
    ]
