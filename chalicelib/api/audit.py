"""Record what operations change in the audit log."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

from chalicelib.core.domain.audit import STRANGER, Actor, AuditEntry, Subject, actor_of, to_details
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.errors import (
    Conflict,
    Forbidden,
    Inactive,
    NotFound,
    Unauthorized,
)
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.core.stores.audit_log import record_refusal, recording
from chalicelib.core.stores.audit_trail import Draft

_REFUSED = (Unauthorized, Forbidden, Inactive, NotFound, Conflict)


def audited(
    kind: AuditKind,
    by: Caller | Actor | None,
    context: RequestContext,
    subject: Subject | None = None,
    *,
    each: bool = False,
    **details: object,
) -> AbstractContextManager[Draft]:
    """Record the change that the block makes, with its transaction or at its end. Details are no secrets.

    With `each` every one of its transactions is recorded, as for the rows of a batch.

    Store calls: 1, where no transaction takes the entry along. If the entry can't be written, the request fails, and
    repeating it writes it.
    """
    return recording(_entry(kind, by, context, subject, details), each=each)


def drop_if_unchanged(entry: Draft) -> None:
    """Leave the entry out if no transaction of the change has taken it, since everything was as it should be."""
    if entry.is_due:
        entry.drop()


@contextmanager
def refusals_audited(
    kind: AuditKind, context: RequestContext | RawRequest, *, by: Caller | Actor | None = None, **details: object
) -> Iterator[None]:
    """Record that the request was refused, if the block refuses it. Store calls: 1 then."""
    try:
        yield
    except _REFUSED as refusal:
        audit_refusal(kind, context, by=by, reason=type(refusal).__name__, **details)
        raise


def audit_refusal(
    kind: AuditKind, context: RequestContext | RawRequest, *, by: Caller | Actor | None = None, **details: object
) -> None:
    """Record that the request was refused. Details are nothing that a stranger chose. Store calls: 1."""
    record_refusal(_entry(kind, by, context, None, details))


def _entry(
    kind: AuditKind,
    by: Caller | Actor | None,
    context: RequestContext | RawRequest,
    subject: Subject | None,
    details: dict[str, object],
) -> AuditEntry:
    actor = by if isinstance(by, Actor) else actor_of(by) if by else STRANGER
    return AuditEntry(
        str(uuid4()), context.now, kind, actor, subject, context.address, context.request_id, to_details(details)
    )
