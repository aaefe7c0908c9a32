"""Serve one request by one operation: parse, authorize, invoke, render."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from chalice.app import Request, Response

from chalicelib import aws, ids
from chalicelib.core.domain.budgets import Charge, Window
from chalicelib.core.domain.callers import Caller, name_in_logs
from chalicelib.core.domain.envelope import Data
from chalicelib.core.domain.errors import (
    Forbidden,
    RateLimited,
    Refusal,
    Unauthorized,
    Unavailable,
)
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge import auth
from chalicelib.edge.idempotency import new_claim, stored_reply
from chalicelib.edge.operation import NO_CHARGE, Operation, OperationReply
from chalicelib.edge.parsing import IncomingRequest, Input, parse, raw_request, read_body, receive
from chalicelib.edge.rendering import render, render_error, sunset_headers, window_headers
from chalicelib.edge.streaming import Pieces, RefusedStream, stream_seconds
from chalicelib.security_headers import security_headers
from chalicelib.telemetry.logs import function_fields, gateway_fields
from chalicelib.telemetry.observe import count_error, observe, report_error


class Access(NamedTuple):
    """A caller, the charge that was taken for the call, and the caller's budget; empty for an anonymous caller.

    With `exhausted` the budget was used up, and nothing was taken.
    """

    token: ids.PresentedToken | None = None
    caller: Caller | None = None
    charge: Charge = Charge()
    window: Window | None = None
    exhausted: RateLimited | None = None


_ANONYMOUS = Access()
_ENDED = (Refusal, AlreadyAnswered)
Result = Data | OperationReply | Refusal | AlreadyAnswered


def handle(
    operation: Operation, http: Request, path: Mapping[str, str], *, input_error: Refusal | None = None
) -> Response:
    """Serve a request and log it; refusals and faults become replies in the shape of the operation's family.

    `input_error` is a flaw that was found in the arguments before they became a request.
    """
    request = receive(operation, http, path)
    ids = gateway_fields(http.context) | function_fields(http.lambda_context)
    with observe("request", operation.__name__, requestId=request.request_id, **ids) as line:
        response, caller = _respond(request, input_error)
        status = response.refused_status if isinstance(response, RefusedStream) else response.status_code
        line |= {"status": status, "caller": name_in_logs(caller)}
    return response


def _respond(request: IncomingRequest, input_error: Refusal | None) -> tuple[Response, Caller | None]:
    # The input is parsed first since it decides the charge; but a caller who is refused learns nothing about it.
    # At whichever step the request ends, the reply shows the budget as far as it is known by then.
    operation, access, is_replay = request.operation, _ANONYMOUS, False
    own_windows: list[Window] = []
    try:
        raw = read_body(request)  # 413
        parsed = parse(request, raw, input_error, own_windows.append)
        if operation.callers:
            access = authenticate(request, parsed)  # 401
            access = authorize(operation, access)  # 403, 429
        if operation.gate:
            parsed.arguments["admitted"] = operation.gate(raw_request(request, raw, own_windows.append))
        if operation.precondition:
            parsed.arguments.update(operation.precondition())  # 403
        arguments = parsed.checked_arguments()  # 400, 404, 415
        claim = new_claim(request, parsed, access.caller)
        result = invoke(request, arguments, access, claim)
        access = refund(request, access, unspent(result, access.charge))
        if isinstance(result, OperationReply) and isinstance(result.body, Pieces):
            result.body.check = partial(check_again, operation, access)
        if isinstance(result, _ENDED):
            stored = stored_reply(request, result, claim, access.token)
            is_replay = True
            assert operation.replay is not None
            result = operation.replay(stored)
        response = render(request, result)
    except Refusal as refusal:
        count_error("request", refusal)
        response = render_error(request, refusal)
    except Exception as fault:
        report_error("request", fault, "fault in %s", operation.__name__)
        outage = Unavailable("A store did not answer in time. Try again.") if aws.is_transient(fault) else None
        response = render_error(request, outage)
    window = own_windows[-1] if own_windows else access.window
    response.headers = {**_common_headers(request, access.caller, window, is_replay=is_replay), **response.headers}
    return response, access.caller


def authenticate(request: IncomingRequest, parsed: Input) -> Access:
    """Find the bearer of the token and take the charge of the call from the budget.

    Store calls: 1; for a credential of an instance see `GuardedBudgets`.

    Raises:
        Unauthorized: the token is missing or not accepted, and the operation needs one.
        RateLimited: there were too many wrong credentials of instances.
    """
    operation = request.operation
    try:
        method = request.http.method
        token = auth.find_token(request.headers, operation.token_header, operation.callers, method)
        is_accepted = auth.is_accepted(token, operation.callers)
        if operation.caller_is_optional and not is_accepted:
            return _ANONYMOUS
        is_complete = is_accepted and parsed.error is None and "body" in parsed.arguments
        charge = operation.charge(parsed.arguments["body"]) if is_complete else _ANONYMOUS.charge
        admission = operation.family.tokens.spend(
            token, charge, now=request.now, address=request.address, is_accepted=is_accepted
        )
    except (Unauthorized, Forbidden, RateLimited):
        # A credential that is refused is ignored where none is needed, so nothing is learned about it.
        if operation.caller_is_optional:
            return _ANONYMOUS
        raise
    return Access(token, admission.caller, admission.taken, admission.window, admission.refused)


def authorize(operation: Operation, access: Access) -> Access:
    """Check that the caller may call the operation, and had budget left. Store calls: 1 for operators' operations.

    Where the caller is optional, a caller who may not call becomes anonymous.

    Raises:
        Forbidden: the caller may not call the operation.
        RateLimited: the budget was used up.
    """
    if access.caller is None:
        return access
    try:
        auth.check_caller(access.caller, operation.callers, operation.permission, operation.hint)
        if operation.admin_only:
            auth.check_admin(access.caller)
        if operation.operator_only:
            assert operation.family.operators is not None
            auth.check_operator(access.caller, operation.family.operators)
    except (Unauthorized, Forbidden):
        if operation.caller_is_optional:
            return _ANONYMOUS
        raise
    if access.exhausted:
        raise access.exhausted
    return access


def check_again(operation: Operation, access: Access) -> None:
    """Authenticate the caller of a reply that is still being sent, and spend a unit. Store calls: 1.

    A budget that is used up does not end the reply.

    Raises:
        Unauthorized, Inactive, Forbidden: the caller may not call the operation any more.
    """
    if access.token is not None:
        # An open reply says nothing about its reader, so it keeps no session alive.
        token = replace(access.token, stays_idle=True)
        admission = operation.family.tokens.spend(token, Charge(), now=datetime.now(UTC))
        auth.check_caller(admission.caller, operation.callers, operation.permission, operation.hint)


def invoke(request: IncomingRequest, arguments: dict[str, Any], access: Access, claim: Claim | None) -> Result:
    """Call the operation's function. A refusal and an effect that happened before are returned, not raised."""
    operation, annotations = request.operation, request.operation.annotations
    if "caller" in annotations:
        arguments["caller"] = access.caller
    if "context" in annotations:
        sealing_key = access.token.sealing_key if access.token else None
        path = request.http.context.get("path") or "/"
        arguments["context"] = RequestContext(
            request.request_id,
            request.now,
            claim,
            sealing_key,
            stream_seconds(request.http),
            request.address,
            path,
            request.headers,
        )
    try:
        return operation.function(**request.path, **arguments)
    except _ENDED as ended:
        return ended


def unspent(result: Result, charge: Charge) -> Charge:
    """The part of a charge that is given back: a refusal costs one unit, a replay no delivery."""
    if isinstance(result, OperationReply):
        return result.unspent
    if isinstance(result, Refusal):
        return Charge(charge.units - 1, charge.deliveries)
    return Charge(0, charge.deliveries) if isinstance(result, AlreadyAnswered) else NO_CHARGE


def refund(request: IncomingRequest, access: Access, charge: Charge) -> Access:
    """Give a part of the charge back. Store calls: 1; none when there is nothing to give back."""
    # Deliveries that were never taken are not given back, as when the day's limit was used up.
    deliveries = min(charge.deliveries, access.charge.deliveries)
    if access.token is None or access.window is None or not (charge.units or deliveries):
        return access
    due = Charge(charge.units, deliveries)
    request.operation.family.tokens.refund(access.token, due, now=request.now)
    return access._replace(window=replace(access.window, remaining=access.window.remaining + due.units))


def _common_headers(
    request: IncomingRequest, caller: Caller | None, window: Window | None, *, is_replay: bool
) -> dict[str, str]:
    headers = {**security_headers(request.headers), **(window_headers(window) if window else {})}
    headers["X-Request-Id"] = request.request_id
    if until := getattr(caller, "superseded_until", None):
        headers |= sunset_headers(until)
    if is_replay:
        headers["Idempotent-Replayed"] = "true"
    return headers
