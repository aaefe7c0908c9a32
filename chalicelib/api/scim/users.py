"""SCIM: employees."""

from chalice.app import Blueprint

from chalicelib.api.scim.contract import (
    BASE,
    Conditions,
    ReadConditions,
    ResourceQuery,
    ScimPatch,
    ScimSearch,
    ScimUser,
    SearchQuery,
    operation,
)
from chalicelib.api.scim.protocol import AUDITED_USERS, READ, WRITE_USERS, serve
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.errors import Conflict, NotFound, PreconditionFailed, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply

bp = Blueprint(__name__)

_USERS, _USER = f"{BASE}/Users", f"{BASE}/Users/{{id}}"


@operation(bp, "GET", _USERS, tag="Users", answers={200: "A page of users."}, grants=READ)
def list_scim_users(query: SearchQuery, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """List users, by address, or those that a filter selects.

    Every employee is a user, also those whom the directory did not create. A page has 200 at most.
    """
    return serve("GET", "/Users", context, query=query)


@operation(
    bp,
    "POST",
    f"{_USERS}/.search",
    tag="Users",
    answers={200: "A page of users."},
    refusals=(TooLarge,),
    grants=READ,
)
def search_scim_users(body: ScimSearch, caller: ScimToken, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """List users as `list_scim_users` does, with the search in the body, where logs of proxies don't have it."""
    return serve("POST", "/Users/.search", context, body=body.root)


@operation(
    bp,
    "POST",
    _USERS,
    tag="Users",
    status=201,
    answers={201: "The user."},
    refusals=(Conflict, TooLarge),
    grants=WRITE_USERS,
    audits=AUDITED_USERS,
)
def create_scim_user(body: ScimUser, caller: ScimToken, context: RequestContext) -> OperationReply:
    """Create a user, who is an employee from then on.

    `userName` is the person's address. Somebody whom the directory deleted comes back as the employee they were.
    """
    return serve("POST", "/Users", context, caller, body=body.root)


@operation(
    bp,
    "GET",
    _USER,
    tag="Users",
    answers={200: "The user.", 304: "The user has the version that you named."},
    refusals=(PreconditionFailed,),
    grants=READ,
)
def get_scim_user(
    id: str,  # noqa: A002 - the path's word
    *,
    query: ResourceQuery,
    headers: ReadConditions,
    caller: ScimToken,  # noqa: ARG001 - admits
    context: RequestContext,
) -> OperationReply:
    """Retrieve a user."""
    return serve("GET", f"/Users/{id}", context, query=query, headers=headers)


@operation(
    bp,
    "PUT",
    _USER,
    tag="Users",
    answers={200: "The user."},
    refusals=(NotFound, Conflict, PreconditionFailed, TooLarge),
    grants=WRITE_USERS,
    audits=AUDITED_USERS,
)
def replace_scim_user(
    id: str,  # noqa: A002 - the path's word
    *,
    body: ScimUser,
    query: ResourceQuery,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Replace a user. With `active: false` all access of the person ends at once."""
    return serve("PUT", f"/Users/{id}", context, caller, query=query, headers=headers, body=body.root)


@operation(
    bp,
    "PATCH",
    _USER,
    tag="Users",
    status=204,
    answers={200: "The attributes that you asked for.", 204: "The user was changed."},
    refusals=(NotFound, Conflict, PreconditionFailed, TooLarge),
    grants=WRITE_USERS,
    audits=AUDITED_USERS,
)
def change_scim_user(
    id: str,  # noqa: A002 - the path's word
    *,
    body: ScimPatch,
    query: ResourceQuery,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Change some attributes of a user. With `active: false` all access of the person ends at once.

    Sessions, keys, personal tokens, WebSockets, event streams and browser notifications end. With `active: true` the
    person can work again, but what ended does not come back.
    """
    return serve("PATCH", f"/Users/{id}", context, caller, query=query, headers=headers, body=body.root)


@operation(
    bp,
    "DELETE",
    _USER,
    tag="Users",
    status=204,
    answers={204: "The user was deleted."},
    refusals=(NotFound, PreconditionFailed),
    grants=WRITE_USERS,
    audits=AUDITED_USERS,
)
def delete_scim_user(
    id: str,  # noqa: A002 - the path's word
    *,
    headers: Conditions,
    caller: ScimToken,
    context: RequestContext,
) -> OperationReply:
    """Delete a user. All access of the person ends at once, and they leave all groups.

    The employee stays, inactive, with what they sent and received.
    """
    return serve("DELETE", f"/Users/{id}", context, caller, headers=headers)
