"""Register projects, and add and remove their members."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.core.domain.errors import Invalid
from chalicelib.operate.services.employees import person_by_email
from chalicelib.people.domain.directory import MOST_FIRST_MEMBERS, Project, ProjectIn, Team, TeamIn
from chalicelib.people.services.ports import People


class ProjectMembers(Protocol):
    def add_project(self, project: Project, team: Team | None) -> None: ...
    def add_member(self, slug: str, user_id: str, *, admin: bool) -> None: ...
    def remove_member(self, slug: str, user_id: str) -> None: ...


def register_project(
    request: ProjectIn,
    *,
    admins: Sequence[str],
    members: Sequence[str],
    project_id: str,
    team_id: str,
    new_team: TeamIn | None,
    people: People,
    projects: ProjectMembers,
) -> Project:
    """Register a project in a new team, or in an existing one. `admins` and `members` are addresses.

    Raises:
        NotFound: an address belongs to no employee, or there is no such team.
        Conflict: the slug is taken.
        Invalid: there are more members than one write can hold.
    """
    leading = frozenset(person_by_email(email, people).user_id for email in admins)
    everyone = leading | {person_by_email(email, people).user_id for email in members}
    if len(everyone) > MOST_FIRST_MEMBERS:
        raise Invalid(f"A project starts with at most {MOST_FIRST_MEMBERS} members. Add the others afterwards.")
    project = Project(project_id, request.slug, request.name, team_id, everyone, leading)
    projects.add_project(project, Team(team_id, new_team.name, new_team.description) if new_team else None)
    return project


def add_member(slug: str, email: str, *, admin: bool, people: People, projects: ProjectMembers) -> None:
    """Add an employee to a project, or change whether they administer it. Store calls: 2.

    Raises:
        NotFound: there is no such project or employee.
    """
    projects.add_member(slug, person_by_email(email, people).user_id, admin=admin)


def remove_member(slug: str, email: str, *, people: People, projects: ProjectMembers) -> None:
    """Remove an employee from a project. Store calls: 2.

    Raises:
        NotFound: there is no such employee, or they are not a member of this project.
    """
    projects.remove_member(slug, person_by_email(email, people).user_id)
