"""The CloudWatch dashboard."""

import json
from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.resources import CALLBACKS, FAN_OUT, NOTICES, OUTBOX_WORK, PEER_NOTICES, SOCKET_WORK
from infra import queues, tables
from infra.template import metrics
from infra.template.entry_points import EntryPoint
from infra.template.metrics import Metric
from infra.template.names import Resources, resource, sub

_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 6
_AGE, _WAITING, _SENT = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent"


def dashboard(entry_points: Iterable[EntryPoint]) -> Resources:
    body = {"widgets": [_widget(number, *graph) for number, graph in enumerate(_graphs(list(entry_points)))]}
    properties = {"DashboardName": sub("${Prefix}"), "DashboardBody": sub(json.dumps(body))}
    return {"Dashboard": resource("AWS::CloudWatch::Dashboard", properties)}


def _graphs(entry_points: list[EntryPoint]) -> list[tuple[str, list[Metric]]]:
    workers = {each.source.queue: each.name for each in entry_points if isinstance(each.source, Consumer)}
    publishing = [
        each.name for each in entry_points if isinstance(each.source, Route) and each.name.startswith("publish_")
    ]
    return [
        ("Publishes", [metrics.of_function(name, "Invocations") for name in publishing]),
        (
            "Publishing, milliseconds",
            [metrics.of_function("publish_event", "Duration", each, each) for each in ("p50", "p99")],
        ),
        ("Fan-out lag, seconds", [metrics.of_queue(FAN_OUT, _AGE)]),
        (
            "Sockets: pushes, connections",
            [
                metrics.of_sockets("MessageCount", label="messages"),
                metrics.of_sockets("ConnectCount", label="connections opened"),
                metrics.of_queue(SOCKET_WORK, _SENT, "Sum", "catch-ups"),
            ],
        ),
        ("Callbacks", _queue_series(workers[CALLBACKS], CALLBACKS)),
        ("Relays", _queue_series(workers[OUTBOX_WORK], OUTBOX_WORK)),
        ("Notices", [*_queue_series(workers[NOTICES], NOTICES), *_queue_series(workers[PEER_NOTICES], PEER_NOTICES)]),
        (
            "Errors",
            [
                metrics.of_rest_api("5XXError", label="HTTP, ours"),
                metrics.of_rest_api("4XXError", label="HTTP, theirs"),
                metrics.of_sockets("IntegrationError", label="sockets"),
                *(metrics.of_function(name, "Errors") for name in workers.values()),
            ],
        ),
        ("Dead letters", [metrics.of_queue(each.queue.dead_letters, _WAITING) for each in queues.DEFINITIONS]),
        (
            "Requests, milliseconds",
            [metrics.of_rest_api("Latency", each, each) for each in ("p50", "p99")],
        ),
        ("Age of the oldest message, seconds", [metrics.of_queue(each.queue, _AGE) for each in queues.DEFINITIONS]),
        (
            "Rows written, units",
            [metrics.of_table(each.table, "ConsumedWriteCapacityUnits") for each in tables.DEFINITIONS],
        ),
    ]


def _queue_series(worker: str, queue: Any) -> list[Metric]:
    return [
        metrics.of_function(worker, "Invocations", label=f"{queue.name}: attempts"),
        metrics.of_queue(queue, _WAITING, label=f"{queue.name}: waiting"),
        metrics.of_queue(queue.dead_letters, _WAITING, label=f"{queue.name}: given up"),
    ]


def _widget(number: int, title: str, series: list[Metric]) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": number % _COLUMNS * _WIDTH,
        "y": number // _COLUMNS * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "view": "timeSeries",
            "period": 60,
            "metrics": [each.as_line() for each in series],
        },
    }
