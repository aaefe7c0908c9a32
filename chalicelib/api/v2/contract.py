"""What every operation under /api/v2 shares."""

from dataclasses import replace
from functools import partial

from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import KEY_STATUS, plain_error
from chalicelib.edge.route import route
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, IDEMPOTENCY, TOKENS
from chalicelib.tokens.stores.ledger import DynamoLedger

V2 = Family(plain_error, "application/json", DynamoLedger(), DynamoIdempotency(), KEY_STATUS)

operation = partial(route, family=V2)
# Of those who operate the desk; looking that up takes one store call.
operate = partial(route, family=replace(V2, operators=DynamoDirectory()), tag="operate", operator_only=True)

# Whoever asks whether a payment is valid is told so by refusals too.
PAYMENTS = replace(V2, shape=lambda *about: {"valid": False, **plain_error(*about)})

# Every authenticated operation spends from its caller's budget.
SPEND = TOKENS.can("UpdateItem")
OPERATE = SPEND + DIRECTORY.can("BatchGetItem")
# Operations that accept an idempotency key keep and find their replies.
REMEMBER = IDEMPOTENCY.can("GetItem", "PutItem")
