"""Audit entries: who changed what, when, from where, and with which credential.

Entries are never changed, so what is stored names people only by their refs (see `person_refs`), and has no text that
somebody wrote.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import (
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    ToolsToken,
)
from chalicelib.core.domain.person_refs import person_ref

# Details are for people to read, so they are few and short.
_MOST_DETAILS = 16
_LONGEST = 200
# A browser can be named after its owner, and a file after its author.
_ADDRESS = re.compile(r"[^\s@,;]*@[^\s@,;]*")
_PLAIN = frozenset((bool, int, Decimal, type(None)))


class ActorKind(StrEnum):
    """Who acts. What a command says about its user is claimed, since only the machine knows it."""

    PERSON = "person"
    INTEGRATOR = "integrator"
    INSTANCE = "instance"
    PEER = "peer"
    PROVIDER = "provider"
    DIRECTORY = "directory"
    COMMAND = "command"
    STRANGER = "stranger"


class Credential(StrEnum):
    """With what somebody acts."""

    SESSION = "session"
    KEY = "key"
    TOOLS_TOKEN = "toolsToken"
    PERSONAL_TOKEN = "personalToken"
    DIRECTORY_TOKEN = "directoryToken"
    CONNECTION = "connection"
    PLATFORM_TOKEN = "platformToken"
    INSTANCE_KEY = "instanceKey"


@dataclass(frozen=True)
class Actor:
    """Who acts: a person by user id, an integrator by slug, a desk by its id or URL, a command by user and host."""

    kind: ActorKind
    id: str | None = None
    credential: Credential | None = None
    credential_id: str | None = None


STRANGER = Actor(ActorKind.STRANGER)


@dataclass(frozen=True)
class Subject:
    """What was changed. `person_id` is the person whom it concerns, who sees the entry as well."""

    type: str
    id: str
    person_id: str | None = None


@dataclass(frozen=True)
class AuditEntry:
    """One change, or one refused attempt. `at` has milliseconds, and `entry_id` makes entries of one of them unique."""

    entry_id: str
    at: datetime
    kind: str
    actor: Actor
    subject: Subject | None = None
    address: str | None = None
    request_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def actor_of(caller: Caller | None) -> Actor:
    """Return who acts with a credential; a stranger acts with none."""
    match caller:
        case Session():
            return Actor(ActorKind.PERSON, caller.user_id, Credential.SESSION, caller.key_id)
        case ApiKey():
            return Actor(ActorKind.PERSON, caller.user_id, Credential.KEY, caller.key_id)
        case ToolsToken():
            return Actor(ActorKind.INTEGRATOR, caller.integrator, Credential.TOOLS_TOKEN, caller.token_id)
        case PersonalToken():
            return Actor(ActorKind.INTEGRATOR, caller.integrator, Credential.PERSONAL_TOKEN, caller.grant_id)
        case ScimToken():
            return Actor(ActorKind.DIRECTORY, caller.token_id, Credential.DIRECTORY_TOKEN, caller.token_id)
        case PlatformToken():
            return Actor(ActorKind.INSTANCE, caller.instance_id, Credential.PLATFORM_TOKEN)
        case InstanceKey():
            return Actor(ActorKind.INSTANCE, _clip(",".join(sorted(caller.holders))), Credential.INSTANCE_KEY)
    return STRANGER


def person_subject(user_id: str) -> Subject:
    """Return a person as the subject of an entry."""
    return Subject("person", user_id, user_id)


def with_refs(entry: AuditEntry) -> AuditEntry:
    """Return the entry with refs in the place of the ids of people, as it is stored."""
    actor, subject = entry.actor, entry.subject
    if actor.kind is ActorKind.PERSON and actor.id:
        actor = replace(actor, id=person_ref(actor.id))
    if subject and subject.person_id:
        ref = person_ref(subject.person_id)
        subject = Subject(subject.type, ref if subject.id == subject.person_id else subject.id, ref)
    return replace(entry, actor=actor, subject=subject)


def to_details(given: Mapping[str, object]) -> dict[str, str]:
    """Convert details to a few short texts without addresses; what is None is left out."""
    known = [(name, _to_text(value)) for name, value in given.items() if value is not None]
    return dict(known[:_MOST_DETAILS])


def describe_changes(
    before: Mapping[str, object], after: Mapping[str, object], words: Collection[str] = ()
) -> dict[str, str]:
    """Describe what differs: numbers, flags, and the texts named in `words` as `before → after`.

    Of other texts it says only that they changed, since they may name people, whom an entry outlives.
    """
    names = [name for name in after if before.get(name) != after[name]]
    half = _LONGEST // 2 - 2
    return {
        name: f"{_to_text(before.get(name), half)} → {_to_text(after[name], half)}"
        if name in words or {type(before.get(name)), type(after[name])} <= _PLAIN
        else "changed"
        for name in names
    }


def is_kind(text: str) -> bool:
    """Whether an entry of this desk's version can have the kind."""
    return text in set(AuditKind)


def _to_text(value: object, most: int = _LONGEST) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            return _clip(_ADDRESS.sub("…", ", ".join(sorted(map(str, value)))), most)
    return _clip(_ADDRESS.sub("…", str(value)), most)


def _clip(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
