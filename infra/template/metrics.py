"""CloudWatch metrics of functions, queues, tables, APIs and the desk itself, for alarms and the dashboard."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from chalicelib.core.domain.measures import Measure
from chalicelib.resources import Queue, Table
from chalicelib.telemetry.metrics import NAMESPACE, SERVICE
from infra.template.names import SOCKET_API, STAGE, sub


@dataclass(frozen=True)
class Metric:
    """One metric. Values of dimensions are texts for `Fn::Sub`."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"
    label: str = ""

    def as_alarm(self) -> dict[str, Any]:
        """Return the properties of an alarm on this metric."""
        statistic = "ExtendedStatistic" if self.statistic.startswith("p") else "Statistic"
        return {**self._named(), statistic: self.statistic}

    def as_query(self, query_id: str, period: int) -> dict[str, Any]:
        """Return a query for an alarm on an expression over several metrics."""
        stat = {"Metric": self._named(), "Period": period, "Stat": self.statistic}
        return {"Id": query_id, "MetricStat": stat, "ReturnData": False}

    def as_line(self) -> list[Any]:
        """Return a line of a dashboard widget."""
        flat = [part for pair in self.dimensions for part in pair]
        return [self.namespace, self.name, *flat, {"stat": self.statistic, "label": self.label or self.name}]

    def _named(self) -> dict[str, Any]:
        dimensions = [{"Name": name, "Value": sub(value) if "$" in value else value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}


def of_desk(measure: Measure, statistic: str = "Sum", label: str = "", **dimensions: str) -> Metric:
    """Return one series of what the functions themselves measure."""
    named = tuple((name, dimensions[name]) for name, _ in measure.dimensions)
    return Metric(
        NAMESPACE, measure.name, (*named, (SERVICE, "${Prefix}")), statistic, label or " ".join(dimensions.values())
    )


def all_of_desk(measure: Measure, statistic: str = "Sum", **functions: Iterable[str]) -> list[Metric]:
    """Return a series for each combination of values. `functions` has the values of dimensions that name functions."""
    names = [name for name, _ in measure.dimensions]
    values = [declared or tuple(functions[name]) for name, declared in measure.dimensions]
    return [
        of_desk(measure, statistic, **dict(zip(names, combination, strict=True))) for combination in product(*values)
    ]


def of_function(function: str, name: str, statistic: str = "Sum", label: str = "") -> Metric:
    return Metric("AWS/Lambda", name, (("FunctionName", f"${{Prefix}}-{function}"),), statistic, label or function)


def of_queue(queue: Queue, name: str, statistic: str = "Maximum", label: str = "") -> Metric:
    return Metric("AWS/SQS", name, (("QueueName", f"${{Prefix}}-{queue.name}"),), statistic, label or queue.name)


def of_table(table: Table, name: str) -> Metric:
    return Metric("AWS/DynamoDB", name, (("TableName", f"${{Prefix}}-{table.name}"),), "Sum", table.name)


def of_index(table: Table, index: str, name: str) -> Metric:
    dimensions = (("TableName", f"${{Prefix}}-{table.name}"), ("GlobalSecondaryIndexName", index))
    return Metric("AWS/DynamoDB", name, dimensions, "Sum", f"{table.name}/{index}")


def of_rest_api(name: str, statistic: str = "Sum", label: str = "") -> Metric:
    return Metric("AWS/ApiGateway", name, (("ApiName", "${Prefix}"), ("Stage", STAGE)), statistic, label)


def of_sockets(name: str, statistic: str = "Sum", label: str = "") -> Metric:
    dimensions = (("ApiId", f"${{{SOCKET_API}}}"), ("Stage", STAGE))
    return Metric("AWS/ApiGateway", name, dimensions, statistic, label)
