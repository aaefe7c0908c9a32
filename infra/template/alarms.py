"""The alarms, and the topic that they are sent to."""

import re
from collections.abc import Iterable
from typing import Any

from chalicelib.core.domain import measures
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from chalicelib.parallel import chunks
from infra import queues, tables
from infra.template import concurrency, metrics
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.metrics import Metric
from infra.template.names import Resources, has, pascal, ref, resource, sub

TOPIC = "AlarmTopic"
# The operation whose latency has an alarm.
PUBLISH = "publish_event"

_FIVE_MINUTES = 300
_SLOW_PUBLISH_MILLISECONDS = 2000
# A message whose batch failed once or twice is this old, in visibility timeouts, when it is received again.
_FAILED_BATCHES = 2
_ERROR_RATE = 0.01
# CloudWatch's limit of series in an alarm's expression.
_SERIES = 10


def alarms(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the topic, its subscription and every alarm."""
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
            f"{queue.name}-dead-letters",
            f"Messages of {queue.name} are in the dead-letter queue.",
            dead,
            threshold=1,
            topic=definition.topic,
        )
        age = metrics.of_queue(queue, "ApproximateAgeOfOldestMessage")
        made[f"{pascal(queue.name)}AgeAlarm"] = _alarm(
            f"{queue.name}-age",
            f"Messages wait longer in {queue.name} than after {_FAILED_BATCHES} failed attempts.",
            age,
            threshold=_FAILED_BATCHES * definition.visibility_timeout + _FIVE_MINUTES,
            topic=definition.topic,
        )
    return made


def _gateway_alarms() -> Resources:
    errors = metrics.of_rest_api("5XXError", "Average")
    return {
        "ServerErrorAlarm": _alarm(
            "server-errors",
            "One percent of requests fail with a server error.",
            errors,
            threshold=_ERROR_RATE,
            periods=3,
        ),
        "SocketErrorAlarm": _alarm(
            "socket-errors",
            "Functions of the WebSocket API fail.",
            metrics.of_sockets("IntegrationError"),
            threshold=5,
        ),
    }


def _table_alarms() -> Resources:
    names = ("ReadThrottleEvents", "WriteThrottleEvents")
    series = [metrics.of_table(each.table, name) for each in tables.DEFINITIONS for name in names]
    of_indexes = [
        metrics.of_index(each.table, index.name, name)
        for each in tables.DEFINITIONS
        for index in each.indexes
        if not index.is_local
        for name in names
    ]
    full = metrics.all_of_desk(measures.FULL_LISTS)
    return {
        **_sum_alarms("TablesThrottled", "Tables throttle requests.", series),
        # Writes to a table wait for its indexes, and reads of an index are counted nowhere else.
        **_sum_alarms("IndexesThrottled", "Indexes throttle requests.", of_indexes),
        "ListsFullAlarm": _sum_alarm("lists-full", "A person's list has no more room, and refuses more.", full),
    }


def _function_alarms(entry_points: list[EntryPoint]) -> Resources:
    made: Resources = {}
    for each in entry_points:
        slow = metrics.of_function(each.name, "Duration", "p99")
        if isinstance(each.source, Consumer):
            # A worker that reaches its timeout is ended in the middle of a batch.
            limit = each.timeout * 1000 * 0.8
            made[f"{pascal(each.name)}SlowAlarm"] = _alarm(
                f"{each.name}-slow",
                f"{each.name} takes more than 80% of its timeout.",
                slow,
                threshold=limit,
                periods=3,
                topic=queue_definition(each.source).topic,
            )
        elif each.name == PUBLISH:
            made[f"{pascal(each.name)}SlowAlarm"] = _alarm(
                f"{each.name}-slow",
                "Publishing an event takes more than two seconds (p99).",
                slow,
                threshold=_SLOW_PUBLISH_MILLISECONDS,
                periods=3,
            )
    running = Metric("AWS/Lambda", "ConcurrentExecutions", (), "Maximum")
    made["AccountConcurrencyAlarm"] = _alarm(
        "concurrency",
        "Functions of the account use most of its concurrency.",
        running,
        threshold=ref(concurrency.ALARM_PARAMETER),
    )
    throttled = Metric("AWS/Lambda", "Throttles", ())
    made["FunctionsThrottledAlarm"] = _alarm(
        "functions-throttled", "Functions of the account are throttled.", throttled, threshold=1
    )
    runs = [metrics.of_function(each.name, "Errors") for each in entry_points if isinstance(each.source, Schedule)]
    return made | _sum_alarms("SchedulesFail", "Schedules fail.", runs)


def _sum_alarms(name: str, description: str, series: list[Metric]) -> Resources:
    label = re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()
    return {
        f"{name}Alarm{number}": _sum_alarm(f"{label}-{number}", description, some)
        for number, some in enumerate(chunks(series, _SERIES), 1)
    }


def _alarm(
    name: str, description: str, metric: Metric, *, threshold: Any, periods: int = 1, topic: str = ""
) -> dict[str, Any]:
    """Return an alarm. With a `topic`, it is left out while this parameter is empty, since it is paid for."""
    measured = {**metric.as_alarm(), "Period": _FIVE_MINUTES}
    made = _alarm_resource(name, description, measured, threshold=threshold, periods=periods)
    return made | ({"Condition": has(topic)} if topic else {})


def _sum_alarm(name: str, description: str, series: list[Metric]) -> dict[str, Any]:
    queries = [each.as_query(f"m{number}", _FIVE_MINUTES) for number, each in enumerate(series)]
    total = {"Id": "total", "Expression": "SUM(METRICS())", "Label": name, "ReturnData": True}
    return _alarm_resource(name, description, {"Metrics": [total, *queries]}, threshold=1, periods=1)


def _alarm_resource(
    name: str, description: str, measured: dict[str, Any], *, threshold: Any, periods: int
) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": sub(f"${{Prefix}}-{name}"),
            "AlarmDescription": description,
            **measured,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            # No data means that nothing happened.
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
            "OKActions": [ref(TOPIC)],
        },
    )
