"""Log lines and metrics of workers and schedules, by Powertools for AWS Lambda.

They load the library anyway, for batches, and nobody waits for their start.
"""

from collections.abc import Iterable
from functools import cache

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from chalicelib.core.domain.measures import Measured
from chalicelib.resources import prefix
from chalicelib.telemetry import logs
from chalicelib.telemetry.metrics import NAMESPACE, metadata, metric_sets


@cache
def install() -> Logger:
    """Write the lines of this process to standard output from now on."""
    made = Logger(
        service=logs.LOGGER,
        level=logs.level(),
        utc=True,
        use_rfc3339=True,
        serialize_stacktrace=False,
        json_serializer=logs.serialize,
    )
    # The service of a logger is its name in Python; the lines name the desk.
    made.append_keys(service=prefix())
    return made


def emit(measured: Iterable[Measured]) -> None:
    """Write the lines of the metrics to standard output."""
    for each in metric_sets(measured):
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=prefix())
        for dimension in each.dimensions:
            metrics.add_dimension(*dimension)
        for name, about in metadata(each).items():
            metrics.add_metadata(name, about)
        for name, values in each.values.items():
            for value in values:
                metrics.add_metric(name, each.units[name], value)
        metrics.flush_metrics()
