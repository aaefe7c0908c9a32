"""The people, integrators and projects of the organisation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Email, In, Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.links import link_error

MOST_FIRST_MEMBERS = 30


@dataclass(frozen=True)
class Person:
    """An employee. `email` is lower-case and unique; nothing reaches an inactive one. An `operator` runs the desk."""

    user_id: str
    email: str
    name: str
    active: bool = True
    org_admin: bool = False
    operator: bool = False


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


class Visibility(StrEnum):
    """Who may see a profile."""

    PUBLIC = "public"
    CONNECTIONS = "connections"
    PRIVATE = "private"


@dataclass(frozen=True)
class Memberships:
    """The projects and teams that a person belongs to: the team of each project, by project id, and all teams."""

    teams_of_projects: Mapping[str, str] = field(default_factory=dict)
    team_ids: frozenset[str] = frozenset()


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
    if (reason := link_error(text)) is not None:
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


Slug = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
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


class IntegratorPatch(In):
    """What to tell of an integrator from now on; slug and prefix stay, and null empties what may be empty."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: Omittable[Name] = None
    homepage_url: Annotated[str, Field(max_length=2048), AfterValidator(_link)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "There is nothing to change")
        return self


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


class IntegratorDetails(IntegratorOut):
    """A system that may publish here, or might once."""

    archived_at: TimeOut | None


class IntegratorsOut(Out):
    """Every integrator that is not archived, by slug."""

    items: list[IntegratorOut]
    total_count: int = Field(ge=0)
    request_id: str


def listed(integrators: Sequence[Integrator]) -> list[IntegratorOut]:
    """The integrators that are not archived, as replies show them."""
    return [IntegratorOut(**_told(each)) for each in integrators if each.archived_at is None]


def detailed(integrator: Integrator) -> IntegratorDetails:
    return IntegratorDetails(**_told(integrator), archived_at=integrator.archived_at)


def _told(integrator: Integrator) -> dict[str, Any]:
    return {
        "id": integrator.integrator_id,
        "slug": integrator.slug,
        "name": integrator.name,
        "allowed_event_prefix": integrator.event_prefix,
        "homepage_url": integrator.homepage_url,
        "description": integrator.description,
        "created_at": integrator.created_at,
    }
