"""Shared declarations of the operations of `/scim/v2` (RFC 7643, RFC 7644)."""

from functools import partial
from typing import Any

from pydantic import ConfigDict, Field, RootModel

from chalicelib.core.domain import errors
from chalicelib.core.domain.fields import Headers, Omittable, Query
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import STATUS, status_of
from chalicelib.edge.route import route
from chalicelib.resources import TOKENS
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

MEDIA_TYPE = "application/scim+json"
BASE = "/scim/v2"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class Malformed(errors.Invalid):
    """A request that is refused for a reason that SCIM has a word for."""

    def __init__(self, detail: str, scim_type: str = "invalidValue") -> None:
        super().__init__(detail)
        self.scim_type = scim_type


class NotUnique(errors.Conflict):
    """Somebody else has the name."""


def scim_error(refusal: errors.Refusal | None, request_id: str, path: str) -> dict[str, Any]:  # noqa: ARG001 - a Shape
    """The error of SCIM (RFC 7644, 3.12)."""
    body: dict[str, Any] = {"schemas": [_ERROR]}
    match refusal:
        case None:
            return body | {"status": "500", "detail": "An internal error occurred and was logged."}
        case Malformed():
            body["scimType"] = refusal.scim_type
        case errors.Invalid():
            body["scimType"] = "invalidSyntax"
        case NotUnique():
            body["scimType"] = "uniqueness"
    return body | {"status": str(status_of(type(refusal))), "detail": refusal.detail}


SCIM = Family(scim_error, MEDIA_TYPE, DynamoTokenBudgets(), DynamoIdempotency(), STATUS)
# Replies are the library's, so no model describes them.
operation = partial(route, family=SCIM, media_type=MEDIA_TYPE, answer=None)
SPEND = TOKENS.can("UpdateItem")


class ResourceQuery(Query):
    """Which attributes a reply has."""

    model_config = ConfigDict(extra="ignore")

    attributes: Omittable[str] = Field(None, max_length=2000, description="Only these attributes, with commas.")
    excluded_attributes: Omittable[str] = Field(
        None, alias="excludedAttributes", max_length=2000, description="All but these attributes, with commas."
    )


class SearchQuery(ResourceQuery):
    """What is searched, which page of it is returned, and with which attributes."""

    filter: Omittable[str] = Field(
        None, max_length=2000, description='Such as `userName eq "alice@example.com"` (RFC 7644, 3.4.2.2).'
    )
    start_index: Omittable[str] = Field(
        None, alias="startIndex", max_length=20, description="The number of the first result; the first has 1."
    )
    count: Omittable[str] = Field(None, max_length=20, description="The most results of a page, 200 at most.")
    sort_by: Omittable[str] = Field(None, alias="sortBy", max_length=200, description="The attribute to sort by.")
    sort_order: Omittable[str] = Field(
        None, alias="sortOrder", max_length=20, description="`ascending` or `descending`."
    )


class Conditions(Headers):
    """In which version the caller knows the resource."""

    if_match: Omittable[str] = Field(
        None, alias="If-Match", max_length=500, description="Only if the resource has this version, else 412."
    )


class ReadConditions(Conditions):
    """In which version the caller has the resource."""

    if_none_match: Omittable[str] = Field(
        None, alias="If-None-Match", max_length=500, description="304 if the resource still has this version."
    )


class _Message(RootModel[dict[str, Any]]):
    # Read by the library, with all that directories send beside the standard.
    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, frozen=True)


class ScimUser(_Message):
    """A user: `userName`, which is the address, `externalId`, `name`, `displayName`, `emails` and `active`.

    Other attributes are ignored.
    """


class ScimGroup(_Message):
    """A group: `displayName`, `externalId` and `members`."""


class ScimPatch(_Message):
    """Changes to a resource: `Operations` with `op`, `path` and `value` (RFC 7644, 3.5.2)."""


class ScimSearch(_Message):
    """A search: `filter`, `startIndex`, `count`, `attributes` and so on (RFC 7644, 3.4.3)."""


class ScimBulk(_Message):
    """Operations on several resources: `Operations` with `method`, `path`, `bulkId` and `data` (RFC 7644, 3.7)."""
