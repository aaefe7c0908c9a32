"""Wakes open replies when the log that they wait for has grown.

What this process adds to a log wakes its replies at once. What other processes add is found by reading all watched logs
once a second, a hundred with each store call.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from chalicelib.chat.domain.streams import Pause
from chalicelib.live.stores import frames

log = logging.getLogger("fluxden")

POLL_SECONDS = 1.0


class Listener:
    """An open reply. `wake` is called, from any thread, when it has something to read."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.pause: Pause | None = None


class LogWatch:
    """Watches the logs of the replies that are at a pause. It does nothing while there are none."""

    def __init__(self, find_grown: Callable[[Mapping[str, int]], Collection[str]]) -> None:
        self._find_grown = find_grown
        self._changed = threading.Condition()
        self._listeners: dict[str, set[Listener]] = {}
        self._is_started = False

    @contextmanager
    def listen(self, wake: Callable[[], None]) -> Iterator[Listener]:
        """Watch for a reply as long as the block lasts. `wake` must not wait."""
        listener = Listener(wake)
        try:
            yield listener
        finally:
            with self._changed:
                self._remove(listener)

    def pause(self, listener: Listener, pause: Pause) -> None:
        """Wake the reply when the log has an entry after the pause's position. Each call replaces the last one."""
        with self._changed:
            if not self._is_started:
                self._is_started = True
                threading.Thread(target=self._run, daemon=True, name="log watch").start()
            if not self._listeners:
                self._changed.notify()
            listener.pause = pause
            self._listeners.setdefault(pause.user_id, set()).add(listener)

    def notify(self, user_id: str) -> None:
        """Wake the replies that wait for this person's log."""
        with self._changed:
            woken = list(self._listeners.get(user_id, ()))
        for each in woken:
            each.wake()

    def poll(self) -> None:
        """Read every watched log once, and wake the replies of those that have grown."""
        with self._changed:
            # Of the one that is furthest behind. The others read once more than they need to.
            positions = {
                user_id: min(each.pause.position for each in held if each.pause)
                for user_id, held in self._listeners.items()
            }
        for user_id in self._find_grown(positions) if positions else ():
            self.notify(user_id)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._listeners)
                self._changed.wait(POLL_SECONDS)
            try:
                self.poll()
            except Exception:
                log.exception("the logs of open replies were not read")

    def _remove(self, listener: Listener) -> None:
        if listener.pause is None:
            return
        held = self._listeners[listener.pause.user_id]
        held.remove(listener)
        if not held:
            del self._listeners[listener.pause.user_id]


watch = LogWatch(lambda positions: frames.DynamoFrames().find_grown(positions))
frames.on_append.append(watch.notify)
