"""The people, integrators and projects of the organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.domain.fields import Email, In, Out, TimeOut, UuidOut
from chalicelib.domain.links import refuse_link

MOST_FIRST_MEMBERS = 30
LONGEST_SLUG = 60


@dataclass(frozen=True)
class Person:
    """An employee. `email` is lower-case and unique; nothing reaches an inactive one."""

    user_id: str
    email: str
    name: str
    active: bool = True
    org_admin: bool = False


@dataclass(frozen=True)
class Integrator:
    """A system that publishes; its event types all start with `event_prefix`. An archived one keeps its slug."""

    integrator_id: str
    slug: str
    name: str
    event_prefix: str
    created_at: str
    homepage_url: str | None = None
    description: str | None = None
    archived_at: str | None = None


@dataclass(frozen=True)
class Project:
    """A project with its members' user ids; `admins` are members too."""

    project_id: str
    slug: str
    name: str
    team_id: str
    members: frozenset[str]
    admins: frozenset[str]


class TeamVisibility(StrEnum):
    """Who may find a team: its members, other instances of the network too, or everybody."""

    PRIVATE = "private"
    NETWORK = "network"
    PUBLIC = "public"


@dataclass(frozen=True)
class Team:
    """Those who work on one or more projects together: its members are theirs."""

    team_id: str
    name: str
    description: str | None = None
    type: str = "work"
    visibility: TeamVisibility = TeamVisibility.PRIVATE


@dataclass(frozen=True)
class Roster:
    """A team and the user ids of its members, active or not."""

    team: Team
    members: frozenset[str]


def _link(text: str) -> str:
    if (reason := refuse_link(text)) is not None:
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


Slug = Annotated[str, Field(max_length=LONGEST_SLUG, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class PersonIn(In):
    """What an employee is registered with."""

    email: Email
    name: Name
    org_admin: bool = False


class IntegratorIn(In):
    """What an integrator is registered with; the prefix ends in a dot, so that `fd1.` does not cover `fd10.`."""

    slug: Slug
    name: Name
    event_prefix: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.$")]
    homepage_url: Annotated[str, Field(max_length=2048), AfterValidator(_link)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None


class ProjectIn(In):
    """What a project is registered with."""

    slug: Slug
    name: Name


class TeamIn(In):
    """What a team is begun with."""

    name: Name
    description: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class IntegratorOut(Out):
    """A system that may publish here."""

    id: UuidOut
    slug: str
    name: str
    allowed_event_prefix: str
    homepage_url: str | None
    description: str | None
    created_at: TimeOut


class IntegratorsOut(Out):
    """Every integrator that is not archived, by slug."""

    items: list[IntegratorOut]
    total_count: int = Field(ge=0)
    request_id: str


def listed(integrators: Sequence[Integrator]) -> list[IntegratorOut]:
    """The integrators that are not archived, as replies show them."""
    return [
        IntegratorOut(
            id=each.integrator_id,
            slug=each.slug,
            name=each.name,
            allowed_event_prefix=each.event_prefix,
            homepage_url=each.homepage_url,
            description=each.description,
            created_at=each.created_at,
        )
        for each in integrators
        if each.archived_at is None
    ]
