"""Audit entries: who changed what, when, from where, and with which credential."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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

# Details are for people to read, so they are few and short.
_MOST_DETAILS = 16
_LONGEST = 200


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


def to_details(given: Mapping[str, object]) -> dict[str, str]:
    """Convert details to a few short texts; what is None is left out."""
    known = [(name, _to_text(value)) for name, value in given.items() if value is not None]
    return dict(known[:_MOST_DETAILS])


def describe_changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, str]:
    """Describe what differs, as `before → after`."""
    names = [name for name in after if before.get(name) != after[name]]
    half = _LONGEST // 2 - 2
    return {name: f"{_to_text(before.get(name), half)} → {_to_text(after[name], half)}" for name in names}


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
            return _clip(", ".join(sorted(map(str, value))), most)
    return _clip(str(value), most)


def _clip(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
