"""Metrics: lines of CloudWatch's embedded metric format, from which CloudWatch makes metrics by itself.

Routes and sockets write them here, workers and schedules with Powertools (see `telemetry.powertools`). Tests compare
the two.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.core.domain.measures import COUNT, Measured
from chalicelib.resources import prefix
from chalicelib.telemetry import logs

NAMESPACE = "Fluxden"
# Of every metric, after its own.
SERVICE = "service"

# What a line of metrics shares with the log lines of its call. Every byte is paid for.
_IDS = (
    "operation",
    "requestId",
    "gatewayRequestId",
    "extendedRequestId",
    "function_request_id",
    "messageId",
    "connectionId",
)
# CloudWatch's limit of values in one line.
_MOST_VALUES = 100


class MetricSet(NamedTuple):
    """Metrics with the same dimensions: their units, and their values."""

    dimensions: tuple[tuple[str, str], ...]
    units: dict[str, str]
    values: dict[str, list[float]]


def metric_sets(measured: Iterable[Measured]) -> Iterator[MetricSet]:
    """Return a set for each combination of dimensions. Counts are added up; other values are listed."""
    found: dict[tuple[tuple[str, str], ...], MetricSet] = {}
    for measure, dimensions, amount in measured:
        made = found.setdefault(dimensions, MetricSet(dimensions, {}, {}))
        made.units[measure.name] = measure.unit
        values = made.values.setdefault(measure.name, [])
        if measure.unit == COUNT and values:
            values[0] += amount
        elif len(values) < _MOST_VALUES - 1:
            values.append(float(amount))
    yield from found.values()


def metadata(of: MetricSet) -> Mapping[str, Any]:
    """Return what else a line of metrics has: the ids of the call."""
    bound, dimensions = logs.bound_fields(), dict(of.dimensions)
    return {name: bound[name] for name in _IDS if name in bound and name not in dimensions}


def to_line(of: MetricSet, *, milliseconds: int) -> dict[str, Any]:
    """Return the line of a set, at this time since the epoch."""
    dimensions = dict(of.dimensions) | {SERVICE: prefix()}
    definitions = [{"Name": name, "Unit": unit} for name, unit in of.units.items()]
    about = {"Namespace": NAMESPACE, "Dimensions": [[*dimensions]], "Metrics": definitions}
    stamp = {"Timestamp": milliseconds, "CloudWatchMetrics": [about]}
    return {"_aws": stamp, **dimensions, **metadata(of), **of.values}


def install() -> None:
    """Write the lines of this process to standard output from now on."""
    logs.install()


def emit(measured: Iterable[Measured]) -> None:
    """Write the lines to where log lines are written, if anywhere."""
    if (output := logs.output_of_metrics()) is not None:
        for each in metric_sets(measured):
            output.write(logs.serialize(to_line(each, milliseconds=int(time.time() * 1000))) + "\n")
        output.flush()
