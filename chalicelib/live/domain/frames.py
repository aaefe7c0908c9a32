"""Frames: what open sockets are told, and a person's log of them, from which a client resumes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.live.domain.push import Urgency
from chalicelib.live.domain.sockets import LIFETIME, Socket

# For how long a client that comes back misses nothing. Rows are kept longer: the last one says that somebody may come
# back, and may be as old as the socket that was left.
RESUMABLE_FOR = timedelta(hours=24)
KEPT_FOR = RESUMABLE_FOR + LIFETIME + timedelta(hours=1)

_ID_DIGITS = 16
_POSITIONS_A_DAY = 10**9


class FrameType(StrEnum):
    """The kinds of frames."""

    CONNECTED = "connected"
    HEARTBEAT = "heartbeat"
    ERROR = "error"
    NEW_MESSAGE = "new_message"
    WAKE = "wake"
    QUEUE_CHANGED = "queue_changed"
    SETTINGS_CHANGED = "settings_changed"
    DELIVERY = "delivery"
    DELIVERY_CHANGED = "delivery_changed"
    DELIVERY_RESOLVED = "delivery_resolved"
    DELIVERY_SUPPLEMENTED = "delivery_supplemented"
    ACTION_RESULT = "action_result"


# Which of a key's areas let its sockets see a kind of frame; one of them is enough.
_AREAS = {
    FrameType.NEW_MESSAGE: {"chat"},
    FrameType.WAKE: {"chat", "queue"},
    FrameType.QUEUE_CHANGED: {"queue"},
    FrameType.SETTINGS_CHANGED: {"queue"},
    FrameType.DELIVERY: {"inbox"},
    FrameType.DELIVERY_CHANGED: {"inbox"},
    FrameType.DELIVERY_RESOLVED: {"inbox"},
    FrameType.DELIVERY_SUPPLEMENTED: {"inbox"},
    FrameType.ACTION_RESULT: {"inbox"},
}
# What the inbox shows to those who come later.
_IN_THE_INBOX = frozenset(kind for kind, areas in _AREAS.items() if areas == {"inbox"})
# What a key must open at least one of to have a socket at all.
CONNECTING_AREAS = frozenset(area for areas in _AREAS.values() for area in areas)


@dataclass(frozen=True)
class LiveEvent:
    """An event for a person's open sockets; it becomes a frame when it gets its position in the log.

    With an `urgency` it is pushed to the person's browsers if no socket receives it.
    """

    type: FrameType
    members: Mapping[str, Any] = field(default_factory=dict)
    urgency: Urgency | None = None

    @property
    def is_in_inbox(self) -> bool:
        return self.type in _IN_THE_INBOX

    def is_visible_to(self, areas: frozenset[str]) -> bool:
        """Whether a key with these permissions may see it."""
        return "all" in areas or bool(_AREAS[self.type] & areas)


@dataclass(frozen=True)
class Frame:
    """A frame: its place in the person's log, what it tells, and when it was written there."""

    position: int
    event: LiveEvent
    at: str

    @property
    def id(self) -> str:
        return frame_id(self.position)

    def text(self) -> str:
        """The frame as it is sent, over a socket and as the data of a server-sent event alike."""
        shown = {"id": self.id, "type": self.event.type.value, "timestamp": self.at, **self.event.members}
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class LogEntry:
    """One place in a log: a frame, or none where a socket became live.

    `listeners` are the sockets that the frame's writer pushes it to; who reads it later knows their `names`.
    `kept_until` is in epoch seconds, 0 where that is unknown.
    """

    position: int
    frame: Frame | None
    listeners: Sequence[Socket] = ()
    pushed_to: frozenset[str] = frozenset()
    kept_until: int = 0


@dataclass(frozen=True)
class LogState:
    """The state of a person's log: its last entry (position 0 if it is empty), and the open sockets.

    `browsers` is the number of browsers that receive push messages.
    """

    last: LogEntry
    sockets: Sequence[Socket] = ()
    browsers: int = 0

    @property
    def is_followed(self) -> bool:
        """Whether anybody listens, or may come back with an id of this log."""
        return self.last.position > 0 or bool(self.sockets)

    def has_no_audience(self, *kinds: FrameType) -> bool:
        """Whether nobody listens, may come back for such events, or is to be nudged, and the inbox shows them later."""
        return not self.is_followed and not self.browsers and _IN_THE_INBOX.issuperset(kinds)

    def has_listener_for(self, event: LiveEvent, *, now: datetime) -> bool:
        """Whether there is a socket that `event` would be pushed to, or told by its catch-up in a moment."""
        return any(event.is_visible_to(each.areas) and each.is_expected(now) for each in self.sockets)

    def has_catch_up_for(self, event: LiveEvent, *, now: datetime) -> bool:
        """Whether there is a socket that `event` is told by its catch-up."""
        catching_up = (each for each in self.sockets if not each.live and each.is_expected(now))
        return any(event.is_visible_to(each.areas) for each in catching_up)


def signal_frame(kind: FrameType, position: int, now: datetime, **members: Any) -> Frame:
    """A frame for one socket that no log has: its id is the place up to which the socket has been told."""
    return Frame(position, LiveEvent(kind, members), timestamp(now))


def frame_id(position: int) -> str:
    return f"{position:0{_ID_DIGITS}d}"


def parse_position(text: str) -> int | None:
    """The position that a frame's id names; None when it is no such id."""
    return int(text) if len(text) == _ID_DIGITS and text.isascii() and text.isdigit() else None


def next_position(last: int, *, now: datetime) -> int:
    """Where a log goes on whose last kept frame is at `last`, 0 when none is kept: never before where it was.

    A log that was swept empty starts again at a place that depends on the day alone, so that those who start it
    at the same time meet.
    """
    return last + 1 if last else int(now.timestamp()) // 86_400 * _POSITIONS_A_DAY
