"""Log lines: one JSON object each, with the fields of the call at the top level."""

import json
import logging
from typing import Any

import pytest

from chalicelib.parallel import gather
from chalicelib.telemetry import logs
from chalicelib.telemetry.logs import LineFormatter, bind, function_fields, gateway_fields
from tests.support.log_lines import read_lines, written_lines

log = logging.getLogger(logs.LOGGER)


class Context:
    function_name, memory_limit_in_mb = "fluxden-publish_event", "1024"
    invoked_function_arn, aws_request_id = "arn:aws:lambda:eu-west-1:1:function:x", "52fdfc07"


def test_fields_stand_beside_the_message_and_not_in_it() -> None:
    with written_lines() as written:
        log.info("request", extra={"operation": "publish_event", "status": 202, "caller": None})
    (line,) = written()
    assert (line["message"], line["operation"], line["status"], line["level"]) == (
        "request",
        "publish_event",
        202,
        "INFO",
    )
    assert "caller" not in line, "what is not known is left out"
    assert line["timestamp"].endswith("+00:00") and line["service"] == "fluxden"


def test_bound_fields_are_in_every_line_of_the_call_and_its_threads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logs.LOGGER)
    with bind(requestId="req_1", gatewayRequestId=None):
        gather(*[lambda: log.info("inside")] * 2)
        with bind(operation="inner"):
            log.info("deeper", extra={"requestId": "its own"})
    log.info("after")
    inside = {"message": "inside", "requestId": "req_1"}
    assert read_lines(caplog) == [
        inside,
        inside,
        {"message": "deeper", "requestId": "its own", "operation": "inner"},
        {"message": "after"},
    ]


def test_ids_of_function_and_gateway_have_their_names() -> None:
    assert function_fields(None) == {}
    function_fields(Context())
    assert function_fields(Context()) == {
        "cold_start": False,
        "function_name": "fluxden-publish_event",
        "function_memory_size": "1024",
        "function_arn": "arn:aws:lambda:eu-west-1:1:function:x",
        "function_request_id": "52fdfc07",
    }
    assert gateway_fields({"requestId": "a", "extendedRequestId": "b"}) == {
        "gatewayRequestId": "a",
        "extendedRequestId": "b",
        "connectionId": None,
    }


@pytest.mark.parametrize("value", [float("nan"), b"\xff", "\ud800", {1, 2}, object, {"a": object()}])
def test_what_json_does_not_have_is_written_as_text(value: Any) -> None:
    record = logging.makeLogRecord({"name": logs.LOGGER, "msg": "x", "value": value})
    assert "value" in json.loads(LineFormatter().format(record))


def test_level_is_that_of_the_functions_logging_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "WARN")
    with written_lines() as written:
        log.info("quiet")
        log.warning("loud")
    assert [each["message"] for each in written()] == ["loud"]


def test_lines_are_written_once_although_lambda_has_a_handler_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with written_lines() as written:
        assert logs.install() is logs.install()
        log.info("once")
    assert len(written()) == 1
    assert caplog.records == [], "nothing reaches the root logger"
