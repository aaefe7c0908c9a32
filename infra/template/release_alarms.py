"""The alarms that end a release while it is deployed: what users, workers and schedules would notice within minutes."""

from collections.abc import Iterable
from typing import Any

from chalicelib.core.domain import measures
from chalicelib.edge.consumer import Consumer
from infra.template import metrics
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.metrics import Metric
from infra.template.names import Resources, has, ref, resource, sub

# Names after the prefix. CloudFormation watches at most five, CodeDeploy ten. The last one is there for all schedules
# anyway; the others are looked at each minute.
RELEASE_ALARMS = ("release-server-errors", "release-faults", "release-workers-fail", "schedules-fail-1")
_MINUTE = 60
_ERROR_RATE = 0.02
_FAULTS = 3


def release_alarms(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the alarms that are only for releases."""
    workers = [each for each in entry_points if isinstance(each.source, Consumer)]
    errors = metrics.of_rest_api("5XXError", "Average")
    return {
        # A function that can't be loaded fails here, before it can measure anything.
        "ReleaseServerErrorsAlarm": _alarm(
            RELEASE_ALARMS[0],
            "Two percent of requests fail with a server error, in two of three minutes.",
            {**errors.as_alarm(), "Period": _MINUTE},
            _ERROR_RATE,
            minutes=3,
        ),
        "ReleaseFaultsAlarm": _alarm(
            RELEASE_ALARMS[1], "Functions fail.", _sum(metrics.all_of_desk(measures.FAULTS)), _FAULTS
        ),
        "ReleaseWorkersFailAlarm": _alarm(
            RELEASE_ALARMS[2],
            "Workers end before they could answer.",
            _sum_of_workers(workers),
            _FAULTS,
        ),
    }


def _sum(series: list[Metric]) -> dict[str, Any]:
    queries = [each.as_query(f"m{number}", _MINUTE) for number, each in enumerate(series)]
    return {"Metrics": [{"Id": "total", "Expression": "SUM(METRICS())", "ReturnData": True}, *queries]}


def _sum_of_workers(workers: list[EntryPoint]) -> dict[str, Any]:
    """Return the sum without the workers whose queue is not read: each metric of an alarm is paid for."""
    measured = _sum([metrics.of_function(each.name, "Errors") for each in workers])
    total, *queries = measured["Metrics"]
    topics = [queue_definition(each.source).topic for each in workers if isinstance(each.source, Consumer)]
    read = [
        {"Fn::If": [has(topic), query, ref("AWS::NoValue")]} if topic else query
        for topic, query in zip(topics, queries, strict=True)
    ]
    return {"Metrics": [total, *read]}


def _alarm(name: str, description: str, measured: dict[str, Any], threshold: float, minutes: int = 1) -> dict[str, Any]:
    # Without actions: the alarms of operation tell people. These are for CloudFormation and CodeDeploy.
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": sub(f"${{Prefix}}-{name}"),
            "AlarmDescription": description,
            **measured,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": minutes,
            "DatapointsToAlarm": max(1, minutes - 1),
            "TreatMissingData": "notBreaching",
        },
    )
