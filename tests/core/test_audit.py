"""Audit entries: who acts with each credential, and details that are short enough to read."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.core.domain.audit import (
    STRANGER,
    Actor,
    ActorKind,
    AuditEntry,
    Credential,
    Subject,
    actor_of,
    describe_changes,
    person_subject,
    to_details,
    with_refs,
)
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import (
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    Session,
    ToolsToken,
)
from chalicelib.core.domain.person_refs import person_ref

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CALLERS: list[tuple[Caller | None, Actor]] = [
    (Session("s1", "u1", frozenset()), Actor(ActorKind.PERSON, "u1", Credential.SESSION, "s1")),
    (ApiKey("k1", "u1", frozenset()), Actor(ActorKind.PERSON, "u1", Credential.KEY, "k1")),
    (
        ToolsToken("t1", "fd1", "fd1.", "u1", admin=True),
        Actor(ActorKind.INTEGRATOR, "fd1", Credential.TOOLS_TOKEN, "t1"),
    ),
    (
        PersonalToken("g1", "fd1", "fd1.", "u1", "t1", "u2", None, moderated=False),
        Actor(ActorKind.INTEGRATOR, "fd1", Credential.PERSONAL_TOKEN, "g1"),
    ),
    (PlatformToken("i1"), Actor(ActorKind.INSTANCE, "i1", Credential.PLATFORM_TOKEN)),
    (InstanceKey("h", frozenset(("b", "a"))), Actor(ActorKind.INSTANCE, "a,b", Credential.INSTANCE_KEY)),
    (None, STRANGER),
]


@pytest.mark.parametrize(("caller", "actor"), CALLERS, ids=lambda each: type(each).__name__)
def test_each_credential_names_who_acts(caller: Caller | None, actor: Actor) -> None:
    assert actor_of(caller) == actor


def test_details_are_few_and_short() -> None:
    details = to_details({f"n{number}": "x" * 1000 for number in range(100)} | {"none": None})
    assert len(details) == 16
    assert {len(each) for each in details.values()} == {200}


def test_changes_are_described_from_before_to_after_without_the_texts_that_somebody_wrote() -> None:
    before = {"name": "Old", "open": True, "tags": ["b", "a"], "same": 1, "most": 1}
    after = {"name": "New", "open": False, "tags": None, "same": 1, "most": None}
    assert describe_changes(before, after, {"tags"}) == {
        "name": "changed",
        "open": "yes → no",
        "tags": "a, b → –",
        "most": "1 → –",
    }


def test_details_have_no_addresses() -> None:
    given = {"device": "Bot/1.0 (mailto:bob@example.com) 2", "all": ["a@b.example", "c"]}
    assert to_details(given) == {"device": "Bot/1.0 … 2", "all": "…, c"}


def test_stored_entries_name_people_by_refs_alone() -> None:
    entry = AuditEntry("e1", NOW, AuditKind.PERSON_CREATE, Actor(ActorKind.PERSON, "u1"), person_subject("u2"))
    stored = with_refs(entry)
    assert stored.actor.id == person_ref("u1")
    assert stored.subject == Subject("person", person_ref("u2"), person_ref("u2"))
    assert len({person_ref("u1"), person_ref("u2"), "u1", "u2"}) == 4
    key = with_refs(replace(entry, actor=Actor(ActorKind.INTEGRATOR, "fd1"), subject=Subject("key", "k1", "u2")))
    assert (key.actor.id, key.subject) == ("fd1", Subject("key", "k1", person_ref("u2")))


def test_a_person_is_the_person_whom_the_entry_concerns() -> None:
    assert person_subject("u1").person_id == "u1"
