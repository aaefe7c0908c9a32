"""Pages of the audit log, shared by the operations that read it."""

from collections.abc import Sequence

from chalicelib.core.domain.audit import AuditEntry
from chalicelib.core.domain.audit_responses import (
    AuditEntryOut,
    AuditPageOut,
    KnownPerson,
    people_in,
    to_response,
)
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.people.stores.directory import DynamoDirectory


def bound_of(wanted: AuditFilter, reader: str) -> tuple[object, ...]:
    """What a cursor of these entries is bound to."""
    times = [timestamp(each) if each else None for each in (wanted.since, wanted.until)]
    return ("audit", reader, wanted.person, wanted.kind, sorted(wanted.kinds), *times)


def read_page(
    wanted: AuditFilter, cursor: str | None, *, limit: int, reader: str
) -> tuple[list[AuditEntry], str | None]:
    """Read a page, and return the cursor of the next one. Store calls at the same time: 4, or 2 for a person.

    Raises:
        Invalid: the cursor does not continue these entries.
    """
    bound = bound_of(wanted, reader)
    after = from_cursor(cursor, 1, *bound)[0] if cursor is not None else None
    page = list_entries(wanted, after=after, limit=limit)
    return page.entries, to_cursor([page.position], *bound) if page.position else None


def to_responses(entries: Sequence[AuditEntry], *, reader_id: str | None = None) -> list[AuditEntryOut]:
    """Build the responses, with the names of people as they are now. Store calls: 1 if entries name people."""
    ids = people_in(entries)
    found = DynamoDirectory().find_people(ids) if ids else {}
    people = {user_id: KnownPerson(each.name, each.email) for user_id, each in found.items()}
    return [to_response(each, people, reader_id=reader_id) for each in entries]


def to_page(entries: Sequence[AuditEntry], cursor: str | None, *, reader_id: str | None = None) -> AuditPageOut:
    return AuditPageOut(entries=to_responses(entries, reader_id=reader_id), next_cursor=cursor)
