"""Serve a request of a directory: the steps of the protocol on the users and groups of this desk."""

import json
from typing import Any

from pydantic import BaseModel
from scim2_models import Resource, SCIMException
from scim2_server.conditions import Conditions
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService

from chalicelib.api.deactivation import DEACTIVATE, new_deactivation
from chalicelib.api.scim.contract import BASE, MEDIA_TYPE, SPEND, Malformed, NotUnique
from chalicelib.api.scim.models import PROVIDER
from chalicelib.api.scim.storage import Storage
from chalicelib.core.domain import errors
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.parallel import gather
from chalicelib.people.stores.employees import DynamoEmployees
from chalicelib.provisioning.domain.changes import Unacceptable
from chalicelib.provisioning.services.groups import Groups
from chalicelib.provisioning.services.users import Users
from chalicelib.provisioning.stores.groups import DynamoGroups
from chalicelib.provisioning.stores.users import DynamoProvisionedUsers
from chalicelib.resources import DIRECTORY
from chalicelib.settings import settings

READ = SPEND + DIRECTORY.can("BatchGetItem", "Query")
WRITE = READ + DIRECTORY.can("PutItem", "UpdateItem", "DeleteItem")
WRITE_USERS = WRITE + DEACTIVATE
AUDITED_USERS = (AuditKind.PERSON_PROVISION, AuditKind.PERSON_ACTIVATE, AuditKind.PERSON_DEACTIVATE)
AUDITED_GROUPS = (AuditKind.GROUP_CREATE, AuditKind.GROUP_UPDATE, AuditKind.GROUP_REMOVE)

_REFUSALS: dict[int, type[errors.Refusal]] = {
    403: errors.Forbidden,
    404: errors.NotFound,
    412: errors.PreconditionFailed,
    413: errors.TooLarge,
}
_BUSY = "Too many calls are changing this. Try again."


class _Service(ScimService):
    """The protocol, with one difference: what was left half done is done by the same change again.

    So a change that changes nothing reaches the storage, too, which then writes nothing.
    """

    def apply_patch(self, current: Resource[Any], patch_op: Any, conditions: Conditions) -> Resource[Any]:
        return super().apply_patch(current, patch_op, conditions) or current

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any]:
        return super().apply_replacement(current, replacement, conditions) or replacement


_SERVICE = _Service(PROVIDER)


def new_groups(context: RequestContext) -> Groups:
    return Groups(DynamoGroups(), DynamoProvisionedUsers(), gather, context.now)


def serve(
    method: str,
    path: str,
    context: RequestContext,
    caller: ScimToken | None = None,
    *,
    query: BaseModel | None = None,
    headers: BaseModel | None = None,
    body: Any = None,
) -> OperationReply:
    """Serve a request by the operation that its method and path name. Who changes something is in the audit log.

    Raises:
        Refusal: the protocol, or the desk, refuses it.
    """
    groups = new_groups(context)
    users = Users(groups.users, groups, DynamoEmployees(), new_deactivation(), context.now)
    handler = ScimHandler(_SERVICE, Storage(users, groups, DynamoProvisionedUsers(), DynamoGroups(), caller, context))
    request = ScimRequest(
        method,
        f"{settings().base_url}{BASE}",
        path,
        _given(query),
        _given(headers) | {"Content-Type": MEDIA_TYPE},
        json.dumps(_without_nulls(body)).encode() if body is not None else b"",
    )
    attempts = Attempts(_BUSY)
    while attempts.again():
        try:
            done = handler.handle(request)
        except SCIMException as refused:
            if refused.status == 412 and not (request.header("If-Match") or request.header("If-None-Match")):  # noqa: PLR2004
                # Somebody else changed it at the same time, and the caller names no version.
                continue
            raise _to_refusal(refused) from refused
        except Unacceptable as refused:
            raise Malformed(str(refused)) from refused
        users.finish()
        text = json.dumps(done.body, ensure_ascii=False) if done.body is not None else ""
        kept = {name: value for name, value in done.headers.items() if name != "Content-Type"}
        return OperationReply(text, int(done.status), kept)


def _without_nulls(body: Any) -> Any:
    """Return a message without the nulls by which Entra names members to remove: they would have to be null, too."""
    operations = body.get("Operations")
    if not isinstance(operations, list):
        return body
    return body | {"Operations": [_named(each) if isinstance(each, dict) else each for each in operations]}


def _named(operation: dict[str, Any]) -> dict[str, Any]:
    if isinstance(data := operation.get("data"), dict):
        return operation | {"data": _without_nulls(data)}
    values = operation.get("value")
    if str(operation.get("op")).lower() != "remove" or not isinstance(values, list):
        return operation
    kept = [
        {name: value for name, value in each.items() if value is not None} if isinstance(each, dict) else each
        for each in values
    ]
    return operation | {"value": kept}


def _to_refusal(refused: SCIMException) -> errors.Refusal:
    detail = str(refused.detail or "The request is not acceptable.")[:500]
    if refused.scim_type == "uniqueness":
        return NotUnique(detail)
    kind = _REFUSALS.get(refused.status)
    return kind(detail) if kind else Malformed(detail, str(refused.scim_type or "invalidValue"))


def _given(model: BaseModel | None) -> dict[str, str]:
    return model.model_dump(by_alias=True, exclude_none=True) if model else {}
