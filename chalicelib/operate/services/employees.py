"""Register employees, activate them again, and make them operators. See `deactivation` for the end of access."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.people.domain.directory import EmployeePatch, Person, PersonIn
from chalicelib.people.services.ports import Employees, People


def register_person(
    request: PersonIn,
    *,
    user_id: str,
    people: Employees,
    along: Sequence[Action] = (),
    claim: Claim | None = None,
    reply: StoredReply | None = None,
) -> Person:
    """Register an employee, and write `along` with them. Store calls: 1.

    Raises:
        Conflict: the address is taken.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    person = Person(
        user_id, request.email.lower(), request.name, org_admin=request.org_admin, operator=request.operator
    )
    people.add_person(person, along=along, claim=claim, reply=reply)
    return person


def change_person(
    person: Person, changes: EmployeePatch, *, people: Employees, while_operator: str | None = None
) -> Person:
    """Rename an employee, and grant or withdraw operator rights. Store calls: 2; 1 when nothing changes.

    Raises:
        NotFound: the employee was deleted.
        Conflict: the employee is the last active operator.
    """
    return people.change_person(
        person.user_id, name=changes.name, operator=changes.operator, while_operator=while_operator
    )


def activate_person(user_id: str, *, people: Employees) -> Person:
    """Activate a former employee again. Their tokens and keys stay as they are. Store calls: 3; 2 if they are active.

    Raises:
        NotFound: there is no such employee.
    """
    person = person_by_id(user_id, people)
    people.set_active(person.user_id, active=True)
    return replace(person, active=True)


def check_self(person: Person, caller_id: str, *, confirmed: bool) -> None:
    """Require that somebody who ends their own access means it.

    Raises:
        Conflict: the employee is the caller, and did not confirm it.
    """
    if person.user_id == caller_id and not confirmed:
        raise Conflict("This is your own account. To go on, repeat the call with confirmSelf: true.")


def person_by_id(user_id: str, people: People) -> Person:
    """Return the employee with this id. Store calls: 1; none if it is no id.

    Raises:
        NotFound: there is none.
    """
    person = people.find_person(user_id.lower()) if is_uuid(user_id) else None
    if person is None:
        raise NotFound("Employee not found.")
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
