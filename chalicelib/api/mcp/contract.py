"""Shared declarations of the MCP endpoint: error shapes, the tool listing and the grants."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib import resources
from chalicelib.api.mcp.protocol import Code, error_reply
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Family
from chalicelib.edge.problem import problem_json
from chalicelib.resources import Grant
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

_LISTING = Path(__file__).parents[2] / "openapi" / "tools.json"


def _rpc_error(refusal: Refusal | None, request_id: str, path: str) -> dict[str, Any]:
    problem = problem_json(refusal, request_id, path)
    return error_reply(None, Code.REFUSED if refusal else Code.INTERNAL_ERROR, problem["detail"], problem)


# Errors of the endpoint have JSON-RPC's shape. Operations called as tools refuse with problem details, which become
# the tool's result.
MCP = Family(_rpc_error, "application/json", DynamoTokenBudgets(), DynamoIdempotency())
TOOLS_FAMILY = Family(problem_json, "application/problem+json", DynamoTokenBudgets(), DynamoIdempotency())


@cache
def listing() -> dict[str, Any]:
    """Return the tools with the callers of each, as generated from the operations at build time."""
    found: dict[str, Any] = json.loads(_LISTING.read_text(encoding="utf-8"))
    return found


def grants() -> tuple[Grant, ...]:
    """Return the grants of all tools together."""
    return tuple(
        Grant(action, getattr(resources, kind)(name), index) for action, kind, name, index in listing()["grants"]
    )
