"""Employees as administrators see them."""

from typing import Any

from chalicelib.core.domain.fields import Out, UuidOut
from chalicelib.people.domain.directory import Person


class PersonOut(Out):
    """An employee."""

    id: UuidOut
    email: str
    name: str
    active: bool
    org_admin: bool
    operator: bool


def to_person_response(person: Person) -> PersonOut:
    return PersonOut(**person_fields(person))


def person_fields(person: Person) -> dict[str, Any]:
    """The members of `PersonOut`."""
    return {
        "id": person.user_id,
        "email": person.email,
        "name": person.name,
        "active": person.active,
        "org_admin": person.org_admin,
        "operator": person.operator,
    }
