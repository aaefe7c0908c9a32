"""The people, integrators and projects of the organisation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Email, In, Line, Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.links import link_error

MOST_FIRST_MEMBERS = 30


@dataclass(frozen=True)
class Person:
    """An employee. `email` is lower-case and unique. Inactive ones get no deliveries; an `operator` runs the desk."""

    user_id: str
    email: str
    name: str
    active: bool = True
    org_admin: bool = False
    operator: bool = False

    @property
    def is_active_operator(self) -> bool:
        return self.active and self.operator


@dataclass(frozen=True)
class EmployeePage:
    """Some employees by address, and the address after which others may follow; None if there are no others."""

    people: list[Person]
    last: str | None


@dataclass(frozen=True)
class Integrator:
    """A system that publishes event types with the prefix `event_prefix`. An archived one keeps its slug.

    With `relaxed_event_types` it may publish types with one name after the prefix. Integrators that were registered
    before there was this rule may. With `always_critical` nobody can mute its critical events.
    """

    integrator_id: str
    slug: str
    name: str
    event_prefix: str
    created_at: str
    homepage_url: str | None = None
    description: str | None = None
    archived_at: str | None = None
    relaxed_event_types: bool = True
    always_critical: bool = False


@dataclass(frozen=True)
class Project:
    """A project with the user ids of its members; `admins` are members too."""

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
    """A person's memberships: the team of each project, by project id, and all teams."""

    teams_of_projects: Mapping[str, str] = field(default_factory=dict)
    team_ids: frozenset[str] = frozenset()


class TeamVisibility(StrEnum):
    """Who can find a team: its members only, also other instances of the network, or everybody."""

    PRIVATE = "private"
    NETWORK = "network"
    PUBLIC = "public"


@dataclass(frozen=True)
class Team:
    """A group with one or more projects; the members of the projects are its members."""

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


def _nothing_to_change() -> PydanticCustomError:
    return PydanticCustomError("nothing", "Send at least one member to change")


Slug = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Name = Annotated[Line, Field(min_length=1, max_length=100)]


class PersonIn(In):
    """A new employee."""

    email: Email
    name: Name
    org_admin: bool = False
    operator: bool = False


class EmployeePatch(In):
    """Changes to an employee."""

    name: Omittable[Name] = None
    operator: Omittable[bool] = Field(None, description="Whether the employee runs the desk.")

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if self.name is None and self.operator is None:
            raise _nothing_to_change()
        return self


class IntegratorIn(In):
    """A new integrator. The event prefix ends in a dot, so that `fd1.` does not include `fd10.`."""

    slug: Slug
    name: Name
    event_prefix: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.$")]
    homepage_url: Annotated[str, Field(max_length=2048), AfterValidator(_link)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None


class IntegratorPatch(In):
    """Changes to an integrator. Slug and prefix can't change; null removes a value."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: Omittable[Name] = None
    homepage_url: Annotated[str, Field(max_length=2048), AfterValidator(_link)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    relaxed_event_types: Omittable[bool] = Field(
        None, description="Whether event types may have only one name after the prefix, such as `ci.failed`."
    )
    always_critical: Omittable[bool] = Field(None, description="Whether nobody can mute its critical events.")

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if not self.model_fields_set:
            raise _nothing_to_change()
        return self


class ProjectIn(In):
    """A new project."""

    slug: Slug
    name: Name


class TeamIn(In):
    """A new team."""

    name: Name
    description: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class IntegratorOut(Out):
    """A system that may publish to this desk."""

    id: UuidOut
    slug: str
    name: str
    allowed_event_prefix: str
    homepage_url: str | None
    description: str | None
    created_at: TimeOut


class IntegratorDetails(IntegratorOut):
    """An integrator, which may be archived."""

    archived_at: TimeOut | None
    relaxed_event_types: bool = Field(description="Whether event types may have only one name after the prefix.")
    always_critical: bool = Field(description="Whether nobody can mute its critical events.")


class IntegratorsOut(Out):
    """The integrators that are not archived, by slug."""

    items: list[IntegratorOut]
    total_count: int = Field(ge=0)
    request_id: str


def to_integrator_list(integrators: Sequence[Integrator]) -> list[IntegratorOut]:
    """Convert the integrators that are not archived to responses."""
    return [IntegratorOut(**_response_fields(each)) for each in integrators if each.archived_at is None]


def to_details(integrator: Integrator) -> IntegratorDetails:
    return IntegratorDetails(
        **_response_fields(integrator),
        archived_at=integrator.archived_at,
        relaxed_event_types=integrator.relaxed_event_types,
        always_critical=integrator.always_critical,
    )


def _response_fields(integrator: Integrator) -> dict[str, Any]:
    return {
        "id": integrator.integrator_id,
        "slug": integrator.slug,
        "name": integrator.name,
        "allowed_event_prefix": integrator.event_prefix,
        "homepage_url": integrator.homepage_url,
        "description": integrator.description,
        "created_at": integrator.created_at,
    }
