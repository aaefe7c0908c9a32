"""One process of the container host: its parts in one event loop, from start to drain."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click
from chalice.app import Chalice

from chalicelib.aws import queue_url, sqs
from chalicelib.core.stores.reads import get
from chalicelib.live.gateways.sockets import on_unreachable
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.resources import FAN_OUT, SOCKETS
from infra import catalog
from infra.container import listeners
from infra.container.health import EngineCheck, Parts
from infra.container.hosts import Guard, HostSweeper, Identity
from infra.container.http import Application
from infra.container.management import Management
from infra.container.server import HttpServer, Limits
from infra.host_secret import accepted_hashes
from infra.local import pump, scheduler, sockets
from infra.local.heartbeats import send_heartbeat
from infra.local.management_api import Connections, NoConnections
from infra.local.pump import Pump
from infra.local.scheduler import Timer
from infra.local.socket_link import Limits as SocketLimits
from infra.local.threads import Threads

log = logging.getLogger("fluxden")

_SECONDS_A_MINUTE = 60.0
# What is left of the drain's time for the end of what did not finish.
_ABORT_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What a process serves, where, and how much of it at a time."""

    parts: Sequence[str]
    host: str
    port: int
    ws_port: int
    management_host: str
    management_port: int
    threads: int
    streams: int
    drain_seconds: float
    identity: Identity


class Host:
    """Serves the parts until SIGTERM, then drains them. A second signal ends the process at once."""

    def __init__(self, app: Chalice, options: Options) -> None:
        self._app, self._options = app, options
        self._ending = asyncio.Event()
        self._parts = Parts(Threads(options.threads, "functions"))
        room = listeners.raise_file_limit() // 2
        self._limits = Limits(connections=min(Limits.connections, room))
        self._socket_limits = SocketLimits(connections=min(SocketLimits.connections, room))
        self._engines = EngineCheck(_ask_engines)
        self._tasks: list[asyncio.Task[None]] = []
        self._has_failed = False

    async def run(self) -> None:
        """Serve until a signal comes, and drain. Exits with 1 if a part ends by itself."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end)
        connections = self._start_sockets()
        management = self._start_management(connections)
        self._sweep_hosts()
        self._start_workers()
        self._start_http()
        for task in (*self._tasks, *([self._parts.sockets.task] if self._parts.sockets else [])):
            task.add_done_callback(self._note_end)
        await self._ending.wait()
        await self._drain()
        management.drain()
        management.abort()
        if self._has_failed:
            raise SystemExit(1)

    def _end(self) -> None:
        if self._ending.is_set():
            raise SystemExit(1)
        self._ending.set()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not self._ending.is_set():
            log.error("%s has ended by itself", task.get_name(), exc_info=task.cancelled() or task.exception())
            self._has_failed = True
            self._ending.set()

    def _start_sockets(self) -> Connections:
        if "sockets" not in self._options.parts:
            return NoConnections()
        listener = _listen(self._options.host, self._options.ws_port)
        handlers = dict(catalog.sockets(self._app))
        self._parts.sockets = sockets.Gateway(
            handlers, listener, self._socket_limits, heartbeat=send_heartbeat, threads=self._parts.threads
        )
        click.echo(f"WebSocket  ws://{self._options.host}:{self._options.ws_port}")
        return self._parts.sockets

    def _start_management(self, connections: Connections) -> HttpServer:
        listener = _listen(self._options.management_host, self._options.management_port)
        guard = Guard(self._options.identity, accepted_hashes())
        server = HttpServer(Management(connections, self._find_health, guard), listener, self._limits)
        self._tasks.append(asyncio.create_task(server.run_in_loop(), name="management"))
        return server

    def _sweep_hosts(self) -> None:
        sweeper = HostSweeper(self._options.identity, DynamoSockets())
        on_unreachable.append(sweeper.note_unreachable)
        if "sockets" in self._options.parts:
            sweeper.sweep_earlier()

    def _start_workers(self) -> None:
        if "workers" not in self._options.parts:
            return
        self._parts.pumps = pump.start(catalog.consumers(self._app))
        scheduler.SECONDS_A_MINUTE = _SECONDS_A_MINUTE
        self._parts.timers = scheduler.start(catalog.schedules(self._app))
        click.echo("Workers    all queues and schedules")

    def _start_http(self) -> None:
        if "http" not in self._options.parts:
            return
        listener = _listen(self._options.host, self._options.port)
        application = Application(self._app, self._parts.threads, self._options.streams)
        server = HttpServer(application, listener, self._limits)
        self._parts.application, self._parts.http = application, server
        self._tasks.append(asyncio.create_task(server.run_in_loop(), name="http"))
        click.echo(f"HTTP       http://{self._options.host}:{self._options.port}")

    async def _find_health(self) -> tuple[bool, dict[str, Any]]:
        return self._parts.describe(await self._engines.find_fault())

    async def _drain(self) -> None:
        """End every part within the time of the drain. What other parts push to is ended last."""
        until = time.monotonic() + self._options.drain_seconds - _ABORT_SECONDS
        self._parts.is_draining = True
        ends: list[Coroutine[Any, Any, object]] = []
        if self._parts.application and self._parts.http:
            self._parts.application.drain()
            self._parts.http.drain()
            ends += [_joined(task) for task in self._tasks if task.get_name() == "http"]
        works: list[Pump | Timer] = [*self._parts.pumps, *self._parts.timers]
        for each in works:
            each.stop()
        ends += [_finish(each.finish, until) for each in works]
        if self._parts.sockets:
            ends.append(self._parts.sockets.close())
        done = asyncio.gather(*ends, return_exceptions=True)
        try:
            await asyncio.wait_for(asyncio.shield(done), max(0.0, until - time.monotonic()))
        except TimeoutError:
            log.warning("not everything had ended after %s seconds", self._options.drain_seconds)
            if self._parts.http:
                self._parts.http.abort()
            await asyncio.wait([done], timeout=_ABORT_SECONDS)
            if not done.done():
                # The event loop would wait for what its tasks still do.
                _leave()


def _listen(host: str, port: int) -> Any:
    try:
        return listeners.listen(host, port)
    except OSError as error:
        raise click.ClickException(f"Can't listen at {host}:{port}: {error.strerror}.") from error


async def _joined(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


async def _finish(finish: Callable[[float], bool], until: float) -> bool:
    # Each waits in a thread of its own, since those of functions may all be busy.
    threads = Threads(1, "drain")
    try:
        return await threads.run(lambda: finish(until))
    finally:
        threads.stop()


def _leave() -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _ask_engines() -> None:
    get(SOCKETS, {"pk": "HEALTH", "sk": "HEALTH"})
    sqs().get_queue_attributes(QueueUrl=queue_url(FAN_OUT.physical_name), AttributeNames=["QueueArn"])
