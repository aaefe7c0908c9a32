"""One request on its way through one route: parsed, admitted, answered, logged."""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from chalice.app import MultiDict, Request, Response
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from chalicelib import aws, caching, ids, sealing
from chalicelib.core.domain.budgets import Charge, Window
from chalicelib.core.domain.call import Call, Sent
from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.envelope import Data, envelope_json
from chalicelib.core.domain.errors import (
    Forbidden,
    IdempotencyConflict,
    Invalid,
    NotFound,
    Refusal,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.core.domain.idempotency import AlreadyAnswered, Answered, Claim
from chalicelib.edge import auth, idempotency, limits, problem
from chalicelib.edge.json_text import check_json
from chalicelib.edge.operation import Operation, Reply
from chalicelib.settings import settings

log = logging.getLogger("fluxden")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
# In bytes. Nothing has a longer name, and no store takes a key of any length.
_LONGEST_NAME = 900


class Exchange:
    """One request on its way through one route."""

    def __init__(self, operation: Operation, request: Request, path: Mapping[str, str]) -> None:
        self.operation, self.request, self.path = operation, request, path
        self.now = datetime.now(UTC)
        # By their names in lower case, which is how headers are looked up from here on.
        self.sent = {name.lower(): value for name, value in (request.to_original_event()["headers"] or {}).items()}
        given = self.sent.get("x-request-id")
        self.bad_request_id = given is not None and not _REQUEST_ID.fullmatch(given)
        self.request_id = given if given and not self.bad_request_id else ids.request_id()
        self.headers: dict[str, str] = {}
        self.token: ids.PresentedToken | None = None
        self.charge = Charge()
        self.window: Window | None = None
        self.caller: Caller | None = None
        self.key: str | None = None

    def respond(self) -> Response:
        """Answer, whatever happens: refusals and faults included, in the family's error shape."""
        started = time.perf_counter()
        with aws.counted() as calls:
            response = self._response()
        line = {
            "operation": self.operation.__name__,
            "requestId": self.request_id,
            "status": response.status_code,
            "caller": self.caller.identity if self.caller else None,
            "storeCalls": calls[0],
            "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        }
        log.info(to_json(line).decode())
        return response

    def _response(self) -> Response:
        try:
            return self._reply(self._answer())
        except Refusal as refusal:
            return self._refused(refusal)
        except Exception as fault:
            log.exception("fault in %s (%s)", self.operation.__name__, self.request_id)
            transient = aws.is_transient(fault)
            return self._refused(Unavailable("A store did not answer in time.") if transient else None)

    def _answer(self) -> Data | Reply:
        # Size, who, which kind of token, budget, and only then the input. The input is parsed before, since what
        # the call costs depends on it, but a caller who is not let in learns nothing about it.
        raw = limits.raw_body(self.request, self.sent)
        given, flaw = self._parse(raw)
        if self.operation.callers:
            given["caller"] = self._admit(given, flaw)
        if self.operation.gate:
            given["admitted"] = self.operation.gate(self._sent(raw))
        if flaw:
            raise flaw
        claim = self._claim(given)
        if "call" in self.operation.hints:
            given["call"] = Call(self.request_id, self.now, claim, self.token.sealing_key if self.token else None)
        try:
            answer = self.operation.function(**self.path, **given)
        except AlreadyAnswered as already:
            self._refund(Charge(0, self.charge.deliveries))
            answered = already.answered
        except Refusal:
            self._refund(Charge(self.charge.units - 1, self.charge.deliveries))
            # A refusal has no effect, but what was done before under this key is still answered.
            found = self.operation.family.replays.find(claim) if claim else None
            if found is None:
                raise
            answered = found
        else:
            if isinstance(answer, Reply):
                self._refund(answer.unspent)
            return answer
        return self._replay(claim, answered)

    def _parse(self, raw: bytes) -> tuple[dict[str, Any], Refusal | None]:
        given: dict[str, Any] = {}
        try:
            if self.bad_request_id:
                reason = "must have 1 to 120 characters of A-Z a-z 0-9 _ -"
                raise Invalid(f"X-Request-Id {reason}.", {"X-Request-Id": [reason]})
            if any(len(name.encode(errors="replace")) > _LONGEST_NAME for name in self.path.values()):
                raise NotFound("There is nothing of that name.")
            if self.operation.accepts_idempotency_key:
                self.key = idempotency.key_of(self.sent)
            if (query := self.operation.hints.get("query")) is not None:
                given["query"] = query.model_validate_strings(self._query())
            if (headers := self.operation.hints.get("headers")) is not None:
                names = [each.alias for each in headers.model_fields.values()]
                sent = {name: self.sent[name.lower()] for name in names if name.lower() in self.sent}
                given["headers"] = headers.model_validate_strings(sent)
            if (body := self.operation.body) is not None and (raw or not self.operation.body_is_optional):
                given["body"] = body.model_validate_json(self._json(raw), context=_context())
        except ValidationError as error:
            return given, problem.invalid(error)
        except Refusal as refusal:
            return given, refusal
        return given, None

    def _sent(self, raw: bytes) -> Sent:
        return Sent(self.request.method, self.request.path, self.sent, raw, self.now, self._show)

    def _show(self, window: Window) -> None:
        self.window = window

    def _query(self) -> dict[str, str]:
        params = self.request.query_params or MultiDict({})
        repeated = [name for name in params if len(params.getlist(name)) > 1]
        if repeated:
            raise Invalid(f"{repeated[0]}: is given more than once", {name: ["is given once"] for name in repeated})
        return {name: params[name] for name in params}

    def _json(self, raw: bytes) -> bytes:
        kind = self.sent.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise UnsupportedMediaType("The body must be sent as application/json.")
        check_json(raw)
        return raw

    def _admit(self, given: dict[str, Any], flaw: Refusal | None) -> Caller | None:
        if not self.operation.caller_is_optional:
            return self._admit_known(given, flaw)
        try:
            return self._admit_known(given, flaw)
        except (Unauthorized, Forbidden):
            self.token = self.caller = self.window = None
            return None

    def _admit_known(self, given: dict[str, Any], flaw: Refusal | None) -> Caller:
        operation, tokens = self.operation, self.operation.family.tokens
        self.token = auth.presented(self.sent, operation.token_header, operation.callers)
        if operation.caller_is_optional and auth.KINDS[self.token.kind] not in operation.callers:
            raise Unauthorized("Of another kind.")
        if flaw is None and "body" in given and auth.KINDS[self.token.kind] in self.operation.callers:
            self.charge = self.operation.charge(given["body"])
        admission = tokens.spend(self.token, self.charge, now=self.now)
        self.charge, self.window, self.caller = admission.taken, admission.window, admission.caller
        auth.permit(admission.caller, self.operation.callers, self.operation.area, self.operation.instead)
        if self.operation.admin_only:
            auth.permit_admin(admission.caller)
        if operation.operator_only:
            assert operation.family.operators is not None
            auth.permit_operator(admission.caller, operation.family.operators)
        if admission.refused:
            raise admission.refused
        return admission.caller

    def _refund(self, charge: Charge) -> None:
        # Of what was never taken, as when the day's limit was used up, nothing is given back.
        due = Charge(charge.units, min(charge.deliveries, self.charge.deliveries))
        if self.token and self.window and (due.units or due.deliveries):
            self.operation.family.tokens.refund(self.token, due, now=self.now)
            self.window = replace(self.window, remaining=self.window.remaining + due.units)

    def _claim(self, given: dict[str, Any]) -> Claim | None:
        if not self.operation.accepts_idempotency_key or self.key is None or self.caller is None:
            return None
        return idempotency.claim(
            self.key,
            caller=self.caller,
            operation=self.operation.__name__,
            path=self.path,
            sent={name: given[name] for name in ("body", "query") if name in given},
            now=self.now,
        )

    def _replay(self, claim: Claim | None, answered: Answered) -> Data | Reply:
        assert claim is not None and self.token is not None and self.operation.replay is not None
        if answered.fingerprint != claim.fingerprint:
            raise IdempotencyConflict("The Idempotency-Key was used before with another body.")
        reply = sealing.opened(answered.reply, self.token.sealing_key)
        self.headers["Idempotent-Replayed"] = "true"
        return self.operation.replay(reply)

    def _reply(self, answer: Data | Reply) -> Response:
        reply = answer if isinstance(answer, Reply) else Reply(answer, self.operation.status)
        text = reply.body if isinstance(reply.body, str) else self._json_text(reply.body)
        kept = caching.headers(text, self.operation.max_age) if self.operation.max_age else {}
        if kept and caching.has_current(self.sent.get("if-none-match", ""), kept["ETag"]):
            return Response("", {**kept, **self._circumstances()}, HTTPStatus.NOT_MODIFIED)
        headers: dict[str, str | list[str]] = {"Content-Type": self.operation.media_type}
        return Response(text, {**headers, **reply.headers, **kept, **self._circumstances()}, reply.status)

    def _json_text(self, data: Data) -> str:
        if self.operation.envelope:
            return envelope_json(data)
        assert isinstance(data, BaseModel)
        return data.model_dump_json(by_alias=True, exclude_unset=True)

    def _refused(self, refusal: Refusal | None) -> Response:
        family, path = self.operation.family, self.request.context.get("path") or self.request.path
        status = family.status_of(type(refusal)) if refusal else 500
        headers: dict[str, str | list[str]] = {"Content-Type": family.error_type, **self._circumstances()}
        if refusal is not None and refusal.retry_after is not None:
            headers["Retry-After"] = str(refusal.retry_after)
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="Fluxden"'
        return Response(json.dumps(family.shape(refusal, self.request_id, path)), headers, status)

    def _circumstances(self) -> dict[str, str]:
        window = limits.window_headers(self.window) if self.window else {}
        until = getattr(self.caller, "superseded_until", None)
        return {**self.headers, **window, **limits.sunset_headers(until), "X-Request-Id": self.request_id}


def _context() -> dict[str, bool]:
    return {"allow_loopback": settings().allow_loopback}
