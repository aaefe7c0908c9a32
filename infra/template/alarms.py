"""When somebody should look: alarms, and the topic that tells of them."""

from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from chalicelib.parallel import chunks
from infra import queues, tables
from infra.template import metrics
from infra.template.entry_points import EntryPoint
from infra.template.metrics import Metric
from infra.template.names import Resources, pascal, ref, resource, sub

TOPIC = "AlarmTopic"
# The operation that others wait for.
PUBLISH = "publish_event"

_FIVE_MINUTES = 300
_SLOW_PUBLISH_MILLISECONDS = 2000
_OLD_MESSAGE_SECONDS = 300
_ERROR_RATE = 0.01
# An alarm's expression has at most so many series.
_SERIES = 10


def alarms(entry_points: Iterable[EntryPoint]) -> Resources:
    """The topic, who is told, and every alarm."""
    found = list(entry_points)
    return _alarm_topic() | _queue_alarms() | _gateway_alarms() | _table_alarms() | _function_alarms(found)


def _alarm_topic() -> Resources:
    return {
        TOPIC: resource("AWS::SNS::Topic", {"TopicName": sub("${Prefix}-alarms")}),
        "AlarmSubscription": resource(
            "AWS::SNS::Subscription",
            {"TopicArn": ref(TOPIC), "Protocol": "email", "Endpoint": ref("AlarmEmail")},
            Condition="HasAlarmEmail",
        ),
    }


def _queue_alarms() -> Resources:
    made: Resources = {}
    for definition in queues.DEFINITIONS:
        queue = definition.queue
        dead = metrics.of_queue(queue.dead_letters, "ApproximateNumberOfMessagesVisible")
        made[f"{pascal(queue.name)}DeadAlarm"] = _alarm(
            f"{queue.name}-dead-letters", f"Messages of {queue.name} were given up.", dead, threshold=1
        )
        age = metrics.of_queue(queue, "ApproximateAgeOfOldestMessage")
        made[f"{pascal(queue.name)}AgeAlarm"] = _alarm(
            f"{queue.name}-age", f"The worker of {queue.name} does not keep up.", age, threshold=_OLD_MESSAGE_SECONDS
        )
    return made


def _gateway_alarms() -> Resources:
    errors = metrics.of_rest_api("5XXError", "Average")
    return {
        "ServerErrorAlarm": _alarm(
            "server-errors", "One request in a hundred fails on our side.", errors, threshold=_ERROR_RATE, periods=3
        ),
        "SocketErrorAlarm": _alarm(
            "socket-errors",
            "Functions behind the WebSocket API fail.",
            metrics.of_sockets("IntegrationError"),
            threshold=5,
        ),
    }


def _table_alarms() -> Resources:
    series = [
        metrics.of_table(definition.table, name)
        for definition in tables.DEFINITIONS
        for name in ("ReadThrottleEvents", "WriteThrottleEvents")
    ]
    return {
        f"TablesThrottledAlarm{number}": _sum_alarm(f"tables-throttled-{number}", "Tables turn calls away.", some)
        for number, some in enumerate(chunks(series, _SERIES), 1)
    }


def _function_alarms(entry_points: list[EntryPoint]) -> Resources:
    made: Resources = {}
    for each in entry_points:
        slow = metrics.of_function(each.name, "Duration", "p99")
        if isinstance(each.source, Consumer):
            # It is about to be ended in the middle of its work.
            limit = each.timeout * 1000 * 0.8
            made[f"{pascal(each.name)}SlowAlarm"] = _alarm(
                f"{each.name}-slow", f"{each.name} takes almost all its time.", slow, threshold=limit, periods=3
            )
        elif each.name == PUBLISH:
            made[f"{pascal(each.name)}SlowAlarm"] = _alarm(
                f"{each.name}-slow", "Publishing is slow.", slow, threshold=_SLOW_PUBLISH_MILLISECONDS, periods=3
            )
    throttled = Metric("AWS/Lambda", "Throttles", ())
    made["FunctionsThrottledAlarm"] = _alarm(
        "functions-throttled", "The account's functions are at their limit of concurrency.", throttled, threshold=1
    )
    runs = [metrics.of_function(each.name, "Errors") for each in entry_points if isinstance(each.source, Schedule)]
    for number, some in enumerate(chunks(runs, _SERIES), 1):
        made[f"SchedulesFailAlarm{number}"] = _sum_alarm(f"schedules-fail-{number}", "Scheduled work fails.", some)
    return made


def _alarm(name: str, why: str, metric: Metric, *, threshold: float, periods: int = 1) -> dict[str, Any]:
    return _alarm_resource(
        name, why, {**metric.as_alarm(), "Period": _FIVE_MINUTES}, threshold=threshold, periods=periods
    )


def _sum_alarm(name: str, why: str, series: list[Metric]) -> dict[str, Any]:
    queries = [each.as_query(f"m{number}", _FIVE_MINUTES) for number, each in enumerate(series)]
    total = {"Id": "total", "Expression": "SUM(METRICS())", "Label": name, "ReturnData": True}
    return _alarm_resource(name, why, {"Metrics": [total, *queries]}, threshold=1, periods=1)


def _alarm_resource(name: str, why: str, measured: dict[str, Any], *, threshold: float, periods: int) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": sub(f"${{Prefix}}-{name}"),
            "AlarmDescription": why,
            **measured,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            # Nothing happened, or nobody came.
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
            "OKActions": [ref(TOPIC)],
        },
    )
