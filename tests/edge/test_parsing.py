"""Parsing: what of a request is refused, and in which order."""

import json
from typing import Any

import pytest
from chalice.app import Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from chalicelib.core.domain.errors import Invalid, NotFound, Refusal, TooLarge, UnsupportedMediaType
from chalicelib.core.domain.fields import Headers, In, Query
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import LARGEST_BODY, Family, Operation
from chalicelib.edge.parsing import IncomingRequest, Input, parse, read_body, receive
from chalicelib.edge.problem import problem_json
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

pytestmark = pytest.mark.engine("embedded")

FAMILY = Family(problem_json, "application/problem+json", DynamoTokenBudgets(), DynamoIdempotency())


class Body(In):
    number: int


class Filter(Query):
    limit: int = 10
    word: str | None = None


class Signed(Headers):
    signature: str = Field(alias="X-Signature")


def whole(body: Body, query: Filter, headers: Signed) -> BaseModel:
    raise NotImplementedError


def optional(body: Body | None = None) -> BaseModel:
    raise NotImplementedError


def incoming(
    body: str | bytes = '{"number": 1}',
    function: Any = whole,
    *,
    query: dict[str, list[str]] | None = None,
    path: dict[str, str] | None = None,
    checks_request_id: bool = True,
    **headers: str,
) -> IncomingRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    event = {
        "httpMethod": "POST",
        "headers": {"X-Signature": "s"} | named,
        "multiValueQueryStringParameters": query,
        "pathParameters": path,
        "requestContext": {"resourcePath": "/things", "httpMethod": "POST", "path": "/things"},
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
    }
    declared = Operation(
        function,
        "POST",
        "/things",
        FAMILY,
        tag="things",
        replay=Body.model_validate,
        checks_request_id=checks_request_id,
    )
    return receive(declared, Request(event, None), path or {})


def parsed(request: IncomingRequest) -> Input:
    return parse(request, read_body(request))


def error_of(request: IncomingRequest) -> Refusal:
    error = parsed(request).error
    assert error is not None
    return error


def fields_of(request: IncomingRequest) -> list[str]:
    error = error_of(request)
    assert isinstance(error, Invalid)
    return list(error.fields)


def test_query_headers_and_body_become_the_annotated_models() -> None:
    read = parsed(incoming(query={"limit": ["5"], "word": ["a b"]}, x_signature="mine", Idempotency_Key="k"))
    assert read.checked_arguments() == {
        "query": Filter(limit=5, word="a b"),
        "headers": Signed.model_validate({"X-Signature": "mine"}),
        "body": Body(number=1),
    }
    assert read.idempotency_key == "k"


def test_arguments_with_an_error_are_not_given_out() -> None:
    read = parsed(incoming("{}", query={"limit": ["5"]}))
    assert read.arguments["query"] == Filter(limit=5)
    with pytest.raises(Invalid):
        read.checked_arguments()


def test_error_that_was_found_earlier_comes_first() -> None:
    request = incoming("{}")
    earlier = NotFound("No such thing.")
    assert parse(request, read_body(request), earlier).error is earlier


def test_errors_come_in_the_order_request_id_path_key_query_headers_body() -> None:
    wrong: dict[str, Any] = {"body": "no JSON", "query": {"limit": ["x"]}, "path": {"name": "x" * 901}}
    wrong |= {"X_Request_Id": "not valid!", "Idempotency_Key": ""}
    assert fields_of(incoming(**wrong)) == ["X-Request-Id"]
    del wrong["X_Request_Id"]
    assert isinstance(error_of(incoming(**wrong)), NotFound)
    del wrong["path"]
    assert fields_of(incoming(**wrong)) == ["Idempotency-Key"]
    del wrong["Idempotency_Key"]
    assert fields_of(incoming(**wrong)) == ["limit"]
    del wrong["query"]
    assert error_of(incoming(**wrong)).detail == "The body is not valid JSON."


def test_parameter_is_given_once_and_is_a_known_one() -> None:
    assert fields_of(incoming(query={"limit": ["5", "6"]})) == ["limit"]
    assert fields_of(incoming(query={"more": ["1"]})) == ["more"]


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_idempotency_key_has_1_to_200_characters(key: str) -> None:
    assert fields_of(incoming(Idempotency_Key=key)) == ["Idempotency-Key"]
    assert parsed(incoming(Idempotency_Key="x" * 200)).idempotency_key == "x" * 200


@given(st.from_regex(r"[A-Za-z0-9_-]{1,120}", fullmatch=True))
def test_valid_request_id_is_kept(request_id: str) -> None:
    request = incoming(X_Request_Id=request_id)
    assert (request.request_id, parsed(request).error) == (request_id, None)


@pytest.mark.parametrize("request_id", ["", "a b", "é", "x" * 121, "a\r\nSet-Cookie: x"])
def test_invalid_request_id_is_refused_and_replaced(request_id: str) -> None:
    request = incoming(X_Request_Id=request_id)
    assert request.request_id.startswith("req_")
    assert fields_of(request) == ["X-Request-Id"]
    elsewhere = incoming(checks_request_id=False, X_Request_Id=request_id)
    assert (elsewhere.request_id[:4], parsed(elsewhere).error) == ("req_", None)


def test_body_may_have_or_declare_262144_bytes_and_no_more() -> None:
    largest = "x" * LARGEST_BODY
    assert read_body(incoming(largest)) == largest.encode()
    assert read_body(incoming("x", Content_Length="1")) == b"x"
    for request in (
        incoming(largest + "x"),
        incoming("é" * (LARGEST_BODY // 2 + 1)),
        incoming("x", Content_Length=str(LARGEST_BODY + 1)),
        incoming("x", Content_Length="9" * 5000),
    ):
        with pytest.raises(TooLarge):
            read_body(request)


def test_declared_length_that_is_no_number_is_ignored() -> None:
    assert read_body(incoming("x", Content_Length="-1")) == b"x"
    assert read_body(incoming("x", Content_Length="a lot")) == b"x"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
def test_json_may_be_declared_with_parameters_and_suffixes(kind: str) -> None:
    assert parsed(incoming(Content_Type=kind)).error is None


@pytest.mark.parametrize("kind", ["", "text/plain", "text/x+json", "application/x-www-form-urlencoded"])
def test_body_that_is_not_declared_as_json_is_refused(kind: str) -> None:
    assert isinstance(error_of(incoming(Content_Type=kind)), UnsupportedMediaType)


def test_only_a_body_with_a_default_may_be_left_out() -> None:
    assert parsed(incoming("", optional)).arguments == {}
    assert parsed(incoming("", optional, Content_Type="text/plain")).error is None
    assert parsed(incoming("", whole)).error is not None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_of_another_shape_is_an_invalid_input_and_never_a_fault(value: Any) -> None:
    assert isinstance(error_of(incoming(json.dumps(value))), Invalid)


@given(st.binary(max_size=30))
def test_arbitrary_bytes_are_an_invalid_input_and_never_a_fault(raw: bytes) -> None:
    request = incoming()
    assert isinstance(parse(request, raw).error, Invalid)
