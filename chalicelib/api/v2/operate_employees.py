"""Admin: employees, who they are and whether they have access."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.deactivation import DEACTIVATE, new_deactivation
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.core.domain.audit import person_subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.stores.connection_counts import DynamoConnectionCounts
from chalicelib.operate.domain.employees import (
    DeactivatedOut,
    DeactivationIn,
    EmployeeChangeIn,
    EmployeeDetailsOut,
    EmployeeQuery,
    EmployeesOut,
    InvitationIn,
    InvitedOut,
    SignInLinkOut,
)
from chalicelib.operate.domain.people import PersonOut, to_person_response
from chalicelib.operate.services import employee_list, employees, invitations
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.projects import DynamoProjects
from chalicelib.provisioning.stores.group_names import DynamoGroupNames
from chalicelib.resources import DIRECTORY, OWNER_INDEX, PEERS, TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.integrations import DynamoIntegrations
from chalicelib.tokens.stores.me import DynamoMe
from chalicelib.tokens.stores.passkeys import DynamoPasskeys
from chalicelib.tokens.stores.sessions import DynamoSessions

bp = Blueprint(__name__)

_EMPLOYEES = "/api/v2/operate/employees"
_EMPLOYEE = f"{_EMPLOYEES}/{{userId}}"
_CHANGE = DIRECTORY.can("Query", "UpdateItem", "ConditionCheckItem")


@operate(
    bp,
    "GET",
    _EMPLOYEES,
    envelope="EmployeesAnswer",
    answers={200: "The employees."},
    grants=OPERATE + DIRECTORY.can("Query"),
)
def list_employees(query: EmployeeQuery, caller: ApiKey) -> EmployeesOut:  # noqa: ARG001 - admits
    """List employees by e-mail address, including former employees.

    A call looks through 1,000 employees. Where few of them match, the page is short and its cursor continues.
    """
    return employee_list.list_employees(query, employees=DynamoDirectory())


@operate(
    bp,
    "POST",
    _EMPLOYEES,
    status=201,
    envelope="InvitedAnswer",
    answers={201: "The employee, with a sign-in link."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=InvitedOut.model_validate,
    grants=OPERATE + REMEMBER + DIRECTORY.can("PutItem", "UpdateItem") + TOKENS.can("PutItem"),
    audits=(AuditKind.PERSON_CREATE,),
)
def invite_employee(body: InvitationIn, caller: ApiKey, context: RequestContext) -> InvitedOut:
    """Register an employee, and make a link that signs them in once.

    Send them the link; only this reply contains it. Whoever opens it first, within a day, has the employee's access.
    Repeating the call with the same key and Idempotency-Key returns it again.
    """
    with audited(AuditKind.PERSON_CREATE, caller, context, invited=True):
        return invitations.invite_person(
            body,
            ids.mint_sign_in_secret(ids.SignInSecret.CODE),
            user_id=str(uuid4()),
            base_url=settings().base_url,
            context=context,
            people=DynamoDirectory(),
            projects=DynamoDirectory(),
            codes=DynamoSessions(),
        )


@operate(
    bp,
    "GET",
    _EMPLOYEE,
    envelope="EmployeeAnswer",
    answers={200: "The employee."},
    refusals=(NotFound,),
    grants=OPERATE
    + DIRECTORY.can("Query")
    + TOKENS.can("Query", index=OWNER_INDEX)
    + TOKENS.can("BatchGetItem", "GetItem")
    + PEERS.can("Query"),
)
def get_employee(userId: str, caller: ApiKey, context: RequestContext) -> EmployeeDetailsOut:  # noqa: N803 - as other paths have it
    """Get an employee with their projects, sessions, keys and personal tokens, without secrets.

    What was created just now may take a moment to appear.
    """
    reader = employee_list.EmployeeReader(
        DynamoMe(),
        DynamoProjects(),
        DynamoGroupNames(),
        DynamoGrants(),
        DynamoIntegrations(),
        DynamoSessions(),
        DynamoPasskeys(),
        DynamoConnectionCounts(),
        gather,
    )
    return reader.read(userId, session_id=caller.key_id, now=context.now)


@operate(
    bp,
    "PATCH",
    _EMPLOYEE,
    envelope="PersonAnswer",
    answers={200: "The updated employee."},
    refusals=(NotFound, Conflict, TooLarge),
    grants=OPERATE + _CHANGE,
    audits=(AuditKind.PERSON_UPDATE, AuditKind.OPERATOR_CHANGE),
)
def update_employee(userId: str, body: EmployeeChangeIn, caller: ApiKey, context: RequestContext) -> PersonOut:  # noqa: N803
    """Rename an employee, or grant or withdraw operator rights.

    Members that you leave out keep their values. There is always an active operator: the last one can't withdraw
    their own rights.
    """
    person = employees.person_by_id(userId, DynamoDirectory())
    if body.operator is False:
        employees.check_self(person, caller.user_id, confirmed=body.confirm_self)
    kind = AuditKind.PERSON_UPDATE if body.operator is None else AuditKind.OPERATOR_CHANGE
    with audited(kind, caller, context, person_subject(person.user_id)):
        made = employees.change_person(person, body, people=DynamoDirectory(), while_operator=caller.user_id)
        return to_person_response(made)


@operate(
    bp,
    "POST",
    f"{_EMPLOYEE}/deactivate",
    envelope="DeactivatedAnswer",
    answers={200: "The employee has no access any more."},
    refusals=(NotFound, Conflict, TooLarge),
    grants=OPERATE + DEACTIVATE + DIRECTORY.can("ConditionCheckItem"),
    audits=(AuditKind.PERSON_DEACTIVATE,),
)
def deactivate_employee(
    userId: str,  # noqa: N803 - as other paths have it
    caller: ApiKey,
    context: RequestContext,
    body: DeactivationIn = DeactivationIn(),  # noqa: B008 - frozen
) -> DeactivatedOut:
    """Deactivate an employee: end their sessions, connections and sign-in links, and disable their keys and tokens.

    They receive nothing from now on. The last active operator can't be deactivated. Repeat the call if it was
    interrupted; it counts what it still found.
    """
    person = employees.person_by_id(userId, DynamoDirectory())
    employees.check_self(person, caller.user_id, confirmed=body.confirm_self)
    with audited(AuditKind.PERSON_DEACTIVATE, caller, context, person_subject(person.user_id)):
        ended = new_deactivation().run(person.user_id, now=context.now, while_operator=caller.user_id)
    return DeactivatedOut(
        id=person.user_id,
        personal_tokens_disabled=ended.personal_tokens,
        keys_disabled=ended.keys,
        sessions_ended=ended.sessions,
        tools_tokens_left=list(ended.tools_tokens_left),
    )


@operate(
    bp,
    "POST",
    f"{_EMPLOYEE}/activate",
    envelope="PersonAnswer",
    answers={200: "The employee is active."},
    refusals=(NotFound,),
    grants=OPERATE + DIRECTORY.can("UpdateItem"),
    audits=(AuditKind.PERSON_ACTIVATE,),
)
def activate_employee(userId: str, caller: ApiKey, context: RequestContext) -> PersonOut:  # noqa: N803
    """Activate a former employee again.

    Their keys and tokens stay disabled, and their sessions have ended.
    """
    with audited(AuditKind.PERSON_ACTIVATE, caller, context):
        return to_person_response(employees.activate_person(userId, people=DynamoDirectory()))


@operate(
    bp,
    "POST",
    f"{_EMPLOYEE}/sign-in-links",
    status=201,
    envelope="SignInLinkAnswer",
    answers={201: "The link."},
    refusals=(NotFound, Conflict),
    replay=SignInLinkOut.model_validate,
    grants=OPERATE + REMEMBER + DIRECTORY.can("ConditionCheckItem") + TOKENS.can("PutItem"),
    audits=(AuditKind.SIGN_IN_LINK_CREATE,),
)
def create_sign_in_link(userId: str, caller: ApiKey, context: RequestContext) -> SignInLinkOut:  # noqa: N803
    """Make a link that signs an employee in, once and within a day.

    Only this reply contains it. Whoever opens it first has the employee's access.
    """
    with audited(AuditKind.SIGN_IN_LINK_CREATE, caller, context):
        return invitations.create_sign_in_link(
            employees.person_by_id(userId, DynamoDirectory()),
            ids.mint_sign_in_secret(ids.SignInSecret.CODE),
            base_url=settings().base_url,
            context=context,
            codes=DynamoSessions(),
        )
