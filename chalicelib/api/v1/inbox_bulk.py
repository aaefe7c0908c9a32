"""The v1 inbox: change many of your own deliveries at once (an addition to the contract)."""

from datetime import datetime
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.inbox.domain.bulk_changes import BulkChangeIn, BulkChangeOut, BulkStatus
from chalicelib.inbox.gateways.bulk_changes import BULK_CHANGE_JOBS
from chalicelib.inbox.services.bulk_changes import BulkChanger
from chalicelib.inbox.stores.bulk_changes import DynamoBulkChanges
from chalicelib.inbox.stores.inbox import DynamoInbox
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, INBOX_CHANGES, INBOX_INDEX, NOTIFY

bp = Blueprint(__name__)

_CHANGE = (
    SPEND
    + REMEMBER
    + DELIVERIES.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")
    + INBOX_CHANGES.can_send()
    + NOTIFY
)
_ANSWERS = {200: "Done.", 202: "Accepted. A worker makes the change; read its job."}


@operation(
    bp,
    "POST",
    "/api/v1/inbox/bulk",
    tag="inbox",
    answer={200: BulkChangeOut, 202: BulkChangeOut},
    answers=_ANSWERS,
    refusals=(Conflict, TooLarge),
    permission="inbox",
    replay=from_stored_reply,
    grants=_CHANGE + DELIVERIES.can("Query", index=INBOX_INDEX),
)
def change_inbox_deliveries(body: BulkChangeIn, caller: ApiKey, context: RequestContext) -> OperationReply:
    """Mark many deliveries as read, archive, snooze or resolve them, or reverse any of the first three.

    Name up to 1,000 ids, or a filter. A filter leaves out what arrives after its `before`. A change of up to 48
    deliveries is made at once, all or nothing. A larger one is answered with 202 and made by a worker in steps. If it
    is interrupted, it continues where it was. `jobId` names the change for 2 days: read its counts from
    `GET /api/v1/inbox/bulk/{jobId}`, or undo it with `POST /api/v1/inbox/bulk/{jobId}/undo`. Your open connections
    receive one `deliveries_changed` event for each 48 deliveries.

    `resolve` is for what your own personal tokens published. Others' events are theirs to resolve, and `notAllowed`
    counts them. It is for good, as `POST /api/v1/events/{deliveryId}/resolve` is.
    """
    out = _changer(context.now).start(body, owner=caller, context=context, new_id=str(uuid4()), queue=BULK_CHANGE_JOBS)
    return _reply(out)


@operation(
    bp,
    "POST",
    "/api/v1/inbox/bulk/{jobId}/undo",
    tag="inbox",
    answer={200: BulkChangeOut, 202: BulkChangeOut},
    answers=_ANSWERS,
    refusals=(NotFound, Conflict, TooLarge),
    permission="inbox",
    replay=from_stored_reply,
    grants=_CHANGE,
)
def undo_inbox_bulk_change(jobId: str, caller: ApiKey, context: RequestContext) -> OperationReply:  # noqa: N803 - contract's spelling
    """Undo a bulk change of your inbox.

    Each delivery gets its state before the change, except those that were changed again since. A change that is not
    done is stopped first. An undoing is a change of its own, with a `jobId` by which it can be undone. Resolving can't
    be undone (409).
    """
    changer = _changer(context.now)
    out = changer.undo(jobId, owner=caller, context=context, new_id=str(uuid4()), queue=BULK_CHANGE_JOBS)
    return _reply(out)


def _reply(out: BulkChangeOut) -> OperationReply:
    return OperationReply(out, 200 if out.status is BulkStatus.DONE else 202)


@operation(
    bp,
    "GET",
    "/api/v1/inbox/bulk/{jobId}",
    tag="inbox",
    answers={200: "The change and its counts."},
    refusals=(NotFound,),
    permission="inbox",
    grants=SPEND + DELIVERIES.can("GetItem"),
)
def get_inbox_bulk_change(jobId: str, caller: ApiKey, context: RequestContext) -> BulkChangeOut:  # noqa: N803 - contract's spelling
    """Retrieve a bulk change of your inbox: whether it is done, and its counts so far."""
    return _changer(context.now).read(jobId, owner=caller, context=context)


def _changer(now: datetime) -> BulkChanger:
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    return BulkChanger(DynamoBulkChanges(), DynamoInbox(), notifier, now)
