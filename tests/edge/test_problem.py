"""Errors as replies: their status, the two shapes of the contracts, and reasons that never repeat the input."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from chalicelib.chat.domain.client_frames import ClientFrame
from chalicelib.core.domain.error_reasons import to_reason
from chalicelib.core.domain.errors import (
    Conflict,
    Forbidden,
    Inactive,
    Invalid,
    ItemInUse,
    NotFound,
    RateLimited,
    Refusal,
    SlugTaken,
    Unauthorized,
    Unavailable,
)
from chalicelib.core.domain.fields import In, Line
from chalicelib.edge.problem import KEY_STATUS, plain_error, problem_json, status_of, to_invalid

pytestmark = pytest.mark.engine("embedded")


class Inner(In):
    name: str


class Body(In):
    number: int
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    by_name: dict[str, int] | None = None
    title: Annotated[Line, Field(min_length=1, max_length=5)] | None = None


def invalid(raw: str) -> Invalid:
    with pytest.raises(ValidationError) as error:
        Body.model_validate_json(raw)
    return to_invalid(error.value)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Invalid, 400),
        (Unauthorized, 401),
        (Inactive, 401),
        (Forbidden, 403),
        (NotFound, 404),
        (Conflict, 409),
        (SlugTaken, 409),
        (RateLimited, 429),
        (Unavailable, 503),
    ],
)
def test_a_refusal_has_the_status_of_its_nearest_kind(kind: type[Refusal], status: int) -> None:
    assert status_of(kind) == status
    assert status_of(kind, KEY_STATUS) == (403 if kind is Inactive else status)


def test_a_problem_names_its_type_and_the_request() -> None:
    assert problem_json(NotFound("No such card."), "req_1", "/api/v1/cards/1") == {
        "type": "https://docs.fluxdesk.net/api/v1/errors/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "No such card.",
        "instance": "/api/v1/cards/1",
        "requestId": "req_1",
        "code": "not_found",
    }


def test_additional_members_are_shown_only_if_there_are_some() -> None:
    assert problem_json(Invalid("Wrong.", {"a": ["is wrong"]}), "r", "/")["fieldErrors"] == {"a": ["is wrong"]}
    assert "fieldErrors" not in problem_json(Invalid("Wrong."), "r", "/")
    assert problem_json(ItemInUse("In use.", {"approvals": 1}), "r", "/")["blockers"] == {"approvals": 1}


def test_a_fault_says_nothing_of_its_cause() -> None:
    body = problem_json(None, "req_1", "/")
    assert (body["status"], body["code"]) == (500, "internal_error")
    assert plain_error(None, "req_1", "/") == {"success": False, "error": "An internal error occurred."}


def test_a_plain_error_is_the_detail_alone() -> None:
    assert plain_error(Invalid("Wrong.", {"a": ["b"]}), "r", "/") == {"success": False, "error": "Wrong."}


def test_every_flaw_is_named_by_its_path_and_the_first_is_the_detail() -> None:
    refusal = invalid('{"inner": {}, "many": [{"name": "x"}, {"name": 1, "more": 2}]}')
    assert list(refusal.fields) == ["number", "inner.name", "many.1.name", "many.1.more"]
    assert refusal.fields["number"] == ["is required"]
    assert refusal.fields["many.1.more"] == ["is not a known member"]
    assert refusal.detail == "number: is required (and 3 more)"


@pytest.mark.parametrize(
    ("title", "reason"),
    [("", "String should have at least 1 character"), ("abcdef", "String should have at most 5 characters")],
)
def test_a_text_of_the_wrong_length_is_called_a_string(title: str, reason: str) -> None:
    assert invalid(json.dumps({"number": 1, "title": title})).fields == {"title": [reason]}


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ("{", "The body is not valid JSON."),
        ("", "The body is not valid JSON."),
        ("[]", "The body must be a JSON object."),
        ("null", "The body must be a JSON object."),
    ],
)
def test_a_body_that_is_no_object_has_no_field_errors(raw: str, detail: str) -> None:
    refusal = invalid(raw)
    assert (refusal.detail, refusal.fields) == (detail, {})


def test_a_long_key_of_the_clients_own_is_cut() -> None:
    (path,) = invalid(json.dumps({"number": 1, "by_name": {"x" * 5000: "text"}})).fields
    assert len(path) == 200


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=3))
def test_a_reason_never_repeats_a_value_of_the_input(secret: str) -> None:
    body = {"number": secret, "inner": {"name": [secret]}, "many": secret, "by_name": {"a": secret}}
    refusal = invalid(json.dumps(body))
    assert len(refusal.fields) == 4
    assert secret not in refusal.detail + str(refusal.fields)


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, {"action": ["is required"]}),
        ({"action": "shout"}, {"action": ["Input should be 'ping', 'send' or 'resume'"]}),
        ({"action": None}, {"action": ["Input should be 'ping', 'send' or 'resume'"]}),
    ],
)
def test_an_unknown_kind_of_a_union_is_an_error_of_the_member_that_names_it(
    sent: dict[str, Any], fields: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationError) as error:
        ClientFrame.validate_python(sent)
    refusal = to_invalid(error.value, ClientFrame.core_schema)
    assert refusal.fields == fields
    assert refusal.detail == f"action: {fields['action'][0]}"


def test_the_reason_about_a_list_of_the_wrong_length_is_its_bound() -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Annotated[list[int], Field(max_length=1)]).validate_python([1, 2])
    assert to_reason(error.value.errors()[0]) == "List should have at most 1 item"
