"""The declaration of an operation: what its signature says about callers, body and replies."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from chalicelib.core.domain.callers import ApiKey, PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Conflict, Forbidden, Inactive, SlugTaken, Unauthorized
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family, Operation, from_stored_reply, without_data
from chalicelib.edge.problem import KEY_STATUS, problem_json
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

pytestmark = pytest.mark.engine("embedded")

FAMILY = Family(problem_json, "application/problem+json", DynamoTokenBudgets(), DynamoIdempotency())


class Body(BaseModel):
    number: int


def declare(function: Any, **more: Any) -> Operation:
    return Operation(function, "POST", "/things", FAMILY, tag="things", **more)


def test_operation_without_a_caller_is_public() -> None:
    def read() -> Body:
        raise NotImplementedError

    declared = declare(read)
    assert (declared.__name__, declared.callers, declared.caller_is_optional) == ("read", (), False)
    assert declared.body is None


def test_kinds_of_caller_are_those_of_the_annotation() -> None:
    def one(caller: ApiKey) -> Body:
        raise NotImplementedError

    def several(caller: PersonalToken | ToolsToken) -> Body:
        raise NotImplementedError

    def optional(caller: ApiKey | None) -> Body:
        raise NotImplementedError

    assert declare(one).callers == (ApiKey,)
    assert declare(several).callers == (PersonalToken, ToolsToken)
    assert declare(optional).callers == (ApiKey,)
    assert [declare(each).caller_is_optional for each in (one, several, optional)] == [False, False, True]


def test_body_with_a_default_may_be_left_out() -> None:
    def required(body: Body) -> Body:
        raise NotImplementedError

    def optional(body: Body | None = None) -> Body:
        raise NotImplementedError

    assert [declare(each).body for each in (required, optional)] == [Body, Body]
    assert [declare(each).body_is_optional for each in (required, optional)] == [False, True]


def test_operation_is_served_under_its_path_and_its_aliases() -> None:
    def read() -> Body:
        raise NotImplementedError

    assert declare(read).paths == ("/things",)
    assert declare(read, aliases=("/objects", "/items")).paths == ("/things", "/objects", "/items")


def test_idempotency_key_is_accepted_only_where_a_reply_can_be_replayed() -> None:
    def write(body: Body) -> Body:
        raise NotImplementedError

    assert not declare(write).accepts_idempotency_key
    assert declare(write, replay=Body.model_validate).accepts_idempotency_key
    assert declare(write, replay=without_data).accepts_idempotency_key


def test_refusal_has_the_status_of_its_family_or_of_its_nearest_parent() -> None:
    of_keys = Family(problem_json, "application/json", FAMILY.tokens, FAMILY.replays, KEY_STATUS)
    for kind, status, key_status in (
        (Unauthorized, 401, 401),
        (Inactive, 401, 403),
        (Forbidden, 403, 403),
        (Conflict, 409, 409),
        (SlugTaken, 409, 409),
    ):
        assert (FAMILY.status_of(kind), of_keys.status_of(kind)) == (status, key_status)


@pytest.mark.parametrize("body", [{"id": "1", "title": "Grüße 你好"}, [], None, {"a": {"b": [1, 1.5, True, None]}}])
def test_stored_reply_is_sent_again_with_its_status_and_its_whole_body(body: Any) -> None:
    reply = from_stored_reply({"status": 202, "body": body})
    assert isinstance(reply.body, str)
    assert (reply.status, json.loads(reply.body), dict(reply.headers)) == (202, body, {})
    assert (reply.unspent.units, reply.unspent.deliveries) == (0, 0)
