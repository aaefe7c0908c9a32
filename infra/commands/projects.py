"""`projects`: projects and who belongs to them."""

from typing import Any
from uuid import uuid4

import click

from chalicelib.operate.services import directory
from chalicelib.people.domain.directory import Project, ProjectIn, TeamIn
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.teams import DynamoTeams
from infra.commands.output import json_option, show, show_list


@click.group()
def projects() -> None:
    """Projects, and who belongs to them."""


@projects.command(epilog="Example: projects create apollo --name Apollo --admin alice@example.com")
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@click.option("--admin", "admins", multiple=True, metavar="EMAIL", help="An administrator; may be given again.")
@click.option("--member", "members", multiple=True, metavar="EMAIL", help="A member; may be given again.")
@click.option("--team", metavar="TEAM_ID", help="The team that works on it, if there is one already.")
@click.option("--team-name", help="What people call its new team.  [default: the project's name]")
@click.option("--team-description", help="What the new team is for, in a sentence or two.")
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
    """Start a project with a team of its own, or in one there is.

    SLUG is its short name, for good. A team's members are those of its projects.
    """
    if team is not None and (team_name, team_description) != (None, None):
        raise click.UsageError("--team names a team there is; it has its name and description.")
    new_team = TeamIn(name=name if team_name is None else team_name, description=team_description)
    made = directory.register_project(
        ProjectIn(slug=slug, name=name),
        admins=admins,
        members=members,
        project_id=str(uuid4()),
        team_id=str(uuid4()) if team is None else team,
        new_team=new_team if team is None else None,
        people=DynamoDirectory(),
        projects=DynamoDirectory(),
    )
    show(_records([made])[0], as_json=as_json)


@projects.command("list", epilog="Example: projects list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the projects with their members, by slug."""
    found = DynamoDirectory().list_projects()
    show_list(_records(found), as_json=as_json, none="There are no projects.")


@projects.command("add-member", epilog="Example: projects add-member apollo carol@example.com --admin")
@click.argument("slug")
@click.argument("email")
@click.option("--admin", is_flag=True, help="As an administrator.")
def add_member(slug: str, email: str, *, admin: bool) -> None:
    """Add an employee to a project, or change the part they have in it."""
    directory.add_member(slug, email, admin=admin, people=DynamoDirectory(), projects=DynamoDirectory())
    click.echo(f"{email.lower()} is {'an administrator' if admin else 'a member'} of {slug}.")


@projects.command("remove-member", epilog="Example: projects remove-member apollo carol@example.com")
@click.argument("slug")
@click.argument("email")
def remove_member(slug: str, email: str) -> None:
    """Take an employee out of a project."""
    directory.remove_member(slug, email, people=DynamoDirectory(), projects=DynamoDirectory())
    click.echo(f"{email.lower()} no longer belongs to {slug}.")


def _records(found: list[Project]) -> list[dict[str, Any]]:
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
