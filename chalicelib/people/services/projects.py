"""List projects and their members.

A person sees their own projects. A tools token sees those of its owner, and an administrators' token sees all.
"""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.pages import PageQuery, Pagination
from chalicelib.people.domain.projects import (
    ProjectMembership,
    ProjectMembersOut,
    ProjectOut,
    ProjectRole,
    ProjectsOut,
    to_member_response,
    to_response,
)
from chalicelib.people.services.ports import Directory


class Projects(Protocol):
    def list_slugs(self, user_id: str | None) -> Sequence[str]: ...
    def find_project_memberships(self, slugs: Sequence[str], user_id: str) -> Sequence[ProjectMembership]: ...


def list_projects(query: PageQuery, *, caller: ApiKey | ToolsToken, projects: Projects) -> ProjectsOut:
    """List a page of the projects that the caller sees, by slug. Store calls after authentication: 2; 1 if none."""
    slugs = projects.list_slugs(None if _sees_all(caller) else _person_id(caller))
    wanted = slugs[query.offset : query.offset + query.limit]
    found = projects.find_project_memberships(wanted, _person_id(caller)) if wanted else ()
    return ProjectsOut(
        projects=[to_response(each) for each in found],
        pagination=Pagination.of(len(slugs), limit=query.limit, offset=query.offset),
    )


def read_project(slug: str, *, caller: ApiKey | ToolsToken, projects: Projects) -> ProjectOut:
    """Read a project. Store calls after authentication: 1.

    Raises:
        NotFound: the project is unknown, or the caller does not see it.
    """
    found = projects.find_project_memberships([slug], _person_id(caller))
    if not found or (found[0].role is None and not _sees_all(caller)):
        raise NotFound("Project not found.")
    return to_response(found[0])


def list_project_members(
    slug: str, query: PageQuery, *, caller: ApiKey | ToolsToken, people: Directory
) -> ProjectMembersOut:
    """List a page of a project's members, administrators first. Store calls after authentication: 2.

    Raises:
        NotFound: the project is unknown, or the caller does not see it.
    """
    project = people.find_project(slug)
    if project is None or not (_sees_all(caller) or _person_id(caller) in project.members):
        raise NotFound("Project not found.")
    ordered = sorted(project.members, key=lambda user_id: (user_id not in project.admins, user_id))
    wanted = ordered[query.offset : query.offset + query.limit]
    known = people.find_people(wanted)
    roles = {True: ProjectRole.ADMIN, False: ProjectRole.MEMBER}
    return ProjectMembersOut(
        members=[to_member_response(known[each], roles[each in project.admins]) for each in wanted if each in known],
        pagination=Pagination.of(len(ordered), limit=query.limit, offset=query.offset),
    )


def _sees_all(caller: ApiKey | ToolsToken) -> bool:
    return isinstance(caller, ToolsToken) and caller.admin


def _person_id(caller: ApiKey | ToolsToken) -> str:
    return caller.user_id if isinstance(caller, ApiKey) else caller.owner_id
