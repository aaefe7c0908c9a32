"""Employees as administrators find and manage them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Clamped, Email, In, Omittable, Out, Query, TimeOut, UuidOut
from chalicelib.core.domain.pages import MOST
from chalicelib.core.domain.text import normalize_text
from chalicelib.operate.domain.people import PersonOut
from chalicelib.people.domain.directory import EmployeePatch, Name, Person, Slug
from chalicelib.people.domain.projects import ProjectRole
from chalicelib.tokens.domain.integrations import IntegrationOut
from chalicelib.tokens.domain.keys import KeyOut
from chalicelib.tokens.domain.sessions import SessionOut

MOST_PROJECTS = 10


class EmployeeFilter(StrEnum):
    """Which employees to list."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    OPERATORS = "operators"


class EmployeeQuery(Query):
    """A page of employees."""

    search: Omittable[Annotated[str, Field(max_length=200)]] = Field(
        None, description="A part of the name or of the e-mail address."
    )
    only: Omittable[EmployeeFilter] = None
    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = 50
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")

    def matches(self, person: Person) -> bool:
        """Say whether the employee is among those that are searched for."""
        match self.only:
            case EmployeeFilter.ACTIVE if not person.active:
                return False
            case EmployeeFilter.DEACTIVATED if person.active:
                return False
            case EmployeeFilter.OPERATORS if not person.is_active_operator:
                return False
        wanted = normalize_text(self.search or "")
        return any(wanted in normalize_text(text) for text in (person.name, person.email))


class InvitationIn(In):
    """A new employee."""

    email: Email
    name: Name
    operator: bool = Field(default=False, description="Whether the employee runs the desk.")
    projects: list[Slug] = Field(
        default=[], max_length=MOST_PROJECTS, description="Slugs of projects that the employee becomes a member of."
    )


class EmployeeChangeIn(EmployeePatch):
    """Changes to an employee. Members that you leave out keep their values."""

    confirm_self: bool = Field(
        default=False,
        alias="confirmSelf",
        description="Must be true to withdraw your own operator rights.",
    )


class DeactivationIn(In):
    """Options of a deactivation."""

    confirm_self: bool = Field(default=False, alias="confirmSelf", description="Must be true to deactivate yourself.")


class PersonalTokenSwitch(In):
    """Enables or disables a personal token."""

    id: str = Field(min_length=1, max_length=100)
    is_active: bool = Field(alias="isActive")


class EmployeesOut(Out):
    """A page of employees. `nextCursor` is null on the last page; earlier pages may be short, or empty."""

    items: list[PersonOut]
    next_cursor: str | None


class MembershipOut(Out):
    """A project that an employee is a member of."""

    slug: str
    name: str
    role: ProjectRole


class EmployeeDetailsOut(PersonOut):
    """An employee with all that gives them access."""

    projects: list[MembershipOut]
    groups: list[str] = Field(description="The names of the groups in the company's directory.")
    sessions: list[SessionOut]
    keys: list[KeyOut]
    personal_tokens: list[IntegrationOut]
    passkeys: int = Field(ge=0, description="How many passkeys the employee can sign in with.")
    connections: int = Field(ge=0, description="How many active connections to people at other desks there are.")
    browsers: int = Field(ge=0, description="How many browsers get notifications.")
    last_seen_at: TimeOut | None = Field(description="The latest use of a key or session that still exists.")


class SignInLinkOut(Out):
    """A link that signs an employee in once, until it expires."""

    link: str
    expires_at: TimeOut


class InvitedOut(SignInLinkOut):
    """A new employee, with a link that signs them in once."""

    employee: PersonOut


class DeactivatedOut(Out):
    """What a deactivation ended. Tools tokens belong to integrators and keep working."""

    id: UuidOut
    personal_tokens_disabled: int
    keys_disabled: int
    sessions_ended: int
    tools_tokens_left: list[str] = Field(description="Ids of the tools tokens that the employee is responsible for.")
