"""Filters of the audit log, for operators."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Clamped, Omittable, Query, Timestamp
from chalicelib.core.domain.pages import MOST

_PERSON = r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32})$"


def _user_id_or_ref(text: str) -> str:
    if not re.fullmatch(_PERSON, text):
        raise PydanticCustomError("person", "Must be a user id, or what entries have as the id of an erased person")
    return text.lower()


PersonId = Annotated[str, AfterValidator(_user_id_or_ref), Field(json_schema_extra={"pattern": _PERSON})]


class AuditQuery(Query):
    """Filters of the audit log."""

    person_id: Omittable[PersonId] = Field(
        None,
        alias="personId",
        description="Only what this person did, or what concerns them. Of somebody who was erased, send the random "
        "text by which entries name them.",
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
