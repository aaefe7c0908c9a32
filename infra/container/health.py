"""The health of one process of the container host, by parts, as `/healthz` reports it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.container.http import Application
from infra.container.server import HttpServer
from infra.local.pump import Pump
from infra.local.scheduler import Timer
from infra.local.sockets import Gateway
from infra.local.threads import Threads

# A queue is polled at least every 20 seconds, unless every worker of it is busy; the longest of them runs 15 minutes.
_POLLED_WITHIN, _FINISHED_WITHIN = 60.0, 900.0
# Beyond twice its rate, and the longest run.
_RUN_LATE_BY = 300.0
# How long requests may wait for a thread while none becomes free.
_BEGUN_WITHIN = 30.0
_ENGINE_SECONDS, _ENGINE_CHECKED_FOR = 3.0, 5.0


class EngineCheck:
    """Says whether the engines answer. It asks them every few seconds at most, and once at a time."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        # Of its own, so that busy functions are no reason to call an engine unreachable.
        self._threads = Threads(1, "health")
        self._asked_at, self._reason = -_ENGINE_CHECKED_FOR, ""
        self._running: asyncio.Future[None] | None = None

    async def find_fault(self) -> str:
        """Return why an engine is unreachable; an empty text if both answer."""
        if self._running is None and time.monotonic() - self._asked_at < _ENGINE_CHECKED_FOR:
            return self._reason
        if self._running is None:
            self._running = self._threads.run(self._ask)
        running = self._running
        try:
            await asyncio.wait_for(asyncio.shield(running), _ENGINE_SECONDS)
        except TimeoutError:
            return f"The engines did not answer within {_ENGINE_SECONDS:.0f} seconds."
        except Exception as error:
            self._reason = f"An engine is not reachable: {error}"
        else:
            self._reason = ""
        if self._running is running:
            self._running, self._asked_at = None, time.monotonic()
        return self._reason


@dataclass
class Parts:
    """What a process serves."""

    threads: Threads
    application: Application | None = None
    http: HttpServer | None = None
    sockets: Gateway | None = None
    pumps: Sequence[Pump] = ()
    timers: Sequence[Timer] = ()
    is_draining: bool = False
    faults: list[str] = field(default_factory=list)

    def describe(self, engine_fault: str) -> tuple[bool, dict[str, Any]]:
        """Return whether all is well, and what `/healthz` shows."""
        reasons = [*([engine_fault] if engine_fault else []), *self._find_faults(time.monotonic())]
        about: dict[str, Any] = {"status": "failing" if reasons else "ok", "reasons": reasons}
        about["engine"] = {"reachable": not engine_fault}
        about["threads"] = {"count": self.threads.count, "busy": self.threads.busy, "waiting": self.threads.waiting}
        if self.http and self.application:
            slots = self.application.slots
            streams = {"open": slots.held, "most": slots.count}
            about["http"] = {"connections": self.http.connections, "streams": streams}
        if self.sockets:
            about["sockets"] = {"open": self.sockets.count}
        if self.pumps or self.timers:
            now = time.monotonic()
            about["workers"] = {
                "secondsSincePoll": {each.name: round(now - each.polled_at, 1) for each in self.pumps},
                "secondsSinceRun": {each.schedule.__name__: round(now - each.ran_at, 1) for each in self.timers},
            }
        return not reasons, about

    def _find_faults(self, now: float) -> Iterator[str]:
        if self.is_draining:
            yield "The process is ending."
        yield from self.faults
        if (stalled := self.threads.stalled_for) > _BEGUN_WITHIN:
            yield f"http: functions have waited {stalled:.0f} seconds for a thread."
        if self.sockets and self.sockets.task.done() and not self.is_draining:
            yield "sockets: the gateway has ended."
        for pump in self.pumps:
            if (age := now - pump.polled_at) > (_FINISHED_WITHIN if pump.is_busy else _POLLED_WITHIN):
                yield f"workers: the queue of {pump.name} was last polled {age:.0f} seconds ago."
        for timer in self.timers:
            if (age := now - timer.ran_at) > 2 * timer.seconds + _RUN_LATE_BY:
                yield f"workers: the schedule {timer.schedule.__name__} last ran {age:.0f} seconds ago."
