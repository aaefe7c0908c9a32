"""The projects that somebody may see, and who belongs to them.

A person sees the projects they belong to; a tools token those of its owner, and one of the organisation's
administrators all of them.
"""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.pages import PageQuery, Pagination
from chalicelib.people.domain.projects import (
    ProjectMembersOut,
    ProjectOut,
    ProjectRole,
    ProjectsOut,
    ProjectStanding,
    shown,
    shown_member,
)
from chalicelib.people.services.ports import Directory


class Projects(Protocol):
    def list_slugs(self, user_id: str | None) -> Sequence[str]: ...
    def find_standings(self, slugs: Sequence[str], user_id: str) -> Sequence[ProjectStanding]: ...


def list_page(query: PageQuery, *, caller: ApiKey | ToolsToken, projects: Projects) -> ProjectsOut:
    """A page of the projects that the caller sees, by slug. Store calls after authentication: 2; 1 for no project."""
    slugs = projects.list_slugs(None if _sees_all(caller) else _person(caller))
    wanted = slugs[query.offset : query.offset + query.limit]
    found = projects.find_standings(wanted, _person(caller)) if wanted else ()
    return ProjectsOut(
        projects=[shown(each) for each in found],
        pagination=Pagination.of(len(slugs), limit=query.limit, offset=query.offset),
    )


def read(slug: str, *, caller: ApiKey | ToolsToken, projects: Projects) -> ProjectOut:
    """A project that the caller sees. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such project, or the caller does not see it.
    """
    found = projects.find_standings([slug], _person(caller))
    if not found or (found[0].role is None and not _sees_all(caller)):
        raise NotFound("No such project.")
    return shown(found[0])


def list_members(slug: str, query: PageQuery, *, caller: ApiKey | ToolsToken, people: Directory) -> ProjectMembersOut:
    """A page of a project's members, administrators first. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such project, or the caller does not see it.
    """
    project = people.find_project(slug)
    if project is None or not (_sees_all(caller) or _person(caller) in project.members):
        raise NotFound("No such project.")
    ordered = sorted(project.members, key=lambda user_id: (user_id not in project.admins, user_id))
    wanted = ordered[query.offset : query.offset + query.limit]
    known = people.find_people(wanted)
    roles = {True: ProjectRole.ADMIN, False: ProjectRole.MEMBER}
    return ProjectMembersOut(
        members=[shown_member(known[each], roles[each in project.admins]) for each in wanted if each in known],
        pagination=Pagination.of(len(ordered), limit=query.limit, offset=query.offset),
    )


def _sees_all(caller: ApiKey | ToolsToken) -> bool:
    return isinstance(caller, ToolsToken) and caller.admin


def _person(caller: ApiKey | ToolsToken) -> str:
    return caller.user_id if isinstance(caller, ApiKey) else caller.owner_id
