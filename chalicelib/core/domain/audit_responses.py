"""Audit entries as operators, and the people whom they concern, see them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Credential, Subject
from chalicelib.core.domain.fields import Clamped, Omittable, Out, Query, TimeOut, timestamp
from chalicelib.core.domain.pages import MOST
from chalicelib.core.domain.person_refs import person_ref


class _Person(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...


class KnownPerson(NamedTuple):
    """A person's id, name and address, which entries do not have."""

    user_id: str
    name: str
    email: str


class AuditActorOut(Out):
    """Who acted: a person by user id, an integrator by slug, another desk by id or URL, a command by user and host."""

    kind: ActorKind
    id: str | None = Field(description="Of a person whom the desk does not know any more, a random text.")
    name: str | None = Field(description="The name of a person; null if the desk does not know them any more.")
    email: str | None
    credential: Credential | None = Field(description="With what they acted.")
    credential_id: str | None = Field(description="The id of the session, the key, the token or the connection.")
    is_claimed: bool = Field(description="Whether only the actor says who they are, as commands do.")


class AuditSubjectOut(Out):
    """What was changed, and the person whom it concerns."""

    type: str
    id: str
    person_id: str | None
    person_name: str | None
    person_email: str | None


class AuditEntryOut(Out):
    """One change, or one refused attempt."""

    id: str
    at: TimeOut
    kind: str = Field(description="`<subject>.<what was done>`, such as `session.begin`.")
    actor: AuditActorOut
    subject: AuditSubjectOut | None
    address: str | None = Field(description="The network address that the request came from.")
    request_id: str | None
    details: dict[str, str]


class AuditPageOut(Out):
    """A page of entries, newest first. It can be short, or empty, before the last one."""

    entries: list[AuditEntryOut]
    next_cursor: str | None


class SecurityLogQuery(Query):
    """Selects a page of your security log."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = 50
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page.")


def find_known(
    entries: Iterable[AuditEntry], user_ids: Iterable[str], find: Callable[[Iterable[str]], Mapping[str, _Person]]
) -> dict[str, KnownPerson]:
    """Find the people whom entries name, by ref. `user_ids` are those of everybody whom the desk knows."""
    named = people_in(entries)
    if not named:
        return {}
    by_ref = {ref: user_id for user_id in user_ids if (ref := person_ref(user_id)) in named}
    found = find(by_ref.values()) if by_ref else {}
    return {
        ref: KnownPerson(user_id, found[user_id].name, found[user_id].email)
        for ref, user_id in by_ref.items()
        if user_id in found
    }


def people_in(entries: Iterable[AuditEntry]) -> set[str]:
    """Return the refs of the people whom the entries name."""
    found: set[str] = set()
    for entry in entries:
        if entry.actor.kind is ActorKind.PERSON and entry.actor.id:
            found.add(entry.actor.id)
        if entry.subject and entry.subject.person_id:
            found.add(entry.subject.person_id)
    return found


def to_response(entry: AuditEntry, people: Mapping[str, KnownPerson], *, reader_id: str | None = None) -> AuditEntryOut:
    """Build the response with a stored entry and the people that are known, by ref.

    For a reader who is no operator it lacks where others acted from.
    """
    is_own = reader_id is None or person_ref(reader_id) == entry.actor.id
    return AuditEntryOut(
        id=entry.entry_id,
        at=timestamp(entry.at),
        kind=str(entry.kind),
        actor=_to_actor(entry.actor, people, is_own=is_own),
        subject=_to_subject(entry.subject, people) if entry.subject else None,
        address=entry.address if is_own else None,
        request_id=entry.request_id if is_own else None,
        details=dict(entry.details),
    )


def position_of(entry: AuditEntryOut) -> str:
    """Return the position of an entry in the log."""
    return f"{entry.at}#{entry.id}"


def _to_actor(actor: Actor, people: Mapping[str, KnownPerson], *, is_own: bool) -> AuditActorOut:
    known = people.get(actor.id or "") if actor.kind is ActorKind.PERSON else None
    return AuditActorOut(
        kind=actor.kind,
        id=known.user_id if known else actor.id,
        name=known.name if known else None,
        email=known.email if known else None,
        credential=actor.credential,
        credential_id=actor.credential_id if is_own else None,
        is_claimed=actor.kind is ActorKind.COMMAND,
    )


def _to_subject(subject: Subject, people: Mapping[str, KnownPerson]) -> AuditSubjectOut:
    known = people.get(subject.person_id or "")
    return AuditSubjectOut(
        type=subject.type,
        id=known.user_id if known and subject.id == subject.person_id else subject.id,
        person_id=known.user_id if known else subject.person_id,
        person_name=known.name if known else None,
        person_email=known.email if known else None,
    )
