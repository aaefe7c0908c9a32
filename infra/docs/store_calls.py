"""The table of store calls by operation, from the counts that the tests assert."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib.edge.route import Route
from infra.docs.markdown import code, page, table

# Written by `python -m tests.support.store_call_counts`, asserted by tests/laws/test_store_calls.py.
COUNTS = Path(__file__).parents[2] / "docs" / "reference" / "store-calls.json"

_INTRODUCTION = """\
A store call is one request to DynamoDB or SQS. Requests made at the same time count once in **in sequence**, which is
what a client waits for; **calls** lists every request. Both are counted for one sample request of each operation
(`tests/support/sample_requests.py`), and a test fails when a count changes.

Some requests take more or fewer calls than the sample:

- The first request of a token in a minute takes one more.
- Publishing takes the same number of calls in sequence whether or not somebody listens. It takes one more for an event
  of a project, and two more when a repeat brings an archived delivery back.
- A repeat of an event takes three calls in sequence; with an `Idempotency-Key` it takes four.
- A refused request takes no more than the calls that led to the refusal."""


def read_counts() -> dict[str, Any]:
    counts: dict[str, Any] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return counts


def render(routes: Sequence[Route], counts: Mapping[str, Any]) -> str:
    """Return the page: one table for each group of operations.

    Raises:
        ValueError: An operation has not been counted.
    """
    if missing := sorted({route.__name__ for route in routes} - counts.keys()):
        raise ValueError(f"{COUNTS.name} has no counts of {', '.join(missing)}")
    parts = [_INTRODUCTION]
    for tag in sorted({route.tag for route in routes}):
        rows = [_row(route, counts[route.__name__]) for route in routes if route.tag == tag]
        parts.append(f"## {tag}\n\n" + table(("Operation", "In sequence", "With a key", "Calls"), rows))
    return page("Store calls", *parts)


def _row(route: Route, count: Mapping[str, Any]) -> tuple[str, str, str, str]:
    calls = ", ".join(name if number == 1 else f"{number} × {name}" for name, number in count["calls"].items())
    return code(route.__name__), str(count["steps"]), str(count.get("stepsWithKey", "")), calls or "none"
