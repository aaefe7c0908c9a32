"""Audit entries as their readers see them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from chalicelib.core.domain.audit import (
    Actor,
    ActorKind,
    AuditEntry,
    Credential,
    Subject,
    person_subject,
    with_refs,
)
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.audit_responses import KnownPerson, find_known, people_in, position_of, to_response
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.people.domain.directory import Person

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ACTOR = Actor(ActorKind.PERSON, "u1", Credential.SESSION, "s1")
ENTRY = with_refs(
    AuditEntry("e1", NOW, AuditKind.KEY_DELETE, ACTOR, Subject("key", "k1", "u2"), "192.0.2.1", "req_1", {"a": "b"})
)
PEOPLE = {person_ref("u1"): KnownPerson("u1", "Alice", "alice@example.com")}


def test_names_of_people_come_from_the_directory() -> None:
    shown = to_response(ENTRY, PEOPLE)
    assert people_in([ENTRY]) == {person_ref("u1"), person_ref("u2")}
    assert (shown.actor.id, shown.actor.name, shown.actor.email, shown.address) == (
        "u1",
        "Alice",
        "alice@example.com",
        "192.0.2.1",
    )
    assert shown.subject is not None
    assert (shown.subject.person_id, shown.subject.person_name) == (person_ref("u2"), None)


def test_a_person_as_the_subject_is_shown_by_id_as_long_as_the_desk_knows_them() -> None:
    entry = with_refs(AuditEntry("e1", NOW, AuditKind.PERSON_CREATE, ACTOR, person_subject("u1")))
    known, unknown = to_response(entry, PEOPLE).subject, to_response(entry, {}).subject
    assert known is not None
    assert unknown is not None
    assert (known.id, known.person_id) == ("u1", "u1")
    assert (unknown.id, unknown.person_id) == (person_ref("u1"), person_ref("u1"))


def test_people_are_found_by_their_refs_among_those_that_the_desk_knows() -> None:
    asked: list[list[str]] = []

    def find(user_ids: Iterable[str]) -> dict[str, Person]:
        asked.append(list(user_ids))
        return {each: Person(each, f"{each}@example.com", each.upper()) for each in asked[-1]}

    assert find_known([ENTRY], ["u0", "u1", "u3"], find) == {
        person_ref("u1"): KnownPerson("u1", "U1", "u1@example.com")
    }
    assert find_known([ENTRY], ["u0"], find) == {}
    assert asked == [["u1"]]


def test_another_reader_does_not_see_where_somebody_acted_from() -> None:
    theirs, own = (to_response(ENTRY, PEOPLE, reader_id=reader) for reader in ("u2", "u1"))
    assert (theirs.address, theirs.request_id, theirs.actor.credential_id) == (None, None, None)
    assert (own.address, own.request_id, own.actor.credential_id) == ("192.0.2.1", "req_1", "s1")


def test_who_a_command_says_that_it_is_is_claimed() -> None:
    entry = AuditEntry("e1", NOW, AuditKind.PERSON_CREATE, Actor(ActorKind.COMMAND, "root@host"))
    shown = to_response(entry, {})
    assert (shown.actor.is_claimed, shown.actor.id, shown.subject) == (True, "root@host", None)
    assert not to_response(ENTRY, {}).actor.is_claimed


def test_the_position_of_an_entry_is_its_time_and_id() -> None:
    assert position_of(to_response(ENTRY, PEOPLE)) == "2026-03-04T05:06:07.000Z#e1"
