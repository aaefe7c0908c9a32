"""Admin: endpoints of callbacks, and replays."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited, drop_if_unchanged
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.endpoint_messages import (
    EndpointOut,
    EndpointsQuery,
    IntegratorsEndpointIn,
    IntegratorsReplayIn,
    ReplayOut,
)
from chalicelib.inbox.domain.endpoints import PausedBy
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.services.endpoint_admin import EndpointAdmin
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CALLBACK_REPLAYS, DELIVERIES, DUE_INDEX

bp = Blueprint(__name__)

_ENDPOINTS = "/api/v2/operate/callback-endpoints"


def _admin(context: RequestContext) -> EndpointAdmin:
    return EndpointAdmin(DynamoEndpoints(), DynamoReplays(), REPLAY_JOBS, context.now)


def _check_integrator(slug: str) -> None:
    if DynamoDirectory().find_integrator(slug) is None:
        raise NotFound("Integrator not found.")


@operate(
    bp,
    "GET",
    _ENDPOINTS,
    envelope="EndpointsAnswer",
    answers={200: "The endpoints."},
    grants=OPERATE + DELIVERIES.can("Query") + DELIVERIES.can("Query", index=DUE_INDEX),
)
def list_callback_endpoints(query: EndpointsQuery, caller: ApiKey, context: RequestContext) -> list[EndpointOut]:  # noqa: ARG001 - admits
    """List the endpoints of callbacks that fail or are paused, by integrator and origin.

    An endpoint is an origin (scheme, host and port) of an integrator. Endpoints that are missing from the list work.
    """
    return _admin(context).list_endpoints(query.integrator)


@operate(
    bp,
    "POST",
    f"{_ENDPOINTS}/pause",
    envelope="EndpointAnswer",
    answers={200: "The endpoint."},
    refusals=(NotFound, Conflict),
    grants=OPERATE + DELIVERIES.can("Query", "GetItem", "PutItem"),
    audits=(AuditKind.CALLBACK_PAUSE,),
)
def pause_callback_endpoint(body: IntegratorsEndpointIn, caller: ApiKey, context: RequestContext) -> EndpointOut:
    """Pause an endpoint: its callbacks wait until somebody resumes it.

    An endpoint that only fails for five days is paused by itself, and resumed when a probe succeeds. A pause by hand
    lasts until somebody ends it.
    """
    subject = Subject("integrator", body.integrator)
    with audited(AuditKind.CALLBACK_PAUSE, caller, context, subject, origin=body.origin) as entry:
        _check_integrator(body.integrator)
        out = _admin(context).pause(body.integrator, body.origin, by=PausedBy.OPERATOR)
        drop_if_unchanged(entry)
    return out


@operate(
    bp,
    "POST",
    f"{_ENDPOINTS}/resume",
    envelope="EndpointAnswer",
    answers={200: "The endpoint."},
    refusals=(NotFound,),
    grants=OPERATE + DELIVERIES.can("GetItem", "PutItem", "DeleteItem") + CALLBACK_REPLAYS.can_send(),
    audits=(AuditKind.CALLBACK_RESUME,),
)
def resume_callback_endpoint(body: IntegratorsEndpointIn, caller: ApiKey, context: RequestContext) -> EndpointOut:
    """Resume a paused endpoint, and send the callbacks that wait for it."""
    subject = Subject("integrator", body.integrator)
    with audited(AuditKind.CALLBACK_RESUME, caller, context, subject, origin=body.origin) as entry:
        _check_integrator(body.integrator)
        out = _admin(context).resume(body.integrator, body.origin)
        drop_if_unchanged(entry)
    return out


@operate(
    bp,
    "POST",
    f"{_ENDPOINTS}/replay",
    status=202,
    envelope="ReplayAnswer",
    answers={202: "The replay. A worker makes it."},
    refusals=(NotFound,),
    grants=OPERATE + DELIVERIES.can("PutItem") + CALLBACK_REPLAYS.can_send(),
    audits=(AuditKind.CALLBACK_REPLAY,),
)
def replay_failed_callbacks(body: IntegratorsReplayIn, caller: ApiKey, context: RequestContext) -> ReplayOut:
    """Send the callbacks again that failed at an endpoint, by when their buttons were pressed.

    The range has up to 31 days. Callbacks that were delivered or are still retried are left alone, so repeating the
    call does no harm: the same range is the same replay. If it is interrupted, it continues where it was. At a paused
    endpoint, the callbacks wait.
    """
    subject = Subject("integrator", body.integrator)
    with audited(AuditKind.CALLBACK_REPLAY, caller, context, subject, origin=body.origin) as entry:
        _check_integrator(body.integrator)
        out = _admin(context).replay(body.integrator, body.origin, since=body.since, until=body.until)
        drop_if_unchanged(entry)
    return out


@operate(
    bp,
    "GET",
    "/api/v2/operate/callback-replays/{replayId}",
    envelope="ReplayAnswer",
    answers={200: "The replay."},
    refusals=(NotFound,),
    grants=OPERATE + DELIVERIES.can("GetItem"),
)
def get_callback_replay(replayId: str, caller: ApiKey, context: RequestContext) -> ReplayOut:  # noqa: ARG001, N803 - admits; contract
    """Show how far a replay is, and how many callbacks it sends again."""
    return _admin(context).get_replay(replayId)
