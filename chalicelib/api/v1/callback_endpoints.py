"""v1 "events": endpoints of an integrator's callbacks, and replays (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited, drop_if_unchanged
from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.endpoint_messages import EndpointIn, EndpointList, EndpointOut, ReplayIn, ReplayOut
from chalicelib.inbox.domain.endpoints import PausedBy
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.services.endpoint_admin import EndpointAdmin
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.resources import CALLBACK_REPLAYS, DELIVERIES, DUE_INDEX

bp = Blueprint(__name__)

_ENDPOINTS = "/api/v1/callback-endpoints"


def _admin(context: RequestContext) -> EndpointAdmin:
    return EndpointAdmin(DynamoEndpoints(), DynamoReplays(), REPLAY_JOBS, context.now, context.request_id)


@operation(
    bp,
    "GET",
    _ENDPOINTS,
    tag="events",
    answers={200: "The endpoints."},
    grants=SPEND + DELIVERIES.can("Query") + DELIVERIES.can("Query", index=DUE_INDEX),
)
def list_own_callback_endpoints(caller: ToolsToken, context: RequestContext) -> EndpointList:
    """List the endpoints of your integrator's callbacks that fail or are paused.

    An endpoint is an origin: scheme, host and port of the `webhook_url` of buttons. One that only fails for five days
    is paused: its callbacks wait. It is resumed when a probe succeeds, or by `POST /api/v1/callback-endpoints/resume`.
    """
    found = _admin(context).list_endpoints(caller.integrator)
    return EndpointList(items=found, request_id=context.request_id)


@operation(
    bp,
    "POST",
    f"{_ENDPOINTS}/pause",
    tag="events",
    admin_only=True,
    answers={200: "The endpoint."},
    refusals=(Conflict,),
    grants=SPEND + DELIVERIES.can("Query", "GetItem", "PutItem"),
    audits=(AuditKind.CALLBACK_PAUSE,),
)
def pause_own_callback_endpoint(body: EndpointIn, caller: ToolsToken, context: RequestContext) -> EndpointOut:
    """Pause an endpoint of your integrator: its callbacks wait until you resume it."""
    subject = Subject("integrator", caller.integrator)
    with audited(AuditKind.CALLBACK_PAUSE, caller, context, subject, origin=body.origin) as entry:
        out = _admin(context).pause(caller.integrator, body.origin, by=PausedBy.INTEGRATOR)
        drop_if_unchanged(entry)
    return out


@operation(
    bp,
    "POST",
    f"{_ENDPOINTS}/resume",
    tag="events",
    admin_only=True,
    answers={200: "The endpoint."},
    grants=SPEND + DELIVERIES.can("GetItem", "PutItem", "DeleteItem") + CALLBACK_REPLAYS.can_send(),
    audits=(AuditKind.CALLBACK_RESUME,),
)
def resume_own_callback_endpoint(body: EndpointIn, caller: ToolsToken, context: RequestContext) -> EndpointOut:
    """Resume a paused endpoint of your integrator, and send the callbacks that wait for it."""
    subject = Subject("integrator", caller.integrator)
    with audited(AuditKind.CALLBACK_RESUME, caller, context, subject, origin=body.origin) as entry:
        out = _admin(context).resume(caller.integrator, body.origin)
        drop_if_unchanged(entry)
    return out


@operation(
    bp,
    "POST",
    f"{_ENDPOINTS}/replay",
    tag="events",
    admin_only=True,
    status=202,
    answers={202: "The replay. A worker makes it."},
    grants=SPEND + DELIVERIES.can("PutItem") + CALLBACK_REPLAYS.can_send(),
    audits=(AuditKind.CALLBACK_REPLAY,),
)
def replay_own_failed_callbacks(body: ReplayIn, caller: ToolsToken, context: RequestContext) -> ReplayOut:
    """Send your integrator's callbacks again that failed at an endpoint, by when their buttons were pressed.

    The range has up to 31 days. Callbacks that were delivered or are still retried are left alone, so repeating the
    call does no harm: the same range is the same replay. At a paused endpoint, the callbacks wait.
    """
    subject = Subject("integrator", caller.integrator)
    with audited(AuditKind.CALLBACK_REPLAY, caller, context, subject, origin=body.origin) as entry:
        out = _admin(context).replay(caller.integrator, body.origin, since=body.since, until=body.until)
        drop_if_unchanged(entry)
    return out


@operation(
    bp,
    "GET",
    "/api/v1/callback-replays/{replayId}",
    tag="events",
    admin_only=True,
    answers={200: "The replay."},
    refusals=(NotFound,),
    grants=SPEND + DELIVERIES.can("GetItem"),
)
def get_own_callback_replay(replayId: str, caller: ToolsToken, context: RequestContext) -> ReplayOut:  # noqa: N803 - contract's spelling
    """Show how far a replay of your integrator is, and how many callbacks it sends again."""
    return _admin(context).get_replay(replayId, integrator=caller.integrator)
