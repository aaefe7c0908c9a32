"""The transaction that gives a person another name or address, in the table `directory` (see directory)."""

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory_rows import PEOPLE, address_key, person_key, row_key
from chalicelib.resources import DIRECTORY

# The place of the member of `change_actions` that fails if somebody has the address.
ADDRESS = 1


def change_actions(over: Person, person: Person) -> list[Action]:
    """Return the transaction that gives a person another name or address, if they are as they were read.

    Whether they are active is not changed.
    """
    changed = update(
        DIRECTORY,
        person_key(person.user_id),
        "SET #name = :name, email = :email",
        "#name = :seenName AND email = :seenEmail",
        name=person.name,
        email=person.email,
        seenName=over.name,
        seenEmail=over.email,
    )
    if person.email == over.email:
        return [changed]
    added = [key | {"userId": person.user_id} for key in (address_key(person.email), list_key(person.email))]
    removed = [address_key(over.email), list_key(over.email)]
    return [changed, *(put_new(DIRECTORY, row) for row in added), *(delete(DIRECTORY, key) for key in removed)]


def list_key(email: str) -> Row:
    """The key of a person's row in the list of everybody, by address."""
    return row_key(PEOPLE, email)
