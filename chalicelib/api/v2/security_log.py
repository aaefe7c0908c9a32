"""A person's own security log: sign-ins, sessions, keys and tokens."""

from chalice.app import Blueprint

from chalicelib.api.v2.audit_pages import read_page
from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.audit_kinds import OF_A_PERSON
from chalicelib.core.domain.audit_responses import AuditPageOut, SecurityLogQuery
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.stores.audit_log import READ_OF_PERSONS, AuditFilter
from chalicelib.resources import DIRECTORY

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/me/security-log",
    tag="Me",
    envelope="AuditAnswer",
    answers={200: "A page of entries."},
    grants=SPEND + READ_OF_PERSONS + DIRECTORY.can("Query", "BatchGetItem"),
)
def list_security_log(query: SecurityLogQuery, caller: ApiKey) -> AuditPageOut:
    """List sign-ins, and changes of your sessions, keys and tokens, newest first.

    It has what you did, and what others did to your access; where others acted from is left out. To get the next page,
    send `nextCursor`; it is null on the last page.
    """
    wanted = AuditFilter(caller.user_id, kinds=OF_A_PERSON)
    return read_page(wanted, query.cursor, limit=query.limit, reader=caller.user_id, is_operator=False)
