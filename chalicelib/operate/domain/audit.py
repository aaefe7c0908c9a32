"""Filters of the audit log, for operators."""

from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Clamped, Omittable, Query, Timestamp, Uuid
from chalicelib.core.domain.pages import MOST


class AuditQuery(Query):
    """Filters of the audit log."""

    person_id: Omittable[Uuid] = Field(
        None, alias="personId", description="Only what this person did, or what concerns them."
    )
    kind: str = Field("", max_length=60, description="Only kinds that start with this, such as `key.`.")
    since: Omittable[Timestamp] = Field(None, alias="from", description="The earliest time.")
    until: Omittable[Timestamp] = Field(None, alias="to", description="The latest time.")


class AuditPageQuery(AuditQuery):
    """Filters and selects a page of the audit log."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = 100
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")


class AuditExportQuery(AuditQuery):
    """Filters of an export."""

    after: Omittable[str] = Field(None, description="Where to continue, from the `Link` header of the previous reply.")
