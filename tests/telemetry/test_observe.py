"""Each call of an entry point: one line, its metrics, and the collector of garbage after the first one."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from chalicelib.core.domain.errors import NotFound, RateLimited
from chalicelib.core.domain.measures import DELIVERIES, collect
from chalicelib.telemetry.observe import count_error, observe
from tests.support.api import gateway_event
from tests.support.log_lines import written_lines
from tests.support.started_desk import SHELL


def test_line_comes_last_and_has_what_the_call_found_out_and_how_long_it_took() -> None:
    with written_lines() as written, observe("request", "publish_event", requestId="req_1") as line:
        DELIVERIES.add(outcome="new")
        line["status"] = 202
    log_line, metric_line = written()
    assert {name: log_line[name] for name in ("message", "operation", "requestId", "status", "storeCalls")} == {
        "message": "request",
        "operation": "publish_event",
        "requestId": "req_1",
        "status": 202,
        "storeCalls": 0,
    }
    assert log_line["milliseconds"] >= 0
    assert (metric_line["Deliveries"], metric_line["requestId"]) == ([1.0], "req_1")


def test_call_that_raises_has_its_line_too() -> None:
    with written_lines() as written, pytest.raises(ZeroDivisionError), observe("schedule", "run"):
        raise ZeroDivisionError
    assert [each["operation"] for each in written()] == ["run"]


def test_run_that_found_nothing_to_do_is_not_written() -> None:
    with written_lines() as written, observe("schedule", "run") as line:
        line["done"] = 0
    assert written() == []


def test_refusals_are_counted_by_their_code_and_faults_by_the_kind_of_entry_point() -> None:
    with collect() as collected:
        for error in (NotFound("x"), RateLimited("x", retry_after=1), ValueError("x")):
            count_error("request", error)
    assert [(each.measure.name, dict(each.dimensions)) for each in collected] == [
        ("Refusals", {"code": "not-found"}),
        ("Refusals", {"code": "rate-limited"}),
        ("Faults", {"kind": "request"}),
    ]


_CALL = """
import gc, json, os, sys
import chalicelib.api.v1.introspection as module
enabled = [gc.isenabled()]
module.get_health(json.loads(sys.argv[1]), None)
found = [*enabled, gc.isenabled(), gc.get_freeze_count() > 10_000, gc.get_stats()[2]["collections"]]
print(json.dumps(found), file=sys.stderr)
"""


def test_collector_rests_while_a_function_starts_and_skips_later_what_the_start_has_loaded() -> None:
    """Looking through all that is loaded at a start takes a fifth of it."""
    event = json.dumps(gateway_event("GET", "/api/v1/health", {}, None))

    def run(**more: str) -> Any:
        command = [sys.executable, "-c", _CALL, event]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=SHELL | more)
        return json.loads(done.stderr.splitlines()[-1])

    region = {"AWS_DEFAULT_REGION": "us-east-1"}
    assert run(AWS_LAMBDA_FUNCTION_NAME="fluxden-get_health", **region) == [False, True, True, 0]
    assert run(**region)[:3] == [True, True, False], "a host is not a function"
    assert "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
