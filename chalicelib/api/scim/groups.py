"""SCIM: groups."""

from chalice.app import Blueprint

from chalicelib.api.scim.contract import (
    BASE,
    Conditions,
    ReadConditions,
    ResourceQuery,
    ScimGroup,
    ScimPatch,
    ScimSearch,
    SearchQuery,
    operation,
)
from chalicelib.api.scim.protocol import AUDITED_GROUPS, READ, WRITE, serve
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.errors import Conflict, NotFound, PreconditionFailed, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply

bp = Blueprint(__name__)

_GROUPS, _GROUP = f"{BASE}/Groups", f"{BASE}/Groups/{{id}}"


@operation(bp, "GET", _GROUPS, tag="Groups", answers={200: "A page of groups."}, grants=READ)
def list_scim_groups(query: SearchQuery, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """List groups, by name, or those that a filter selects.

    A page has 200 at most, and ends earlier if its groups have very many members.
    """
    return serve("GET", "/Groups", context, query=query)


@operation(
    bp,
    "POST",
    f"{_GROUPS}/.search",
    tag="Groups",
    answers={200: "A page of groups."},
    refusals=(TooLarge,),
    grants=READ,
)
def search_scim_groups(body: ScimSearch, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """List groups as `list_scim_groups` does, with the search in the body, where logs of proxies don't have it."""
    return serve("POST", "/Groups/.search", context, body=body.root)


@operation(
    bp,
    "POST",
    _GROUPS,
    tag="Groups",
    status=201,
    answers={201: "The group."},
    refusals=(Conflict, TooLarge),
    grants=WRITE,
    audits=AUDITED_GROUPS,
)
def create_scim_group(body: ScimGroup, caller: ScimToken, context: RequestContext) -> OperationReply:
    """Create a group, with members who are users.

    Members get what operators have mapped the group's name to.
    """
    return serve("POST", "/Groups", context, caller, body=body.root)


@operation(
    bp,
    "GET",
    _GROUP,
    tag="Groups",
    answers={200: "The group.", 304: "The group has the version that you named."},
    refusals=(PreconditionFailed,),
    grants=READ,
)
def get_scim_group(
    id: str,  # noqa: A002 - the path's word
    *,
    query: ResourceQuery,
    headers: ReadConditions,
    caller: ScimToken,  # noqa: ARG001 - admits
    context: RequestContext,
) -> OperationReply:
    """Retrieve a group. Leave `members` out where you don't need them."""
    return serve("GET", f"/Groups/{id}", context, query=query, headers=headers)


@operation(
    bp,
    "PUT",
    _GROUP,
    tag="Groups",
    answers={200: "The group."},
    refusals=(NotFound, Conflict, PreconditionFailed, TooLarge),
    grants=WRITE,
    audits=AUDITED_GROUPS,
)
def replace_scim_group(
    id: str,  # noqa: A002 - the path's word
    *,
    body: ScimGroup,
    query: ResourceQuery,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Replace a group and its members. Who is no member any more loses what only this group gave them."""
    return serve("PUT", f"/Groups/{id}", context, caller, query=query, headers=headers, body=body.root)


@operation(
    bp,
    "PATCH",
    _GROUP,
    tag="Groups",
    status=204,
    answers={200: "The attributes that you asked for.", 204: "The group was changed."},
    refusals=(NotFound, Conflict, PreconditionFailed, TooLarge),
    grants=WRITE,
    audits=AUDITED_GROUPS,
)
def change_scim_group(
    id: str,  # noqa: A002 - the path's word
    *,
    body: ScimPatch,
    query: ResourceQuery,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Change some attributes of a group, or add and remove members.

    Members get what operators have mapped the group's name to, and who leaves loses what only this group gave them.
    """
    return serve("PATCH", f"/Groups/{id}", context, caller, query=query, headers=headers, body=body.root)


@operation(
    bp,
    "DELETE",
    _GROUP,
    tag="Groups",
    status=204,
    answers={204: "The group was deleted."},
    refusals=(NotFound, PreconditionFailed),
    grants=WRITE,
    audits=AUDITED_GROUPS,
)
def delete_scim_group(
    id: str,  # noqa: A002 - the path's word
    *,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Delete a group. Its members lose what only this group gave them."""
    return serve("DELETE", f"/Groups/{id}", context, caller, headers=headers)
