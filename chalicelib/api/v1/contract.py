"""What every fluxdesk-v1 operation shares."""

from functools import partial

from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import problem_json
from chalicelib.edge.route import route
from chalicelib.resources import IDEMPOTENCY, TOKENS
from chalicelib.tokens.stores.ledger import DynamoLedger

V1 = Family(problem_json, "application/problem+json", DynamoLedger(), DynamoIdempotency())

operation = partial(route, family=V1)

# Every authenticated operation spends from its caller's budget.
SPEND = TOKENS.can("UpdateItem")
# Operations that accept an idempotency key keep and find their replies.
REMEMBER = IDEMPOTENCY.can("GetItem", "PutItem")
# Those whose effects do not fit one transaction announce them first.
ANNOUNCE = REMEMBER + IDEMPOTENCY.can("UpdateItem", "DeleteItem")
