"""The steps of a request: which check comes first, and what each reply shows of the budget."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from chalice.app import Request, Response
from pydantic import BaseModel

from chalicelib import ids
from chalicelib.core.domain.budgets import Charge, Window
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, RateLimited, Refusal, Unauthorized
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, ReplyRecord
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.exchange import handle
from chalicelib.edge.operation import LARGEST_BODY, Family, Operation, OperationReply
from chalicelib.edge.problem import problem_json
from chalicelib.tokens.domain.tokens import Admission
from tests.support.log_lines import read_lines

pytestmark = pytest.mark.engine("embedded")

KEY = ids.mint_token(ids.TokenKind.KEY).text
WINDOW = Window(limit=10, remaining=7, reset=60)


class Body(BaseModel):
    number: int


@dataclass
class Tokens:
    """A budget of one key with the permission `inbox`."""

    refusal: Refusal | None = None
    exhausted: RateLimited | None = None
    spent: list[Charge] = field(default_factory=list)
    refunded: list[Charge] = field(default_factory=list)

    def spend(self, token: ids.PresentedToken, charge: Charge, **_: object) -> Admission:  # noqa: ARG002 - a port
        if self.refusal:
            raise self.refusal
        self.spent.append(charge)
        return Admission(ApiKey("key", "alice", frozenset({"inbox"})), WINDOW, charge, self.exhausted)

    def refund(self, token: ids.PresentedToken, charge: Charge, *, now: datetime) -> None:  # noqa: ARG002 - a port
        self.refunded.append(charge)


@dataclass
class Replays(DynamoIdempotency):
    """Stored replies: the one of an earlier call; an empty fingerprint stands for that of the claim."""

    stored: ReplyRecord | None = None

    def find(self, claim: Claim) -> ReplyRecord | None:
        return self.stored and replace(self.stored, fingerprint=self.stored.fingerprint or claim.fingerprint)


def operation(
    function: Callable[..., Any],
    tokens: Tokens,
    permission: str = "inbox",
    *,
    stored: ReplyRecord | None = None,
    **more: Any,
) -> Operation:
    family = Family(problem_json, "application/problem+json", tokens, Replays(stored))
    return Operation(function, "POST", "/things", family, tag="things", permission=permission, **more)


def call_body(body: Body, caller: ApiKey, context: RequestContext) -> Body:
    return body


def serve(
    declared: Operation, body: Any = None, *, token: str = KEY, path: dict[str, str] | None = None, **headers: str
) -> Response:
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    event = {
        "httpMethod": "POST",
        "headers": sent,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"resourcePath": "/things", "httpMethod": "POST", "path": "/things"},
        "stageVariables": None,
        "body": body if isinstance(body, str) else json.dumps(body if body is not None else {"number": 1}),
        "isBase64Encoded": False,
    }
    return handle(declared, Request(event, None), path or {})


def test_checks_come_in_the_order_of_size_token_permission_budget_and_input() -> None:
    exhausted = RateLimited("Used up.", retry_after=3)
    too_long = "x" * (LARGEST_BODY + 1)
    tokens = Tokens(exhausted=exhausted)
    forbidden = operation(call_body, tokens, permission="board")
    allowed = operation(call_body, tokens)

    assert serve(forbidden, too_long, token="none").status_code == 413
    assert serve(forbidden, "no JSON", token="none").status_code == 401
    assert serve(forbidden, "no JSON").status_code == 403
    assert serve(allowed, "no JSON").status_code == 429
    tokens.exhausted = None
    assert serve(allowed, "no JSON", Content_Type="text/plain").status_code == 415
    assert serve(allowed, "no JSON").status_code == 400
    assert serve(allowed).status_code == 200


def test_input_with_an_error_costs_the_least_charge() -> None:
    tokens = Tokens()
    declared = operation(call_body, tokens, charge=lambda body: Charge(body.number, 2))
    serve(declared, {"number": 5})
    serve(declared, {"number": "five"})
    assert tokens.spent == [Charge(5, 2), Charge()]


def test_every_reply_after_the_token_shows_the_budget_and_the_request_id() -> None:
    def fail(caller: ApiKey) -> OperationReply:
        raise ZeroDivisionError

    def time_out(caller: ApiKey) -> OperationReply:
        raise ReadTimeoutError(endpoint_url="https://store.test")

    tokens = Tokens()
    for function, permission, status in (
        (call_body, "inbox", 200),
        (call_body, "board", 403),
        (fail, "inbox", 500),
        (time_out, "inbox", 503),
    ):
        response = serve(operation(function, tokens, permission), X_Request_Id="mine")
        assert (response.status_code, response.headers["X-Request-Id"]) == (status, "mine")
        assert response.headers["X-RateLimit-Remaining"] == "7"
    tokens.refusal = Unauthorized("Unknown.")
    assert "X-RateLimit-Remaining" not in serve(operation(call_body, tokens)).headers


def test_refusal_by_the_operation_costs_one_unit_and_no_delivery() -> None:
    def refuse(body: Body, caller: ApiKey) -> OperationReply:
        raise Conflict("Taken.")

    tokens = Tokens()
    response = serve(operation(refuse, tokens, charge=lambda _: Charge(4, 2)))
    assert (response.status_code, tokens.refunded) == (409, [Charge(3, 2)])
    assert response.headers["X-RateLimit-Remaining"] == "10"


def test_reply_gives_back_what_was_not_spent_but_never_more_deliveries_than_were_taken() -> None:
    def answer(caller: ApiKey) -> OperationReply:
        return OperationReply(Body(number=1), 202, {"X-More": "yes"}, unspent=Charge(0, 1))

    tokens = Tokens()
    response = serve(operation(answer, tokens))
    assert (response.status_code, response.headers["X-More"], tokens.refunded) == (202, "yes", [])


def test_effect_that_happened_before_is_answered_with_its_stored_reply() -> None:
    def repeat(body: Body, caller: ApiKey, context: RequestContext) -> OperationReply:
        assert context.claim is not None
        raise AlreadyAnswered(ReplyRecord(context.claim.fingerprint, {"number": 8}))

    tokens = Tokens()
    declared = operation(repeat, tokens, charge=lambda _: Charge(2, 1), replay=Body.model_validate)
    response = serve(declared, Idempotency_Key="k")
    assert (response.status_code, json.loads(response.body)) == (200, {"number": 8})
    assert response.headers["Idempotent-Replayed"] == "true"
    assert tokens.refunded == [Charge(0, 1)]


def test_refusal_is_replaced_by_the_reply_that_is_stored_under_the_same_key() -> None:
    def refuse(body: Body, caller: ApiKey) -> OperationReply:
        raise Conflict("Taken.")

    def declared(stored: ReplyRecord | None) -> Operation:
        return operation(refuse, Tokens(), stored=stored, replay=Body.model_validate)

    assert serve(declared(None), Idempotency_Key="k").status_code == 409
    replayed = serve(declared(ReplyRecord("", {"number": 8})), Idempotency_Key="k")
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (200, "true")
    other = serve(declared(ReplyRecord("another body", {"number": 8})), Idempotency_Key="k")
    assert (other.status_code, json.loads(other.body)["code"]) == (409, "idempotency_conflict")
    assert "Idempotent-Replayed" not in other.headers


def test_optional_caller_who_may_not_call_is_anonymous() -> None:
    def greet(caller: ApiKey | None) -> Body:
        return Body(number=0 if caller is None else 1)

    tokens = Tokens()
    for permission, token, number in (("inbox", KEY, 1), ("inbox", "", 0), ("inbox", "none", 0), ("board", KEY, 0)):
        response = serve(operation(greet, tokens, permission), token=token)
        assert (response.status_code, json.loads(response.body)) == (200, {"number": number})
        assert ("X-RateLimit-Limit" in response.headers) is bool(number)
    tokens.exhausted = RateLimited("Used up.", retry_after=3)
    assert serve(operation(greet, tokens)).status_code == 429


def test_gate_refuses_before_the_input_is_checked_and_shows_the_budget_it_charged() -> None:
    def check_gate(request: RawRequest) -> str:
        request.report_window(replace(WINDOW, remaining=2))
        if b"bad" in request.body:
            raise Unauthorized("Not signed.")
        return request.headers["x-name"]

    def greet(body: Body, admitted: str) -> OperationReply:
        return OperationReply(f'"{admitted} {body.number}"', 200)

    declared = operation(greet, Tokens(), gate=check_gate)
    for body, status in (("bad", 401), ("no JSON", 400), ({"number": 1}, 200)):
        response = serve(declared, body, token="", X_Name="Bob")
        assert (response.status_code, response.headers["X-RateLimit-Remaining"]) == (status, "2")
    assert response.body == '"Bob 1"'


def test_invalid_request_id_is_replaced_and_refused() -> None:
    response = serve(operation(call_body, Tokens(), checks_request_id=True), X_Request_Id="not valid!")
    assert (response.status_code, "X-Request-Id" in json.loads(response.body)["fieldErrors"]) == (400, True)
    assert str(response.headers["X-Request-Id"]).startswith("req_")


def test_name_in_the_path_that_no_store_could_have_is_not_found() -> None:
    assert serve(operation(call_body, Tokens()), path={"name": "x" * 901}).status_code == 404


def test_each_request_is_logged_once_with_its_caller_and_status(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fluxden")
    serve(operation(call_body, Tokens(), permission="board"), X_Request_Id="mine")
    (line,) = read_lines(caplog)
    assert line == {
        "message": "request",
        "correlation_id": "mine",
        "operation": "call_body",
        "requestId": "mine",
        "status": 403,
        "caller": f"user/{person_ref('alice')}",
        "storeCalls": 0,
    }
