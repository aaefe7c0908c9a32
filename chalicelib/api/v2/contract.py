"""What every operation under /api/v2 shares."""

from functools import partial

from chalicelib.edge.operation import Family
from chalicelib.edge.problem import plain_error
from chalicelib.edge.route import route
from chalicelib.resources import TOKENS
from chalicelib.stores.idempotency import DynamoIdempotency
from chalicelib.stores.tokens import DynamoTokens

V2 = Family(plain_error, "application/json", DynamoTokens(), DynamoIdempotency())

operation = partial(route, family=V2)

# Every authenticated operation spends from its caller's budget.
SPEND = TOKENS.can("UpdateItem")
