"""Admin: the sessions, keys and personal tokens of employees."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, TooLarge
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import without_data
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.operate.domain.employees import PersonalTokenSwitch
from chalicelib.operate.services.tokens import switch_personal_token
from chalicelib.resources import DIRECTORY, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS
from chalicelib.tokens.domain.integrations import SwitchedIntegrationOut
from chalicelib.tokens.domain.keys import KeyQuery, KeySwitch, SwitchedOut
from chalicelib.tokens.domain.sessions import EndedSessionsOut, SessionQuery
from chalicelib.tokens.services import keys, sessions
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.sessions import DynamoSessions

bp = Blueprint(__name__)

_EMPLOYEE = "/api/v2/operate/employees/{userId}"
_CLOSE = SOCKETS.can("Query", "DeleteItem") + SOCKET_API.can_post()


def _closer() -> SocketCloser:
    return SocketCloser(DynamoSockets(), ApiGatewaySockets())


def _user_id(user_id: str) -> str:
    if not is_uuid(user_id):
        raise NotFound("Employee not found.")
    return user_id.lower()


@operate(
    bp,
    "DELETE",
    f"{_EMPLOYEE}/sessions",
    envelope="EndedSessionsAnswer",
    answers={200: "How many sessions ended."},
    refusals=(NotFound,),
    grants=OPERATE
    + TOKENS.can("Query", index=OWNER_INDEX)
    + TOKENS.can("BatchGetItem", "GetItem", "DeleteItem")
    + _CLOSE,
    audits=(AuditKind.SESSION_END,),
)
def end_employee_sessions(
    userId: str,  # noqa: N803 - as other paths have it
    query: SessionQuery,
    caller: ApiKey,
    context: RequestContext,
) -> EndedSessionsOut:
    """End one session of an employee, or without an id all of them.

    Requests of an ended session get 401, and its open connections are closed.
    """
    with audited(AuditKind.SESSION_END, caller, context, each=True):
        return sessions.end_sessions(
            query.id,
            user_id=_user_id(userId),
            besides=None,
            now=context.now,
            sessions=DynamoSessions(),
            closer=_closer(),
        )


@operate(
    bp,
    "PATCH",
    f"{_EMPLOYEE}/keys",
    envelope="SwitchedAnswer",
    answers={200: "The updated key."},
    refusals=(NotFound, Forbidden, Conflict, TooLarge),
    replay=SwitchedOut.model_validate,
    grants=OPERATE + REMEMBER + TOKENS.can("GetItem", "UpdateItem") + DIRECTORY.can("ConditionCheckItem") + _CLOSE,
    audits=(AuditKind.KEY_ENABLE, AuditKind.KEY_DISABLE),
)
def switch_employee_key(userId: str, body: KeySwitch, caller: ApiKey, context: RequestContext) -> SwitchedOut:  # noqa: N803
    """Enable or disable an API key of an employee.

    A disabled key gets 403, and its open connections are closed. Keys of a former employee can't be enabled.
    """
    kind = AuditKind.KEY_ENABLE if body.is_active else AuditKind.KEY_DISABLE
    with audited(kind, caller, context, Subject("key", body.id)):
        return keys.switch_key(body, owner_id=_user_id(userId), context=context, keys=DynamoGrants(), closer=_closer())


@operate(
    bp,
    "DELETE",
    f"{_EMPLOYEE}/keys",
    envelope="DeletedAnswer",
    answers={200: "The key was deleted."},
    refusals=(NotFound, Conflict),
    replay=without_data,
    grants=OPERATE + REMEMBER + TOKENS.can("GetItem", "UpdateItem", "DeleteItem") + _CLOSE,
    audits=(AuditKind.KEY_DELETE,),
)
def delete_employee_key(userId: str, query: KeyQuery, caller: ApiKey, context: RequestContext) -> None:  # noqa: N803
    """Delete an API key of an employee. This can't be undone."""
    with audited(AuditKind.KEY_DELETE, caller, context, Subject("key", query.id)):
        keys.delete_key(query.id, owner_id=_user_id(userId), context=context, keys=DynamoGrants(), closer=_closer())


@operate(
    bp,
    "PATCH",
    f"{_EMPLOYEE}/personal-tokens",
    envelope="SwitchedIntegrationAnswer",
    answers={200: "The updated token."},
    refusals=(NotFound, Forbidden, Conflict, TooLarge),
    grants=OPERATE + TOKENS.can("GetItem", "UpdateItem") + DIRECTORY.can("ConditionCheckItem"),
    audits=(AuditKind.PERSONAL_TOKEN_ENABLE, AuditKind.PERSONAL_TOKEN_DISABLE),
)
def switch_employee_token(
    userId: str,  # noqa: N803 - as other paths have it
    body: PersonalTokenSwitch,
    caller: ApiKey,
    context: RequestContext,
) -> SwitchedIntegrationOut:
    """Enable or disable a token with which an integrator publishes to an employee.

    What an administrator disabled, the employee can't enable.
    """
    if not is_uuid(body.id):
        raise NotFound("Token not found.")
    owner_id, token_id = _user_id(userId), body.id.lower()
    kind = AuditKind.PERSONAL_TOKEN_ENABLE if body.is_active else AuditKind.PERSONAL_TOKEN_DISABLE
    with audited(kind, caller, context, Subject("personalToken", token_id, owner_id)):
        switch_personal_token(token_id, active=body.is_active, owner_id=owner_id, grants=DynamoGrants())
    return SwitchedIntegrationOut(id=token_id, is_active=body.is_active)
