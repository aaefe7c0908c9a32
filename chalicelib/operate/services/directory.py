"""Who belongs to the organisation and which systems publish into it: what its operator registers, changes and ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import SocketCloser
from chalicelib.ids import MintedToken, TokenKind
from chalicelib.people.domain.directory import (
    MOST_FIRST_MEMBERS,
    Integrator,
    IntegratorIn,
    IntegratorOut,
    IntegratorPatch,
    Person,
    PersonIn,
    Project,
    ProjectIn,
    Team,
    TeamIn,
    detailed,
    listed,
)
from chalicelib.people.services.ports import Integrators
from chalicelib.tokens.domain.keys import KeyIn
from chalicelib.tokens.domain.tokens import IssuedToken, KeyGrant, ToolsGrant
from chalicelib.tokens.services.ports import Grants, Tokens

# The index that lists a person's tokens shows a new one a moment late, so it is gone through again.
_SWEEPS = 2
_ATTEMPTS = 5


class People(Protocol):
    def add_person(self, person: Person) -> None: ...
    def find_person_by_email(self, email: str) -> Person | None: ...
    def set_active(self, user_id: str, *, active: bool) -> None: ...
    def set_operator(self, user_id: str, *, operator: bool) -> None: ...


class Projects(Protocol):
    def add_project(self, project: Project, team: Team | None) -> None: ...
    def add_member(self, slug: str, user_id: str, *, admin: bool) -> None: ...
    def remove_member(self, slug: str, user_id: str) -> None: ...


@dataclass(frozen=True)
class Ended:
    """What stopped working with an employee's deactivation; their tools tokens did not, being the integrators'."""

    personal_tokens: int
    keys: int
    tools_tokens_left: Sequence[str]


def list_integrators(*, integrators: Integrators) -> list[IntegratorOut]:
    """Every integrator that is not archived, by slug. Store calls after authentication: 1."""
    return listed(integrators.list_integrators())


def register_integrator(
    wanted: IntegratorIn, *, integrator_id: str, now: datetime, integrators: Integrators, claim: Claim | None = None
) -> Integrator:
    """Let a system publish here, under event types of its own. Store calls: 2.

    Raises:
        Conflict: the slug is taken, or the prefix covers or is covered by another's.
        AlreadyAnswered: the claim has been used before; nothing was done.
    """
    made = Integrator(
        integrator_id,
        wanted.slug,
        wanted.name,
        wanted.event_prefix,
        timestamp(now),
        wanted.homepage_url,
        wanted.description,
    )
    for other in integrators.list_integrators():
        overlap = made.event_prefix.startswith(other.event_prefix) or other.event_prefix.startswith(made.event_prefix)
        if overlap and other.slug != made.slug:
            raise Conflict(f"The event prefix {made.event_prefix} overlaps that of {other.slug}, {other.event_prefix}")
    integrators.add_integrator(made, claim=claim, reply=detailed(made).model_dump(mode="json"))
    return made


def update_integrator(slug: str, patch: IntegratorPatch, *, call: Call, integrators: Integrators) -> Integrator:
    """Tell something else of an integrator that is in use. Store calls: 2.

    Raises:
        NotFound: there is no such integrator in use.
        Unavailable: many others change it at the same time.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    for _ in range(_ATTEMPTS):
        over = integrators.find_integrator(slug)
        if over is None or over.archived_at is not None:
            raise NotFound("No such integrator in use.")
        made = replace(over, **patch.model_dump(exclude_unset=True))
        reply = detailed(made).model_dump(mode="json")
        if integrators.save_integrator(made, over=over, claim=call.claim, reply=reply):
            return made
    raise Unavailable("The integrator is being changed by many calls at once.")


def register_person(wanted: PersonIn, *, user_id: str, people: People) -> Person:
    """Make somebody an employee.

    Raises:
        Conflict: the address is taken.
    """
    made = Person(user_id, wanted.email.lower(), wanted.name, org_admin=wanted.org_admin)
    people.add_person(made)
    return made


def deactivate_person(
    email: str, *, people: People, grants: Grants, closer: SocketCloser, settle: Callable[[], None]
) -> Ended:
    """End an employee's access: nothing reaches them, their personal tokens and keys are disabled, connections ended.

    The person goes first, which rules new keys out; then what there is, twice, with `settle` between,
    since the list may lag behind. Done again it does no harm, and ends what was enabled since.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_of(email, people)
    people.set_active(person.user_id, active=False)
    tokens, keys = 0, 0
    for sweep in range(_SWEEPS):
        if sweep:
            settle()
        active = [each for each in grants.list_personal(person.user_id) if each.status is TokenStatus.ACTIVE]
        tokens += sum(grants.set_status(TokenKind.PERSONAL, each.token_id, active=False) for each in active)
        keys += sum(
            grants.switch_key(key.key_id, active=False, owner_id=person.user_id, claim=None, reply={})
            for key in grants.list_keys(person.user_id)
            if key.active
        )
    closer.close(person.user_id)
    left = [each.token_id for each in grants.list_tools() if _works_for(person, each)]
    return Ended(tokens, keys, left)


def activate_person(email: str, *, people: People) -> Person:
    """Make a former employee one again; tokens and keys stay as they are.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_of(email, people)
    people.set_active(person.user_id, active=True)
    return person


def set_operator(email: str, *, operator: bool, people: People) -> Person:
    """Let an employee run the desk, or no longer.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_of(email, people)
    people.set_operator(person.user_id, operator=operator)
    return person


def enable_personal_token(token_id: str, *, grants: Grants) -> None:
    """Make an employee's disabled token work again.

    Raises:
        NotFound: there is no such token.
        Conflict: it has been revoked.
        Forbidden: the employee is not active.
    """
    token = grants.find_issued(TokenKind.PERSONAL, token_id)
    if token is None:
        raise NotFound("No such token.")
    grants.set_status(TokenKind.PERSONAL, token_id, active=True, while_active=token.user_id)


def register_project(
    wanted: ProjectIn,
    *,
    admins: Sequence[str],
    members: Sequence[str],
    project_id: str,
    team_id: str,
    new_team: TeamIn | None,
    people: People,
    projects: Projects,
) -> Project:
    """Start a project with a new team, or in the team there is; `admins` and `members` are addresses.

    Raises:
        NotFound: one of them is no employee's, or there is no such team.
        Conflict: the slug is taken.
        Invalid: they are more than one write can hold.
    """
    leading = frozenset(person_of(email, people).user_id for email in admins)
    everyone = leading | {person_of(email, people).user_id for email in members}
    if len(everyone) > MOST_FIRST_MEMBERS:
        raise Invalid(f"A project starts with at most {MOST_FIRST_MEMBERS} members; add the others afterwards.")
    made = Project(project_id, wanted.slug, wanted.name, team_id, everyone, leading)
    projects.add_project(made, Team(team_id, new_team.name, new_team.description) if new_team else None)
    return made


def add_member(slug: str, email: str, *, admin: bool, people: People, projects: Projects) -> None:
    """Make an employee a member of a project, or an administrator of it, or no longer one.

    Raises:
        NotFound: there is no such project, or no such employee.
    """
    projects.add_member(slug, person_of(email, people).user_id, admin=admin)


def remove_member(slug: str, email: str, *, people: People, projects: Projects) -> None:
    """Take an employee out of a project.

    Raises:
        NotFound: there is no such employee, or none in this project.
    """
    projects.remove_member(slug, person_of(email, people).user_id)


def issue_tools_token(
    token: MintedToken,
    *,
    integrator: str,
    owner: str,
    admin: bool,
    now: datetime,
    integrators: Integrators,
    people: People,
    tokens: Tokens,
    claim: Claim | None = None,
    reply: Callable[[ToolsGrant], dict[str, Any]] = lambda _: {},
) -> ToolsGrant:
    """Give an integrator a tools token; `owner` is the address of the employee who answers for it.

    Store calls: 4. `reply` makes what is kept under a claim.

    Raises:
        AlreadyAnswered: the claim has been used before; nothing was done.
        NotFound: there is no such integrator or employee.
        Conflict: the integrator is archived, or the employee not active.
    """
    found = integrators.find_integrator(integrator)
    if found is None:
        raise NotFound(f"There is no integrator {integrator}.")
    if found.archived_at is not None:
        raise Conflict(f"The integrator {integrator} is archived.")
    grant = ToolsGrant(token.row_id, found.slug, found.event_prefix, _active(owner, people).user_id, admin)
    tokens.add_tools(grant, token, now=now, claim=claim, reply=reply(grant))
    return grant


def issue_key(
    wanted: KeyIn, token: MintedToken, *, key_id: str, owner: str, now: datetime, people: People, tokens: Tokens
) -> KeyGrant:
    """Make `token` a key of the employee with the address `owner`.

    Raises:
        NotFound: there is no such employee.
        Conflict: the employee is not active.
    """
    person = _active(owner, people)
    grant = KeyGrant(key_id, person.user_id, wanted.name, token.shown, wanted.opened, wanted.expires_at(now))
    tokens.add_key(grant, token, now=now)
    return grant


def person_of(email: str, people: People) -> Person:
    """The employee with this address.

    Raises:
        NotFound: there is none.
    """
    person = people.find_person_by_email(email.lower())
    if person is None:
        raise NotFound(f"There is no employee with the address {email}.")
    return person


def _active(email: str, people: People) -> Person:
    person = person_of(email, people)
    if not person.active:
        raise Conflict(f"{person.email} is not active.")
    return person


def _works_for(person: Person, token: IssuedToken) -> bool:
    return token.user_id == person.user_id and token.status is TokenStatus.ACTIVE
