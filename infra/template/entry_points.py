"""List every entry point of the app that becomes a Lambda function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.socket import SocketRoute
from chalicelib.resources import Grant
from infra import catalog, queues

# Timeout of a schedule.
SCHEDULE_SECONDS = 60
# API Gateway's own timeout.
SOCKET_SECONDS = 29
MEMORY_MEGABYTES = 1024


@dataclass(frozen=True)
class EntryPoint:
    """One function: its declaration, and its timeout (seconds) and memory (MB)."""

    source: Route | Consumer | Schedule | SocketRoute
    timeout: int
    memory: int

    @property
    def name(self) -> str:
        return self.source.__name__

    @property
    def module(self) -> str:
        return self.source.function.__module__

    @property
    def handler(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        return self.source.grants


def list_entry_points(app: Chalice) -> Iterator[EntryPoint]:
    """Return every function of the app."""
    for route in catalog.routes(app):
        yield EntryPoint(route, route.timeout, route.memory)
    for worker in catalog.consumers(app):
        yield EntryPoint(worker, queue_definition(worker).timeout, MEMORY_MEGABYTES)
    for schedule in catalog.schedules(app):
        yield EntryPoint(schedule, SCHEDULE_SECONDS, MEMORY_MEGABYTES)
    for _, socket in catalog.sockets(app):
        found: Any = socket
        yield EntryPoint(found, SOCKET_SECONDS, MEMORY_MEGABYTES)


def queue_definition(worker: Consumer) -> queues.Definition:
    """Return the definition of the worker's queue."""
    return queues.definition_of(worker.queue)
