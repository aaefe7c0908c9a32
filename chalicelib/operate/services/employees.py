"""Register employees, and end or restore their access."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.ports import SocketCloser
from chalicelib.ids import TokenKind
from chalicelib.people.domain.directory import Person, PersonIn
from chalicelib.people.services.ports import Employees, People
from chalicelib.tokens.domain.tokens import IssuedToken
from chalicelib.tokens.services.ports import Grants
from chalicelib.tokens.services.sessions import Sessions

# The index that lists a person's tokens shows a new token a moment late, so deactivation goes through it twice.
_SWEEPS = 2


@dataclass(frozen=True)
class EndedAccess:
    """The tokens and keys that a deactivation disabled, and the sessions that it ended.

    Tools tokens belong to integrators and keep working.
    """

    personal_tokens: int
    keys: int
    sessions: int
    tools_tokens_left: Sequence[str]


def register_person(request: PersonIn, *, user_id: str, people: Employees) -> Person:
    """Register an employee. Store calls: 1.

    Raises:
        Conflict: the address is taken.
    """
    person = Person(user_id, request.email.lower(), request.name, org_admin=request.org_admin)
    people.add_person(person)
    return person


def deactivate_person(
    email: str,
    *,
    people: Employees,
    grants: Grants,
    sessions: Sessions,
    closer: SocketCloser,
    settle: Callable[[], None],
    now: datetime,
) -> EndedAccess:
    """Deactivate an employee, disable their personal tokens and keys, and end their sessions and sockets.

    The person is deactivated first, so no new key can be created. Tokens and keys are then listed twice, with
    `settle` in between, because the index may lag. Running it again is safe, and disables whatever was enabled since.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_by_email(email, people)
    people.set_active(person.user_id, active=False)
    tokens, keys, ended = 0, 0, 0
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
        ended += sum(
            sessions.end(each.session_id, user_id=person.user_id) for each in sessions.list_of(person.user_id, now=now)
        )
    closer.close(person.user_id)
    left = [each.token_id for each in grants.list_tools() if _is_owned_by(person, each)]
    return EndedAccess(tokens, keys, ended, left)


def activate_person(email: str, *, people: Employees) -> Person:
    """Reactivate a former employee. Their tokens and keys stay as they are. Store calls: 2.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_by_email(email, people)
    people.set_active(person.user_id, active=True)
    return person


def set_operator(email: str, *, operator: bool, people: Employees) -> Person:
    """Grant or withdraw access to the admin pages. Store calls: 2.

    Raises:
        NotFound: there is no employee with this address.
    """
    person = person_by_email(email, people)
    people.set_operator(person.user_id, operator=operator)
    return person


def person_by_email(email: str, people: People) -> Person:
    """Return the employee with this address. Store calls: 1.

    Raises:
        NotFound: there is none.
    """
    person = people.find_person_by_email(email.lower())
    if person is None:
        raise NotFound(f"There is no employee with the address {email}.")
    return person


def active_person_check(email: str, people: People) -> Person:
    """Return the active employee with this address. Store calls: 1.

    Raises:
        NotFound: there is no employee with this address.
        Conflict: the employee is not active.
    """
    person = person_by_email(email, people)
    if not person.active:
        raise Conflict(f"{person.email} is not active.")
    return person


def _is_owned_by(person: Person, token: IssuedToken) -> bool:
    return token.user_id == person.user_id and token.status is TokenStatus.ACTIVE
