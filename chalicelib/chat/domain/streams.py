"""Frames as server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from chalicelib.chat.domain.chat import AgentHeaders
from chalicelib.core.domain.fields import Omittable
from chalicelib.live.domain.frames import Frame


@dataclass(frozen=True)
class StreamSlot:
    """One of a person's streams that wait for events. `holder` tells it from an earlier one of the same number.

    `ends_at` is until when it was taken first, in epoch seconds.
    """

    user_id: str
    number: int
    holder: str
    ends_at: int = 0


@dataclass(frozen=True)
class Pause:
    """Stands in an open reply where there is nothing to send.

    Whoever holds the reply goes on after `seconds`, or as soon as the person's log has an entry after `position`.
    """

    seconds: float
    user_id: str
    position: int


class StreamHeaders(AgentHeaders):
    """Who is listening, and from where on."""

    last_event_id: Omittable[str] = Field(
        None,
        alias="Last-Event-ID",
        description="The id of the last event received: continues after it. `0` asks for everything that is kept.",
    )


def retry_text(milliseconds: int) -> str:
    """Return the instruction to come back so long after the end of the reply."""
    return f"retry: {milliseconds}\n\n"


def event_stream(frames: Iterable[Frame]) -> str:
    """Return the frames as events."""
    return "".join(f"id: {frame.id}\n{event_without_id(frame)}" for frame in frames)


def event_without_id(frame: Frame) -> str:
    """Return the frame as an event that leaves the client's last event id as it is."""
    return f"event: {frame.event.type.value}\ndata: {frame.text()}\n\n"
