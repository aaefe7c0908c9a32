"""What the endpoint and its tools share: how they refuse, and what the tools may do together."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib import resources
from chalicelib.api.mcp.protocol import Code, error
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import problem_json
from chalicelib.resources import Grant
from chalicelib.tokens.stores.ledger import DynamoLedger

_LISTING = Path(__file__).parents[2] / "openapi" / "tools.json"


def _rpc_error(refusal: Refusal | None, request_id: str, path: str) -> dict[str, Any]:
    problem = problem_json(refusal, request_id, path)
    return error(None, Code.REFUSED if refusal else Code.INTERNAL_ERROR, problem["detail"], problem)


# The endpoint refuses as JSON-RPC does. What it calls refuses by problem details: a tool's caller is told these as
# they are, everybody else within an error of JSON-RPC.
MCP = Family(_rpc_error, "application/json", DynamoLedger(), DynamoIdempotency())
TOOLS_FAMILY = Family(problem_json, "application/problem+json", DynamoLedger(), DynamoIdempotency())


@cache
def listing() -> dict[str, Any]:
    """The tools as they are listed and who may call each, made beforehand from the operations."""
    found: dict[str, Any] = json.loads(_LISTING.read_text(encoding="utf-8"))
    return found


def grants() -> tuple[Grant, ...]:
    """What all tools together may do."""
    return tuple(
        Grant(action, getattr(resources, kind)(name), index) for action, kind, name, index in listing()["grants"]
    )
