"""The CloudWatch dashboard."""

import json
from collections.abc import Iterable
from typing import Any

from chalicelib.core.domain import measures
from chalicelib.core.domain.errors import Refusal
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.socket import SocketRoute
from chalicelib.resources import CALLBACKS, NOTICES, OUTBOX_WORK, PEER_NOTICES, SOCKET_WORK, Queue
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
    schedules = [each.name for each in entry_points if isinstance(each.source, Schedule)]
    routes = [each.name for each in entry_points if isinstance(each.source, SocketRoute)]
    codes = sorted({each.code for each in list_refusals()})
    return [
        ("Publishes", metrics.all_of_desk(measures.PUBLISHES)),
        ("Deliveries", metrics.all_of_desk(measures.DELIVERIES)),
        (
            "Publishing, milliseconds",
            [metrics.of_function("publish_event", "Duration", each, each) for each in ("p50", "p99")],
        ),
        ("Fan-out lag (p99), milliseconds", metrics.all_of_desk(measures.FAN_OUT_LAG, "p99")),
        ("Pushes", metrics.all_of_desk(measures.PUSHES)),
        ("Reached", metrics.all_of_desk(measures.REACHED)),
        (
            "Sockets",
            [
                *metrics.all_of_desk(measures.SOCKET_EVENTS, route=routes),
                metrics.of_sockets("MessageCount", label="messages"),
                metrics.of_queue(SOCKET_WORK, _SENT, "Sum", "catch-ups"),
            ],
        ),
        ("Callbacks", [*metrics.all_of_desk(measures.CALLBACK_ATTEMPTS), *_queue_series(CALLBACKS)]),
        ("Relays", [*metrics.all_of_desk(measures.RELAYS), *_queue_series(OUTBOX_WORK)]),
        (
            "Notices",
            [*metrics.all_of_desk(measures.NOTICE_ATTEMPTS), *_queue_series(NOTICES), *_queue_series(PEER_NOTICES)],
        ),
        ("Bounds that people met", metrics.all_of_desk(measures.BOUNDS_MET)),
        ("Lists without room", metrics.all_of_desk(measures.FULL_LISTS)),
        ("Refusals", metrics.all_of_desk(measures.REFUSALS, code=codes)),
        (
            "Errors",
            [
                *metrics.all_of_desk(measures.FAULTS),
                metrics.of_rest_api("5XXError", label="HTTP, ours"),
                metrics.of_rest_api("4XXError", label="HTTP, theirs"),
                metrics.of_sockets("IntegrationError", label="sockets"),
            ],
        ),
        ("Messages of queues", metrics.all_of_desk(measures.MESSAGES, worker=workers.values())),
        ("Work that schedules found", metrics.all_of_desk(measures.SCHEDULED, schedule=schedules)),
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


def _queue_series(queue: Queue) -> list[Metric]:
    return [
        metrics.of_queue(queue, _WAITING, label=f"{queue.name}: waiting"),
        metrics.of_queue(queue.dead_letters, _WAITING, label=f"{queue.name}: given up"),
    ]


def list_refusals(kind: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Return every kind of refusal that has a code."""
    return [each for direct in kind.__subclasses__() for each in (direct, *list_refusals(direct))]


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
