"""Metrics in CloudWatch's embedded format: one line for each combination of dimensions."""

import re

from chalicelib.core.domain.measures import DELIVERIES, FAN_OUT_LAG, PUBLISHES, collect
from chalicelib.telemetry import metrics
from chalicelib.telemetry.logs import bind
from tests.support.log_lines import written_lines


def test_counts_are_added_up_and_other_values_are_listed() -> None:
    with written_lines() as written, collect() as collected, bind(operation="fan_out", requestId="req_1"):
        for _ in range(3):
            DELIVERIES.add(outcome="new")
        DELIVERIES.add(outcome="held")
        for value in (10.5, 20):
            FAN_OUT_LAG.add(value, severity="warn")
        metrics.emit(collected)
    lines = written()
    assert [(each.get("Deliveries"), each.get("FanOutLag")) for each in lines] == [
        ([3.0], None),
        ([1.0], None),
        (None, [10.5, 20.0]),
    ]
    stamp = lines[2]["_aws"]
    assert re.fullmatch("[0-9]{13}", str(stamp["Timestamp"]))
    assert stamp["CloudWatchMetrics"] == [
        {
            "Namespace": "Fluxden",
            "Dimensions": [["severity", "service"]],
            "Metrics": [{"Name": "FanOutLag", "Unit": "Milliseconds"}],
        }
    ]
    assert (lines[2]["severity"], lines[2]["service"]) == ("warn", "fluxden")
    assert (lines[2]["operation"], lines[2]["requestId"]) == ("fan_out", "req_1")


def test_line_has_at_most_as_many_values_as_cloudwatch_takes() -> None:
    with collect() as collected:
        for _ in range(150):
            FAN_OUT_LAG.add(1, severity="info")
    (made,) = metrics.metric_sets(collected)
    assert len(made.values["FanOutLag"]) == 99


def test_nothing_is_written_where_no_lines_are() -> None:
    with collect() as collected:
        PUBLISHES.add(kind="event")
    metrics.emit(collected)
