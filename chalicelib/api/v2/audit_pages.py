"""Pages of the audit log, shared by the operations that read it."""

from functools import partial

from chalicelib.core.domain.audit_responses import AuditPageOut, find_known, to_response
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory


def bound_of(wanted: AuditFilter, reader: str) -> tuple[object, ...]:
    """What a cursor of these entries is bound to."""
    times = [timestamp(each) if each else None for each in (wanted.since, wanted.until)]
    return ("audit", reader, wanted.person, wanted.kind, sorted(wanted.kinds), *times)


def read_page(
    wanted: AuditFilter, cursor: str | None, *, limit: int, reader: str, is_operator: bool = True
) -> AuditPageOut:
    """Read a page, with the names of people as they are now, and the cursor of the next page.

    Store calls at the same time: 5, or 3 for a person; one of them lists the ids of all people, some ten thousand in
    each call, because entries have only refs of them. Then 1, if the entries name people.

    Raises:
        Invalid: the cursor does not continue these entries.
    """
    bound, directory = bound_of(wanted, reader), DynamoDirectory()
    after = from_cursor(cursor, 1, *bound)[0] if cursor is not None else None
    page, user_ids = gather(partial(list_entries, wanted, after=after, limit=limit), directory.list_user_ids)
    people = find_known(page.entries, user_ids, directory.find_people)
    entries = [to_response(each, people, reader_id=None if is_operator else reader) for each in page.entries]
    return AuditPageOut(entries=entries, next_cursor=to_cursor([page.position], *bound) if page.position else None)
