"""Employees in the table `directory` (see directory): who they are, whether they are active, and who runs the desk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.audit import person_subject
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import audit_trail
from chalicelib.core.stores.actions import check, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query, query_partition
from chalicelib.core.stores.writes import try_commit
from chalicelib.parallel import chunks
from chalicelib.people.domain.directory import EmployeePage, Person, Visibility
from chalicelib.people.stores.directory_listing import count_added, person_listing, set_active_actions
from chalicelib.people.stores.directory_rows import PEOPLE, address_key, person_key, row_key
from chalicelib.resources import DIRECTORY

# Of a transaction, and of each new person in it.
_MOST_ACTIONS, _ROWS_OF_PERSON = 100, 4
_TOO_MANY_CHANGES = "Too many calls are changing this employee. Try again."

# Rows that were stored before there were operators lack it.
_SAME_OPERATOR = "(#operator = :seen_operator OR attribute_not_exists(#operator))"

_PERSON = Codec(Person, without=("user_id",))


class DynamoEmployees:
    def add_person(
        self,
        person: Person,
        *,
        along: Sequence[Action] = (),
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> None:
        """Store a new person, and write `along` with them. One store call.

        Raises:
            Conflict: the id or the e-mail address is taken.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        counts = [count_added(people=[Visibility.CONNECTIONS])] if person.active else []
        audit_trail.note(created=True, operator=person.operator or None)
        if not try_commit(
            [*(put_new(DIRECTORY, row) for row in person_rows(person)), *counts, *along],
            claim=claim,
            reply=reply,
            audited=person_subject(person.user_id),
        ):
            raise Conflict(f"Another employee already has the address {person.email}.")

    def add_people(self, people: Sequence[tuple[Person, Sequence[Action]]]) -> list[bool]:
        """Store new people, each with actions of their own, and say of each whether their address was free.

        An entry point opens a draft of the audit log for each of them. A store call for some twenty. Where an address
        is taken, those that were to be stored with it are stored one by one.
        """
        stored: list[bool] = []
        for group in _groups(people):
            actions = [action for person, along in group for action in (*_add_actions(person), *along)]
            counted = [Visibility.CONNECTIONS for person, _ in group if person.active]
            if try_commit([*actions, count_added(people=counted)] if counted else actions):
                stored += [True] * len(group)
            elif len(group) == 1:
                stored.append(False)
            else:
                stored += [self.add_people([each])[0] for each in group]
        return stored

    def list_after(self, email: str | None, *, most: int) -> EmployeePage:
        """List employees by address, at most so many, from the first one after an address. Two store calls."""
        after = {"after": email} if email else {}
        found = query(
            DIRECTORY,
            KeyConditionExpression="pk = :pk AND sk > :after" if email else "pk = :pk",
            ExpressionAttributeValues=values(pk=PEOPLE, **after),
            ConsistentRead=True,
            Limit=most,
        )
        rows = list(islice(found, most))
        people = sorted(_find_people(row["userId"] for row in rows), key=lambda person: person.email.encode())
        return EmployeePage(people, rows[-1]["sk"] if len(rows) == most else None)

    def find_person(self, user_id: str) -> Person | None:
        """Find a person by id. One store call."""
        return self.find_people([user_id]).get(user_id)

    def find_person_by_email(self, email: str) -> Person | None:
        """Find a person by lower-case address. Two store calls; one when there is none."""
        rows = get_all(DIRECTORY, [address_key(email)])
        return self.find_people([rows[0]["userId"]]).get(rows[0]["userId"]) if rows else None

    def find_user_ids(self, emails: Iterable[str]) -> dict[str, str]:
        """Find the user ids of lower-case addresses, by address. Store calls in sequence: 1."""
        rows = get_all(DIRECTORY, map(address_key, emails))
        return {row["pk"].removeprefix("EMAIL#"): row["userId"] for row in rows}

    def find_people(self, user_ids: Iterable[str]) -> dict[str, Person]:
        """Find people by id. One store call per hundred, made at the same time."""
        return {person.user_id: person for person in _find_people(sorted(set(user_ids)))}

    def list_user_ids(self) -> list[str]:
        """List the ids of all people. One store call for some ten thousand of them."""
        return [row["userId"] for row in query_partition(DIRECTORY, PEOPLE)]

    def list_people(self) -> list[Person]:
        """List all people, by address. Two store calls; more when there are hundreds."""
        people = self.find_people(self.list_user_ids())
        return sorted(people.values(), key=lambda person: person.email)

    def set_active(self, user_id: str, *, active: bool, while_operator: str | None = None) -> None:
        """Activate or deactivate a person. Two store calls; one when nothing changes.

        With `while_operator` the last active operator stays active: that person has to be one. If they are none, or
        the same person, the employees are searched for one, with a store call for each hundred.

        Raises:
            NotFound: the person is unknown.
            Conflict: the person is the last active operator, and `while_operator` is given; or is being erased.
            Unavailable: many calls are changing the person at once.
        """
        attempts = Attempts(_TOO_MANY_CHANGES)
        while attempts.again():
            row = _find_row(user_id)
            if active and "erasing" in row:
                raise Conflict("This employee is being erased.")
            if row["active"] == active:
                audit_trail.note_no_change()
                return
            ends_operator = not active and row.get("operator")
            checks = [_another_operator(user_id, while_operator)] if ends_operator and while_operator else []
            if try_commit([*set_active_actions(row, active=active), *checks], audited=person_subject(user_id)):
                return
            while_operator = while_operator and user_id

    def is_operator(self, user_id: str) -> bool:
        """Say whether the person is an active operator. One store call."""
        person = self.find_person(user_id)
        return person is not None and person.is_active_operator

    def change_person(
        self,
        user_id: str,
        *,
        name: str | None = None,
        operator: bool | None = None,
        along: Sequence[Action] = (),
        while_operator: str | None = None,
    ) -> Person:
        """Change a person's name and whether they are an operator, and return the person; None changes nothing.

        With `while_operator` the last active operator stays one (see `set_active`). `along` is written with the
        change. Two store calls; one when nothing changes.

        Raises:
            NotFound: the person is unknown.
            Conflict: the person is the last active operator, and `while_operator` is given.
            Unavailable: many calls are changing the person at once.
        """
        attempts = Attempts(_TOO_MANY_CHANGES)
        while attempts.again():
            over = person_from_row(row := _find_row(user_id))
            person = replace(
                over,
                name=over.name if name is None else name,
                operator=over.operator if operator is None else operator,
            )
            if person == over and not along:
                audit_trail.note_no_change()
                return person
            # Not the names themselves: entries outlive a person's data.
            audit_trail.note(name="changed" if person.name != over.name else None)
            audit_trail.note_changes({"operator": over.operator}, {"operator": person.operator})
            change = update(
                DIRECTORY,
                {"pk": row["pk"], "sk": row["sk"]},
                "SET #name = :name, #operator = :operator",
                f"#name = :seen_name AND active = :active AND {_SAME_OPERATOR}",
                name=person.name,
                operator=person.operator,
                seen_name=over.name,
                seen_operator=over.operator,
                active=over.active,
            )
            ends_operator = over.active and over.operator and not person.operator
            checks = [_another_operator(user_id, while_operator)] if ends_operator and while_operator else []
            if try_commit([change, *along, *checks], audited=person_subject(user_id)):
                return person
            while_operator = while_operator and user_id


def person_from_row(row: Row) -> Person:
    """Convert a row to a person."""
    return _PERSON.from_row(row, user_id=row["pk"].partition("#")[2])


def person_rows(person: Person) -> list[Row]:
    """The rows of a new person."""
    visible = person_listing(person.user_id, Visibility.CONNECTIONS, listed=person.active)
    return [
        person_key(person.user_id) | _PERSON.to_row(person) | visible,
        address_key(person.email) | {"userId": person.user_id},
        row_key(PEOPLE, person.email) | {"userId": person.user_id},
    ]


def _add_actions(person: Person) -> list[Action]:
    draft = audit_trail.current()
    entry = draft.take(person_subject(person.user_id)) if draft else None
    recorded = [audit_trail.put_entry_action(entry)] if entry else []
    return [*(put_new(DIRECTORY, row) for row in person_rows(person)), *recorded]


def _groups(people: Sequence[tuple[Person, Sequence[Action]]]) -> Iterator[list[tuple[Person, Sequence[Action]]]]:
    """Split people into groups of which each fits into one transaction, with the row that counts them."""
    group: list[tuple[Person, Sequence[Action]]] = []
    size = 1
    for person, along in people:
        more = _ROWS_OF_PERSON + len(along)
        if group and size + more > _MOST_ACTIONS:
            yield group
            group, size = [], 1
        group.append((person, along))
        size += more
    if group:
        yield group


def _find_row(user_id: str) -> Row:
    rows = get_all(DIRECTORY, [person_key(user_id)])
    if not rows:
        raise NotFound("Employee not found.")
    return rows[0]


def _another_operator(user_id: str, known: str) -> Action:
    """Check, within a transaction, that somebody else is an active operator; first of all `known`."""
    if known == user_id:
        emails = query_partition(DIRECTORY, PEOPLE)
        rows = (row for group in chunks([each["userId"] for each in emails], 100) for row in _find_people(group))
        others = (each.user_id for each in rows if each.is_active_operator)
        if (known := next((each for each in others if each != user_id), "")) == "":
            raise Conflict("This is the last active operator. Make somebody else an operator first.")
    return check(DIRECTORY, person_key(known), "active = :yes AND #operator = :yes", yes=True)


def _find_people(user_ids: Iterable[str]) -> list[Person]:
    return [person_from_row(row) for row in get_all(DIRECTORY, map(person_key, user_ids))]
