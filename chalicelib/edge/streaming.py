"""Replies that a host sends piece by piece, such as event streams.

API Gateway passes a function's reply on when it is complete. A host that can do better says so in the request context
of the event, as `streamSeconds`: how long it keeps a reply open, or 0 while it holds as many as it can. Then it finds
the pieces under `pieces` in the reply, sends each as it comes, and closes them at the end. A piece that is no text is
a pause: the host waits as it says before it reads on, and needs no thread meanwhile.
"""

import json
import logging
import time
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.fields import timestamp

if TYPE_CHECKING:
    from chalicelib.chat.domain.streams import Pause

log = logging.getLogger("fluxden")

EVENT_STREAM = "text/event-stream"
STREAM_SECONDS, PIECES = "streamSeconds", "pieces"
# For the client and for proxies, which may hold pieces back.
NOT_BUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
# How often the caller of an open reply is authenticated again.
CHECK_SECONDS = 30
# An EventSource comes back by itself only after 200, so these are sent to it as events.
_TEMPORARY = frozenset({429, 503})
_RETRY_SECONDS = 5

Headers = dict[str, str | list[str]]


class Pieces:
    """The body of a reply that is sent piece by piece. Whatever fails ends it, and `close` ends it early."""

    def __init__(self, pieces: "Generator[str | Pause, int | None]") -> None:
        self._pieces, self._checked, self.close = pieces, time.time(), pieces.close
        self.check: Callable[[], object] = lambda: None

    def read(self, retry_milliseconds: int | None = None) -> "str | Pause | None":
        """Return the next text to send or pause, and authenticate the caller from time to time; None after the end.

        With `retry_milliseconds`, only after a pause, the reply ends, and tells its client to come back after so long.
        """
        try:
            if time.time() - self._checked >= CHECK_SECONDS:
                self.check()
                self._checked = time.time()
            return self._pieces.send(retry_milliseconds)
        except StopIteration:
            pass
        except Refusal as refusal:
            log.info("stream_ended", extra={"code": refusal.code})
        except Exception:
            log.exception("an open reply has ended")
        self.close()
        return None


class StreamedResponse(Response):
    """A response whose body is sent piece by piece."""

    def __init__(self, pieces: Pieces, headers: Mapping[str, Any], status: int) -> None:
        super().__init__("", dict(headers), status)
        self.pieces = pieces

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        rendered: dict[str, Any] = super().to_dict(binary_types)
        return rendered | {PIECES: self.pieces}


class RefusedStream(Response):
    """A refusal as an event stream: its status is 200, and `refused_status` is what other clients get."""

    def __init__(self, text: str, headers: Headers, refused_status: int) -> None:
        super().__init__(text, headers, 200)
        self.refused_status = refused_status


def stream_seconds(http: Request) -> int | None:
    """Return how long the host can keep the reply open; None behind a gateway that waits for its end."""
    seconds: int | None = http.context.get(STREAM_SECONDS)
    return seconds


def is_refused_as_stream(media_type: str, accept: str, status: int) -> bool:
    """Return whether a refusal is sent as an event stream.

    Browsers end an EventSource for good at any other status than 200. Clients that don't ask for an event stream by
    name, such as programs with a retry of their own, get the status.
    """
    asked = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    return media_type == EVENT_STREAM and status in _TEMPORARY and EVENT_STREAM in asked


def refused_stream(
    refusal: Refusal | None, status: int, headers: Headers, last_event_id: str, now: datetime
) -> RefusedStream:
    """Render a refusal as an event stream that tells its client when to come back.

    It has no `id:` line, so the client keeps the id after which it resumes.
    """
    seconds = (refusal.retry_after if refusal else None) or _RETRY_SECONDS
    resumes = {"id": last_event_id} if last_event_id.isascii() and last_event_id.isdigit() else {}
    data = resumes | {
        "type": "error",
        "timestamp": timestamp(now),
        "error": refusal.detail if refusal else "An internal error occurred.",
        "code": refusal.code if refusal else "internal-error",
        "status": status,
    }
    text = f"retry: {seconds * 1000}\n\nevent: error\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
    return RefusedStream(text, headers | NOT_BUFFERED | {"Retry-After": str(seconds)}, status)
