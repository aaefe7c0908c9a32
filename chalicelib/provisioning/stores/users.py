"""Provisioned employees, in the table `directory` beside the rows of people (see directory).

USER#<id>                    / SCIM        what the directory sent (see Details)
EXTERNAL#<sha-256 of the id> / <user id>   a person by the directory's own id; ids may occur twice
PEOPLE                       / <email>     with `deleted` for a person that the directory has deleted
"""

import hashlib
from collections.abc import Iterable, Iterator

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, delete, put, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory_rows import PEOPLE, address_key, person_key, row_key
from chalicelib.people.stores.employees import DynamoEmployees, person_from_row
from chalicelib.people.stores.person_changes import ADDRESS, change_actions, list_key
from chalicelib.provisioning.domain.changes import Changed, NameTaken
from chalicelib.provisioning.domain.users import Details, User
from chalicelib.resources import DIRECTORY

_SCIM = "SCIM"
_DETAILS = Codec(Details)


class DynamoProvisionedUsers:
    def find(self, user_id: str) -> User | None:
        """Find a user, also a deleted one. One store call."""
        return next(iter(self.find_all([user_id])), None)

    def find_all(self, user_ids: Iterable[str]) -> list[User]:
        """Find users, also deleted ones, by address. One store call for each fifty, made at the same time."""
        keys = [key for user_id in dict.fromkeys(user_ids) for key in (person_key(user_id), _details_key(user_id))]
        rows = get_all(DIRECTORY, keys)
        details = {row["pk"]: _DETAILS.from_row(row) for row in rows if row["sk"] == _SCIM}
        people = {row["pk"]: person_from_row(row) for row in rows if row["sk"] != _SCIM}
        found = [User.of(person, details.get(pk)) for pk, person in people.items()]
        return sorted(found, key=lambda each: each.user_name)

    def find_id_by_name(self, user_name: str) -> str | None:
        """Find the id of the user with this address, in lower case. One store call."""
        rows = get_all(DIRECTORY, [address_key(user_name)])
        return str(rows[0]["userId"]) if rows else None

    def list_ids_by_external_id(self, external_id: str) -> list[str]:
        """List the ids of the users whom the directory knows by this id. One store call."""
        return [row["sk"] for row in query_partition(DIRECTORY, _external(external_id))]

    def list_ids(self) -> list[str]:
        """List the ids of all users who were not deleted, by address. One store call per megabyte."""
        return [row["userId"] for row in query_partition(DIRECTORY, PEOPLE) if not row.get("deleted")]

    def add(self, user: User) -> None:
        """Store a new user. One store call.

        Raises:
            Conflict: another person has the address.
        """
        person = Person(user.user_id, user.user_name, user.shown_name, active=user.active)
        row = _details_key(user.user_id) | _DETAILS.to_row(user.details)
        DynamoEmployees().add_person(person, along=[put(DIRECTORY, row, NEW), *_external_actions(None, user)])

    def save(self, user: User, *, over: User, is_new_name: bool) -> None:
        """Replace a user, except whether they are active. With `is_new_name` the name that people see follows.

        Two store calls.

        Raises:
            Changed: somebody else has changed the user since.
            NameTaken: another person has the address.
        """
        rows = get_all(DIRECTORY, [person_key(user.user_id)])
        seen = person_from_row(rows[0]) if rows else None
        if seen is None or seen.email != over.user_name:
            raise Changed
        name = user.shown_name if is_new_name else seen.name
        person = Person(user.user_id, user.user_name, name)
        actions = change_actions(seen, person)
        row = _details_key(user.user_id) | _DETAILS.to_row(user.details)
        seen_revision = over.details.revision
        actions.append(
            put(DIRECTORY, row, "revision = :seen", seen=seen_revision) if seen_revision else put(DIRECTORY, row, NEW)
        )
        actions += _external_actions(over, user)
        if (gone := _deleted_action(over, user)) is not None:
            actions.append(gone)
        try:
            commit(actions)
        except Refused as refused:
            if ADDRESS in refused.failed and user.user_name != over.user_name:
                raise NameTaken from refused
            raise Changed from refused


def _deleted_action(over: User, user: User) -> Action | None:
    """Mark the row by which everybody is listed; one that was made for another address has no mark."""
    key = list_key(user.user_name)
    if user.details.deleted == over.details.deleted or user.user_name != over.user_name:
        return None
    if user.details.deleted:
        return update(DIRECTORY, key, "SET deleted = :yes", EXISTS, yes=True)
    return update(DIRECTORY, key, "REMOVE deleted", EXISTS)


def _external_actions(over: User | None, user: User) -> Iterator[Action]:
    was, now = over.details.external_id if over else None, user.details.external_id
    if was == now:
        return
    if was:
        yield delete(DIRECTORY, row_key(_external(was), user.user_id))
    if now:
        yield put(DIRECTORY, row_key(_external(now), user.user_id))


def _external(external_id: str) -> str:
    return f"EXTERNAL#{hashlib.sha256(external_id.encode()).hexdigest()}"


def _details_key(user_id: str) -> Row:
    return row_key(person_key(user_id)["pk"], _SCIM)
