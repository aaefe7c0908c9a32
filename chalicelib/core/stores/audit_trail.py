"""The audit entry of the change that is being made, which its transaction takes along.

An entry point opens a draft around the change. The first transaction that is committed with `audited=True` stores the
entry with the change, so neither can exist without the other.
"""

import threading
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from uuid import uuid4

from chalicelib import retention
from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.audit import AuditEntry, Subject, describe_changes, to_details, with_refs
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, put
from chalicelib.core.stores.ends import end_of
from chalicelib.core.stores.items import Row
from chalicelib.resources import AUDIT

SHARDS = 4


class Draft:
    """An entry that is not stored yet. What is known only during the change can be added until then.

    With `each` every transaction of the change has an entry of its own, as the rows of a batch.
    """

    def __init__(self, entry: AuditEntry, *, each: bool = False) -> None:
        self.entry, self._each = entry, each
        self._is_taken = self.is_dropped = False
        self._lock = threading.Lock()

    @property
    def is_due(self) -> bool:
        """Whether the end of the change has to store the entry, since no transaction did."""
        return not (self._each or self._is_taken or self.is_dropped)

    def add(self, subject: Subject | None = None, /, **details: object) -> None:
        """Add what became known."""
        known = {**self.entry.details, **to_details(details)}
        self.entry = replace(self.entry, subject=subject or self.entry.subject, details=known)

    def drop(self) -> None:
        """Store no entry, since nothing was changed."""
        self.is_dropped = True

    def take(self, subject: Subject | None) -> AuditEntry | None:
        """Return the entry for one transaction to store; None where another has it."""
        if self._each:
            return replace(self.entry, entry_id=str(uuid4()), subject=subject or self.entry.subject)
        with self._lock:
            if self._is_taken:
                return None
            self._is_taken, self.is_dropped = True, False
        if subject:
            self.add(subject)
        return self.entry

    def give_back(self) -> None:
        """Take the entry back from a transaction that was not made."""
        self._is_taken = False


_draft: ContextVar[Draft | None] = ContextVar("audit_draft", default=None)


@contextmanager
def open_draft(entry: AuditEntry, *, each: bool = False) -> Iterator[Draft]:
    """Let the transaction of the change in this block take the entry along."""
    draft = Draft(entry, each=each)
    token = _draft.set(draft)
    try:
        yield draft
    finally:
        _draft.reset(token)


def current() -> Draft | None:
    """Return the draft of the change that is being made, if an entry point opened one."""
    return _draft.get()


def note(**details: object) -> None:
    """Add what became known of a change to its entry."""
    if draft := current():
        draft.add(None, **details)


def note_changes(before: Mapping[str, object], after: Mapping[str, object], words: Collection[str] = ()) -> None:
    """Add what a change alters to its entry; texts that are not in `words` only by their names."""
    if draft := current():
        draft.add(None, **describe_changes(before, after, words))


def note_no_change() -> None:
    """Leave the entry out, since everything is as it should be already."""
    if draft := current():
        draft.drop()


def put_entry_action(entry: AuditEntry) -> Action:
    """Return the action that stores an entry, and fails if it exists."""
    return put(AUDIT, to_row(entry), NEW)


def shard_of(actor: str) -> int:
    """Return the part of the log that has an actor's entries: many write at a time, and few do so much."""
    return zlib.crc32(actor.encode()) % SHARDS


def log_key(shard: int) -> str:
    return f"LOG#{shard}"


def to_row(entry: AuditEntry) -> Row:
    """Convert an entry to its row (see audit_log), which names people by their refs."""
    entry = with_refs(entry)
    actor, subject = entry.actor, entry.subject
    # Both are keys of indexes, which can't be empty. A held request, for one, concerns nobody yet.
    person = subject.person_id if subject and subject.person_id != actor.id else None
    row = {
        "pk": log_key(shard_of(actor.id or network_of(entry.address))),
        "sk": f"{timestamp(entry.at)}#{entry.entry_id}",
        "kind": str(entry.kind),
        "actor": actor.kind.value,
        "actorId": actor.id or None,
        "credential": actor.credential.value if actor.credential else None,
        "credentialId": actor.credential_id,
        "subject": subject.type if subject else None,
        "subjectId": subject.id if subject else None,
        "personId": person or None,
        "address": entry.address,
        "requestId": entry.request_id,
        "details": dict(entry.details) or None,
        **end_of(retention.AUDIT, entry.at),
    }
    return {name: value for name, value in row.items() if value is not None}
