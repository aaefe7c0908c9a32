"""Admin: the audit log."""

from urllib.parse import urlencode

from chalice.app import Blueprint

from chalicelib.api.v2.audit_pages import bound_of, read_page
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit_responses import AuditPageOut, position_of
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.cursors import to_cursor
from chalicelib.core.domain.pages import count_fitting
from chalicelib.core.stores.audit_log import READ, READ_OF_PERSONS, AuditFilter
from chalicelib.edge.operation import OperationReply
from chalicelib.operate.domain.audit import AuditExportQuery, AuditPageQuery, AuditQuery
from chalicelib.resources import DIRECTORY
from chalicelib.settings import settings

bp = Blueprint(__name__)

_AUDIT = "/api/v2/operate/audit"
_EXPORT = f"{_AUDIT}/export"
_LINES = 500


def _filter_of(query: AuditQuery) -> AuditFilter:
    return AuditFilter(query.person_id, query.kind, frozenset(), query.since, query.until)


@operate(
    bp,
    "GET",
    _AUDIT,
    envelope="AuditAnswer",
    answers={200: "A page of entries."},
    grants=OPERATE + READ + READ_OF_PERSONS + DIRECTORY.can("Query"),
)
def list_audit_entries(query: AuditPageQuery, caller: ApiKey) -> AuditPageOut:
    """List who changed what, newest first: people, commands, tokens, other desks, and refused sign-ins.

    To get the next page, send `nextCursor` with the same filters; it is null on the last page. A page with filters can
    be short or empty before the last one, because one call reads a limited part of the log.
    """
    return read_page(_filter_of(query), query.cursor, limit=query.limit, reader=caller.user_id)


@operate(
    bp,
    "GET",
    _EXPORT,
    answers={200: "Entries, one JSON text in each line."},
    media_type="application/x-ndjson",
    grants=OPERATE + READ + READ_OF_PERSONS + DIRECTORY.can("Query"),
)
def export_audit_entries(query: AuditExportQuery, caller: ApiKey) -> OperationReply:
    """Export the audit log as JSON lines, newest first, up to 500 in each reply.

    The reply has the header `Link` with the address of the next lines (`rel="next"`), until there are no more. The
    lines have the same members as the entries of the list.
    """
    wanted, reader = _filter_of(query), caller.user_id
    page = read_page(wanted, query.after, limit=_LINES, reader=reader)
    cursor, lines = page.next_cursor, [each.model_dump_json(by_alias=True) for each in page.entries]
    count = count_fitting(lines)
    if count < len(lines):
        cursor = to_cursor([position_of(page.entries[count - 1])], *bound_of(wanted, reader))
    given = query.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"after"})
    following = urlencode(given | {"after": cursor})
    headers = {"Link": f'<{settings().base_url}{_EXPORT}?{following}>; rel="next"'} if cursor else {}
    return OperationReply("".join(f"{line}\n" for line in lines[:count]), 200, headers)
