"""Frames as server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import Iterable

from pydantic import Field

from chalicelib.chat.domain.chat import AgentHeaders
from chalicelib.core.domain.fields import Omittable
from chalicelib.live.domain.frames import Frame

RETRY_MILLISECONDS = 1000


class StreamHeaders(AgentHeaders):
    """Who is listening, and from where on."""

    last_event_id: Omittable[str] = Field(
        None, alias="Last-Event-ID", description="The id of the last event received: continues after it."
    )


def event_stream(frames: Iterable[Frame]) -> str:
    """The frames as an event stream, which tells its client to come back in a second."""
    events = (f"id: {frame.id}\nevent: {frame.event.type.value}\ndata: {frame.text()}\n\n" for frame in frames)
    return f"retry: {RETRY_MILLISECONDS}\n\n" + "".join(events)
