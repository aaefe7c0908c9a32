"""The organisation's projects and their members."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey, ToolsToken
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.pages import PageQuery
from chalicelib.people.domain.projects import (
    ProjectMembersOut,
    ProjectOut,
    ProjectsOut,
)
from chalicelib.people.services import projects
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.projects import DynamoProjects
from chalicelib.resources import DIRECTORY

bp = Blueprint(__name__)

_PROJECTS = "/api/v2/projects"
_READ = SPEND + DIRECTORY.can("Query", "BatchGetItem")


@operation(
    bp,
    "GET",
    _PROJECTS,
    tag="Projects",
    permission=ANY_PERMISSION,
    envelope="ProjectsAnswer",
    answers={200: "A page of projects."},
    grants=_READ,
)
def list_projects(query: PageQuery, caller: ApiKey | ToolsToken) -> ProjectsOut:
    """List your projects by slug.

    A tools token lists the projects of its owner. A tools token of the organisation's administrators lists all
    projects.
    """
    return projects.list_projects(query, caller=caller, projects=DynamoProjects())


@operation(
    bp,
    "GET",
    f"{_PROJECTS}/{{slug}}",
    tag="Projects",
    permission=ANY_PERMISSION,
    envelope="ProjectAnswer",
    answers={200: "The project."},
    refusals=(NotFound,),
    grants=_READ,
)
def get_project(slug: str, caller: ApiKey | ToolsToken) -> ProjectOut:
    """Retrieve a project that you have access to."""
    return projects.read_project(slug, caller=caller, projects=DynamoProjects())


@operation(
    bp,
    "GET",
    f"{_PROJECTS}/{{slug}}/members",
    tag="Projects",
    permission=ANY_PERMISSION,
    envelope="ProjectMembersAnswer",
    answers={200: "A page of members."},
    refusals=(NotFound,),
    grants=_READ,
)
def list_project_members(slug: str, query: PageQuery, caller: ApiKey | ToolsToken) -> ProjectMembersOut:
    """List the members of a project, administrators first."""
    return projects.list_project_members(slug, query, caller=caller, people=DynamoDirectory())
