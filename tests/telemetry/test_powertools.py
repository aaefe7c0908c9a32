"""Routes and sockets write what Powertools would write, which workers and schedules use."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.measures import MEASURES, Measure, collect
from chalicelib.telemetry import logs, metrics, powertools
from chalicelib.telemetry.logs import LineFormatter, bind
from tests.support.log_lines import written_lines


@pytest.fixture(scope="module")
def theirs() -> Iterator[logging.Formatter]:
    """The formatter of the Powertools logger that workers use."""
    logger = logging.getLogger(logs.LOGGER)
    with redirect_stdout(io.StringIO()):
        made = powertools.install()
    handler = made.registered_handler
    assert handler.formatter is not None
    yield handler.formatter
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    for name in ("init", "powertools_handler", "powertools_buffer_config", "powertools_buffer_cache"):
        delattr(logger, name)
    powertools.install.cache_clear()


def record(msg: Any, *args: Any, error: BaseException | None = None, **fields: Any) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.getLogger(logs.LOGGER).makeRecord(
        logs.LOGGER, logging.INFO, "/var/task/x.py", 7, msg, args, exc_info, "handle", fields
    )


def raised() -> ValueError:
    with pytest.raises(ValueError, match="broken") as caught:
        raise ValueError("broken é")
    caught.value.add_note("a note")
    return caught.value


TEXTS = ("", "5", '{"a": 1}', "[1]", '"x"', "true", "nothing", "-", "{broken", "日本 🎉 \u2028", "NaN", "Infinity")
RECORDS = [
    record("request", operation="publish_event", requestId="req_1", status=202, caller=None, milliseconds=1.5),
    record("message %s of %s failed", 1, "fan_out"),
    record("fault in %s", "publish_event", error=raised(), operation="publish_event"),
    record("fault", error=raised(), exception_name="given"),
    *(
        record(each)
        for each in ("", "5", '{"a": 1}', "[1]", '"x"', "true", "nothing", "-", "{broken", "日本 🎉 \u2028")
    ),
    record({"a": 1}),
    record("odd", nan=float("nan"), bytes=b"x", of=object, nested={"set": {1}}, long=10**30),
    record("level", cold_start=True, function_name="f", service="other"),
]


@pytest.mark.parametrize("each", RECORDS, ids=range(len(RECORDS)))
def test_line_is_the_one_that_powertools_writes(each: logging.LogRecord, theirs: logging.Formatter) -> None:
    ours = LineFormatter().format(each)
    assert ours == theirs.format(each)
    assert list(json.loads(ours)) == list(json.loads(theirs.format(each))), "in the same order"


def test_trace_is_in_the_line_as_powertools_writes_it(
    theirs: logging.Formatter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    ours = LineFormatter().format(RECORDS[0])
    assert json.loads(ours)["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert ours == theirs.format(RECORDS[0])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), lambda each: st.lists(each, max_size=3)
)
_NAMES = st.sampled_from(["operation", "status", "caller", "requestId", "messageId", "done", "service", "hub"])


@given(st.text(), st.dictionaries(_NAMES, _JSON, max_size=4))
def test_any_line_is_the_one_that_powertools_writes(
    theirs: logging.Formatter, message: str, fields: dict[str, Any]
) -> None:
    each = record(message, **fields)
    assert LineFormatter().format(each) == theirs.format(each)


def amounts(measure: Measure) -> Iterator[dict[str, str]]:
    for number in range(2):
        yield {name: values[number % len(values)] if values else f"f{number}" for name, values in measure.dimensions}


def test_metrics_are_those_that_powertools_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PREFIX", "fluxden-prod")
    with collect() as collected:
        for measure in MEASURES:
            for each in (*amounts(measure), *amounts(measure)):
                measure.add(2.5, **each)
    # `status` is a field of the call, `operation` may be a dimension as well.
    with bind(operation="fan_out", requestId="req_1", cold_start=False), written_lines() as written:
        metrics.emit(collected)
        with redirect_stdout(io.StringIO()) as printed:
            powertools.emit(collected)
    ours, others = written(), [json.loads(each) for each in printed.getvalue().splitlines()]
    assert len(ours) > len(MEASURES)
    for one, other in zip(ours, others, strict=True):
        assert abs(one["_aws"].pop("Timestamp") - other["_aws"].pop("Timestamp")) < 60_000
        assert one == other
        assert list(one) == list(other), "in the same order"


def test_routes_and_sockets_do_not_load_powertools() -> None:
    code = "import sys, chalicelib.api.v1.events, chalicelib.sockets.desk, chalicelib.telemetry.observe\n"
    code += "print([each for each in sys.modules if each.startswith('aws_lambda_powertools')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
