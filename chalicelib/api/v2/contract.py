"""What every operation under /api/v2 shares."""

from functools import partial

from chalicelib.domain.errors import Inactive
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import STATUS, plain_error
from chalicelib.edge.route import route
from chalicelib.resources import TOKENS
from chalicelib.stores.idempotency import DynamoIdempotency
from chalicelib.stores.ledger import DynamoLedger

# A key that was known and has ended is told apart from one that never was.
V2 = Family(plain_error, "application/json", DynamoLedger(), DynamoIdempotency(), STATUS | {Inactive: 403})

operation = partial(route, family=V2)

# Every authenticated operation spends from its caller's budget.
SPEND = TOKENS.can("UpdateItem")
