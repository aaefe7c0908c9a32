"""Audit entries as their readers see them."""

from datetime import UTC, datetime

from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Credential, Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.audit_responses import KnownPerson, people_in, position_of, to_response

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ACTOR = Actor(ActorKind.PERSON, "u1", Credential.SESSION, "s1")
ENTRY = AuditEntry("e1", NOW, AuditKind.KEY_DELETE, ACTOR, Subject("key", "k1", "u2"), "192.0.2.1", "req_1", {"a": "b"})
PEOPLE = {"u1": KnownPerson("Alice", "alice@example.com")}


def test_names_of_people_come_from_the_directory() -> None:
    shown = to_response(ENTRY, PEOPLE)
    assert people_in([ENTRY]) == {"u1", "u2"}
    assert (shown.actor.name, shown.actor.email, shown.address) == ("Alice", "alice@example.com", "192.0.2.1")
    assert shown.subject is not None
    assert (shown.subject.person_id, shown.subject.person_name) == ("u2", None)


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
    assert position_of(ENTRY) == "2026-03-04T05:06:07.000Z#e1"
