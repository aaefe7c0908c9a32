"""Shared declarations of the v2 operations."""

from dataclasses import replace
from functools import partial

from chalicelib.core.stores.guesses import DynamoGuesses
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import KEY_STATUS, plain_error
from chalicelib.edge.route import route
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, IDEMPOTENCY, NETWORK, TOKENS
from chalicelib.tokens.services.guarded_budgets import GuardedBudgets
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

V2 = Family(
    plain_error,
    "application/json",
    GuardedBudgets(DynamoTokenBudgets(), DynamoGuesses(), gather),
    DynamoIdempotency(),
    KEY_STATUS,
)

operation = partial(route, family=V2)
# Admin operations. Checking that the caller is an administrator takes one store call.
operate = partial(route, family=replace(V2, operators=DynamoDirectory()), tag="Admin", operator_only=True)

# Errors of a payment check have `valid: false` as well.
PAYMENTS = replace(V2, shape=lambda *about: {"valid": False, **plain_error(*about)})

# Authenticating a call takes its cost from the caller's rate budget.
SPEND = TOKENS.can("UpdateItem")
# Wrong credentials are counted by address and target.
GUESSES = NETWORK.can("BatchGetItem", "PutItem", "UpdateItem")
# Authenticating an instance, whose credentials somebody may guess.
SPEND_OF_INSTANCES = SPEND + GUESSES
OPERATE = SPEND + DIRECTORY.can("BatchGetItem")
# Operations that accept an Idempotency-Key store their replies and look them up.
REMEMBER = IDEMPOTENCY.can("GetItem", "PutItem")
