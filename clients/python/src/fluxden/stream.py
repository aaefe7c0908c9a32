"""Live events of a person, over a stream that is resumed where it ended."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fluxden.errors import ConnectionFailedError, RateLimitedError, UnavailableError
from fluxden.retries import RetryPolicy
from fluxden.transport import Transport

PATH = "/api/v2/shared-chat/stream"
# A host sends a heartbeat every 30 seconds, and a function ends its reply within 25.
_SILENCE = 75.0
# A stream that is refused says so in an event `error`, and when to come back in `retry`.
_SIGNALS = {"connected", "heartbeat", "error"}


@dataclass
class ServerSentEvents:
    """Reads the lines of an event stream (WHATWG HTML, 9.2).

    `last_id` is the last id, and `retry` the seconds that the server wants a client to wait before it comes back.
    """

    last_id: str = ""
    retry: float = 1.0
    _type: str = field(default="", init=False)
    _data: list[str] = field(default_factory=list, init=False)
    _id: str | None = field(default=None, init=False)

    def read(self, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
        """Return type and data of each event that is whole. What a broken connection began is dropped."""
        self._type, self._data, self._id = "", [], None
        for line in lines:
            if line:
                self._take(line)
                continue
            # The id counts once its event was handled, so that a client that fails while it does so gets it again.
            ready = (self._type or "message", "\n".join(self._data)) if self._data else None
            next_id, self._type, self._data, self._id = self._id, "", [], None
            if ready:
                yield ready
            self.last_id = self.last_id if next_id is None else next_id

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry = int(value) / 1000


@dataclass
class LiveEvents:
    """Iterates over a person's live events, and connects again whenever a connection ends.

    Store the `id` of each event that you have handled, and give it to the next process as `after`. "0" asks for
    everything that the desk keeps, and without `after` only new events come. Heartbeats are left out.

    Raises:
        UnauthorizedError, ForbiddenError: the key is unknown, or does not permit this.
        ConnectionFailedError, UnavailableError, RateLimitedError: the desk could not be reached in as many attempts as
            the policy has. One that connects begins to count anew.
    """

    transport: Transport
    after: str = ""
    agent_name: str | None = None
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], None] = time.sleep
    on_connect: Callable[[], None] | None = None
    _source: ServerSentEvents = field(init=False)

    def __post_init__(self) -> None:
        self._source = ServerSentEvents(last_id=self.after)

    @property
    def last_id(self) -> str:
        return self._source.last_id

    def __iter__(self) -> Iterator[dict[str, Any]]:
        failures = 0
        while True:
            try:
                for kind, event in self._read_once():
                    failures = 0
                    if kind not in _SIGNALS:
                        yield event
                self.sleep(self._source.retry)
            except (ConnectionFailedError, RateLimitedError, UnavailableError) as error:
                failures += 1
                wait = self._wait(failures, error)
                if wait is None:
                    raise
                self.sleep(wait)

    def _read_once(self) -> Iterator[tuple[str, dict[str, Any]]]:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        if self.agent_name:
            headers["X-Agent-Name"] = self.agent_name
        with self.transport.open_stream(PATH, headers, _SILENCE) as lines:
            for kind, data in self._source.read(lines):
                if kind == "connected" and self.on_connect:
                    self.on_connect()
                yield kind, json.loads(data)

    def _wait(self, failures: int, error: Exception) -> float | None:
        if isinstance(error, ConnectionFailedError):
            return self.policy.wait_after_failure(failures, was_sent=True, is_repeatable=True)
        assert isinstance(error, RateLimitedError | UnavailableError)
        headers = {} if error.retry_after is None else {"retry-after": error.retry_after}
        return self.policy.wait_after_status(failures, error.status, headers, is_repeatable=True, now=datetime.now(UTC))
