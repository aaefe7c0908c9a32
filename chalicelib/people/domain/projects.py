"""Projects: who administers and who belongs to them."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from chalicelib.core.domain.fields import Out, UuidOut
from chalicelib.core.domain.pages import Pagination
from chalicelib.people.domain.directory import Person


class ProjectRole(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True)
class ProjectStanding:
    """A project, and what somebody is in it: None for an outsider."""

    project_id: str
    slug: str
    name: str
    team_id: str
    role: ProjectRole | None


class ProjectOut(Out):
    """A project; `role` is what the caller is in it, null for an administrator from outside."""

    id: UuidOut
    slug: str
    name: str
    team_id: UuidOut
    role: ProjectRole | None


class ProjectMemberOut(Out):
    """Somebody who belongs to a project."""

    user_id: UuidOut
    name: str
    email: str = Field(json_schema_extra={"format": "email"})
    role: ProjectRole
    is_active: bool


class ProjectsOut(Out):
    """A page of projects, by slug."""

    projects: list[ProjectOut]
    pagination: Pagination


class ProjectMembersOut(Out):
    """A page of a project's members, its administrators first."""

    members: list[ProjectMemberOut]
    pagination: Pagination


def shown(project: ProjectStanding) -> ProjectOut:
    return ProjectOut(
        id=project.project_id, slug=project.slug, name=project.name, team_id=project.team_id, role=project.role
    )


def shown_member(person: Person, role: ProjectRole) -> ProjectMemberOut:
    return ProjectMemberOut(
        user_id=person.user_id, name=person.name, email=person.email, role=role, is_active=person.active
    )
