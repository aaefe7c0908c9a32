"""v2 "Queue": who decides on whose proposals."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, NOTIFY, QUEUE_ITEMS
from chalicelib.tasks.domain.delegations import DelegationIn, DelegationOut, DelegationsOut
from chalicelib.tasks.services import delegations
from chalicelib.tasks.stores.delegations import DynamoDelegations

bp = Blueprint(__name__)

_PATH = "/api/v2/delegations"


def _notifier() -> Notifier:
    return Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)


@operation(
    bp,
    "GET",
    _PATH,
    tag="Queue",
    permission="queue",
    envelope="DelegationsAnswer",
    answers={200: "Your delegations."},
    grants=SPEND + QUEUE_ITEMS.can("Query") + DIRECTORY.can("BatchGetItem"),
)
def list_delegations(caller: ApiKey) -> DelegationsOut:
    """List who decides on your proposals, and on whose you decide."""
    return delegations.list_delegations(owner=caller, delegations=DynamoDelegations(), people=DynamoDirectory())


@operation(
    bp,
    "POST",
    _PATH,
    tag="Queue",
    status=201,
    envelope="DelegationAnswer",
    answers={201: "The delegation."},
    refusals=(Conflict, TooLarge),
    replay=DelegationOut.model_validate,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + DIRECTORY.can("BatchGetItem")
    + QUEUE_ITEMS.can("BatchGetItem", "Query", "PutItem", "UpdateItem"),
    audits=(AuditKind.DELEGATION_CREATE,),
)
def add_delegation(body: DelegationIn, caller: ApiKey, context: RequestContext) -> DelegationOut:
    """Let another employee decide on your proposals for a time.

    They see what your agents propose while it waits, and nothing else of your queue. They approve, edit and reject like
    you do, and their decisions have their name. It ends by itself, or by either of you. Needs a session or a key with
    all permissions.
    """
    made = str(uuid4())
    with audited(AuditKind.DELEGATION_CREATE, caller, context, until=body.until) as draft:
        return delegations.add_delegation(
            body,
            delegation_id=made,
            owner=caller,
            context=context,
            delegations=DynamoDelegations(),
            people=DynamoDirectory(),
            notifier=_notifier(),
            gather=gather,
            draft=lambda delegate_id: draft.add(Subject("delegation", made, delegate_id)),
        )


@operation(
    bp,
    "DELETE",
    _PATH + "/{id}",
    tag="Queue",
    envelope="EndedDelegationAnswer",
    answers={200: "It has ended."},
    refusals=(NotFound,),
    grants=SPEND + NOTIFY + QUEUE_ITEMS.can("Query", "DeleteItem"),
    audits=(AuditKind.DELEGATION_END,),
)
def end_delegation(id: str, caller: ApiKey, context: RequestContext) -> None:  # noqa: A002 - path parameter
    """End a delegation, that you gave or were given. It takes effect at once."""
    with audited(AuditKind.DELEGATION_END, caller, context, Subject("delegation", id)) as draft:
        delegations.end_delegation(
            id,
            owner=caller,
            context=context,
            delegations=DynamoDelegations(),
            notifier=_notifier(),
            draft=lambda partner_id: draft.add(Subject("delegation", id, partner_id)),
        )
