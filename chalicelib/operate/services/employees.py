"""Register employees, activate them again, and make them operators. See `deactivation` for the end of access."""

from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.people.domain.directory import Person, PersonIn
from chalicelib.people.services.ports import Employees, People


def register_person(request: PersonIn, *, user_id: str, people: Employees) -> Person:
    """Register an employee. Store calls: 1.

    Raises:
        Conflict: the address is taken.
    """
    person = Person(user_id, request.email.lower(), request.name, org_admin=request.org_admin)
    people.add_person(person)
    return person


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
