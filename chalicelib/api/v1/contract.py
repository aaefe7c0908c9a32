"""Shared declarations of the v1 operations."""

from functools import partial

from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import problem_json
from chalicelib.edge.route import route
from chalicelib.resources import IDEMPOTENCY, TOKENS
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

V1 = Family(problem_json, "application/problem+json", DynamoTokenBudgets(), DynamoIdempotency())

operation = partial(route, family=V1)

# Authenticating a call takes its cost from the caller's rate budget.
SPEND = TOKENS.can("UpdateItem")
# Operations that accept an Idempotency-Key store their replies and look them up.
REMEMBER = IDEMPOTENCY.can("GetItem", "PutItem")
# Operations whose effects exceed one transaction store a marker first.
ANNOUNCE = REMEMBER + IDEMPOTENCY.can("UpdateItem", "DeleteItem")
