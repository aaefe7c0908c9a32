"""A client of event streams that reconnects as browsers do (WHATWG HTML, 9.2)."""

import json
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from tests.support.started_desk import HOST

STREAM = "/api/v2/shared-chat/stream"


class EventSource:
    """Listens to the events of a key's owner. `replies` counts the replies, and `retry` is in milliseconds."""

    def __init__(self, port: int, key: str, *, last_event_id: str = "", agent_name: str | None = None) -> None:
        self._port, self._last = port, last_event_id
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        if agent_name is not None:
            self._headers["X-Agent-Name"] = agent_name.encode().decode("latin-1")
        self.replies, self.retry, self.headers = 0, 0, dict[str, str]()

    @property
    def last_event_id(self) -> str:
        return self._last

    def read_reply(self) -> Generator[dict[str, Any]]:
        """Read one reply's events as they come."""
        headers = self._headers | ({"Last-Event-ID": self._last} if self._last else {})
        with closing(HTTPConnection(HOST, self._port, timeout=60)) as connection:
            connection.request("GET", STREAM, headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            self.replies, self.headers = self.replies + 1, {k.lower(): v for k, v in response.getheaders()}
            yield from self._events(response)

    def listen(self) -> Iterator[dict[str, Any]]:
        """Read events, and reconnect after each reply."""
        while True:
            yield from self.read_reply()
            time.sleep(self.retry / 1000)

    def _events(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        fields: dict[str, str] = {}
        while line := response.readline().decode():
            if line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
                continue
            if "retry" in fields:
                self.retry = int(fields["retry"])
            self._last = fields.get("id", self._last)
            if "data" in fields:
                data = json.loads(fields["data"])
                assert data["type"] == fields["event"]
                yield data
            fields = {}
