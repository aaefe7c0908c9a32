"""The container host's HTTP server in this process, on a free port."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app import app
from infra.container import listeners
from infra.container.http import Application
from infra.container.server import HttpServer, Limits
from infra.local.threads import Threads
from tests.support.started_desk import HOST


class ServedHost:
    """A server in its own thread. `port` is where it listens."""

    def __init__(self, limits: Limits, threads: int, streams: int, wrap: Callable[[Any], Any]) -> None:
        self.listener = listeners.listen(HOST, 0)
        self.port: int = self.listener.getsockname()[1]
        self.threads = Threads(threads, "served")
        self._loop = asyncio.new_event_loop()
        self._limits, self._streams, self._wrap = limits, streams, wrap
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="served host")
        self._thread.start()
        assert self._started.wait(10)

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    def connect(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection(self.address, timeout=timeout)

    def drain(self) -> None:
        """Begin to drain."""
        self._loop.call_soon_threadsafe(self.application.drain)
        self._loop.call_soon_threadsafe(self.server.drain)

    def join(self, seconds: float = 20) -> bool:
        """Wait for the end; False if it does not come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        self.drain()
        self._loop.call_soon_threadsafe(self.server.abort)
        assert self.join()
        self.threads.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.application = Application(app, self.threads, self._streams)
        self.server = HttpServer(self._wrap(self.application), self.listener, self._limits)
        serving = asyncio.create_task(self.server.run_in_loop())
        while not self.server.started:
            await asyncio.sleep(0)
        self._started.set()
        await serving


@contextmanager
def serve_host(
    limits: Limits | None = None, *, threads: int = 8, streams: int = 100, wrap: Callable[[Any], Any] = lambda app: app
) -> Iterator[ServedHost]:
    """Serve the app during the block. `wrap` may put something before the application."""
    served = ServedHost(limits or Limits(), threads, streams, wrap)
    try:
        yield served
    finally:
        if not served.join(0):
            served.stop()
