"""Projects and the roles of their members."""

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
class ProjectMembership:
    """A project, and a person's role in it; None for a person who is not a member."""

    project_id: str
    slug: str
    name: str
    team_id: str
    role: ProjectRole | None


class ProjectOut(Out):
    """A project, with the caller's role; null for an administrator who is not a member."""

    id: UuidOut
    slug: str
    name: str
    team_id: UuidOut
    role: ProjectRole | None


class ProjectMemberOut(Out):
    """A member of a project."""

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
    """A page of a project's members, administrators first."""

    members: list[ProjectMemberOut]
    pagination: Pagination


def to_response(project: ProjectMembership) -> ProjectOut:
    return ProjectOut(
        id=project.project_id, slug=project.slug, name=project.name, team_id=project.team_id, role=project.role
    )


def to_member_response(person: Person, role: ProjectRole) -> ProjectMemberOut:
    return ProjectMemberOut(
        user_id=person.user_id, name=person.name, email=person.email, role=role, is_active=person.active
    )
