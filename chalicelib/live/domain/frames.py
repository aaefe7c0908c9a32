"""Frames: what open sockets are sent, and the log of each person's frames from which a client resumes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.fields import timestamp
from chalicelib.live.domain.frame_size import to_frame_text
from chalicelib.live.domain.push import Urgency
from chalicelib.live.domain.sockets import Socket

# A client that comes back within this time misses nothing. Rows are kept longer, also than a socket lives after that:
# the last one shows that a client may come back, and it may be as old as the socket that the client left.
RESUMABLE_FOR = timedelta(hours=24)
KEPT_FOR = retention.LIVE_EVENTS.kept

_ID_DIGITS = 16
_MOST_POSTED = 4
# The id of a frame, or 0 for the start of what is kept.
ID_PATTERN = re.compile(r"0|[0-9]{16}", re.ASCII)
_POSITIONS_A_DAY = 10**9


class FrameType(StrEnum):
    """The kinds of frames."""

    CONNECTED = "connected"
    HEARTBEAT = "heartbeat"
    ERROR = "error"
    NEW_MESSAGE = "new_message"
    WAKE = "wake"
    QUEUE_CHANGED = "queue_changed"
    QUEUE_COMMENT = "queue_comment"
    DELEGATION_CHANGED = "delegation_changed"
    SETTINGS_CHANGED = "settings_changed"
    DELIVERY = "delivery"
    DELIVERY_CHANGED = "delivery_changed"
    DELIVERIES_CHANGED = "deliveries_changed"
    DELIVERY_RESOLVED = "delivery_resolved"
    DELIVERY_SUPPLEMENTED = "delivery_supplemented"
    ACTION_RESULT = "action_result"
    BOARD_CHANGED = "board_changed"
    CONTACTS_CHANGED = "contacts_changed"
    PUSH_STOPPED = "push_stopped"
    CHANNEL_PAUSED = "channel_paused"
    KEY_CREATED = "key_created"
    CONNECTION_REQUEST = "connection_request"


# The areas of a key that let its sockets see a type of frame; one of them is enough.
_AREAS = {
    FrameType.NEW_MESSAGE: {"chat"},
    FrameType.WAKE: {"chat", "queue"},
    FrameType.QUEUE_CHANGED: {"queue"},
    FrameType.QUEUE_COMMENT: {"queue"},
    FrameType.DELEGATION_CHANGED: {"queue"},
    FrameType.SETTINGS_CHANGED: {"queue"},
    FrameType.DELIVERY: {"inbox"},
    FrameType.DELIVERY_CHANGED: {"inbox"},
    FrameType.DELIVERIES_CHANGED: {"inbox"},
    FrameType.DELIVERY_RESOLVED: {"inbox"},
    FrameType.DELIVERY_SUPPLEMENTED: {"inbox"},
    FrameType.ACTION_RESULT: {"inbox"},
    FrameType.BOARD_CHANGED: {"kanban"},
    FrameType.CONTACTS_CHANGED: {"contacts"},
    FrameType.PUSH_STOPPED: {"inbox"},
    FrameType.CHANNEL_PAUSED: {"inbox"},
    FrameType.KEY_CREATED: set(),  # only for keys with every permission
    FrameType.CONNECTION_REQUEST: {"chat"},
}
# Types that say only what a list shows later, too: the inbox, the board, the contacts.
_LISTS = ({"inbox"}, {"kanban"}, {"contacts"})
_SHOWN_LATER = frozenset(kind for kind, areas in _AREAS.items() if areas in _LISTS)
# A key needs at least one of these areas to open a socket.
CONNECTING_AREAS = frozenset(("chat", "inbox", "queue"))


class PushOutcome(StrEnum):
    """Whether a person was nudged by a live event.

    `pushed`: a connection took it or is certain to; `pending`: a message to their browsers is queued; `none`: nobody
    is to be told.
    """

    PUSHED = "pushed"
    PENDING = "pending"
    NONE = "none"


@dataclass(frozen=True)
class LiveEvent:
    """An event for a person's open sockets; it becomes a frame when it gets its position in the log.

    With an `urgency` it is pushed to the person's browsers if no socket receives it. Where the person has preferences
    and it is about a delivery, a worker decides how they are reached. `event_kind`, which no frame has, is integrator
    and type of the event that is delivered.
    """

    type: FrameType
    members: Mapping[str, Any] = field(default_factory=dict)
    urgency: Urgency | None = None
    event_kind: tuple[str, str] | None = None

    @property
    def is_shown_later(self) -> bool:
        return self.type in _SHOWN_LATER

    def is_visible_to(self, areas: frozenset[str]) -> bool:
        """Whether a key with these areas may see the event."""
        return "all" in areas or bool(_AREAS[self.type] & areas)


@dataclass(frozen=True)
class Frame:
    """An event with its position in the person's log and the time it was written."""

    position: int
    event: LiveEvent
    at: str

    @property
    def id(self) -> str:
        return frame_id(self.position)

    def text(self) -> str:
        """Return the frame as JSON of at most 32 KB: the text of a socket message, and the data of an event."""
        return to_frame_text({"id": self.id, "type": self.event.type.value, "timestamp": self.at, **self.event.members})


@dataclass(frozen=True)
class LogEntry:
    """One position of a log: a frame, or None where a socket became live, and where replies that stream it end.

    `listeners` are the sockets that the frame is pushed to. A later reader has only their ids, in `pushed_to`. The
    frame's writer posts it to most of them itself, and a worker does to those in `queued_for`. `kept_until` is in epoch
    seconds, 0 if unknown.
    """

    position: int
    frame: Frame | None
    listeners: Sequence[Socket] = ()
    pushed_to: frozenset[str] = frozenset()
    queued_for: frozenset[str] = frozenset()
    kept_until: int = 0
    ends_streams: bool = False


@dataclass(frozen=True)
class LogState:
    """The state of a person's log: its last entry (position 0 if it is empty), and the open sockets.

    `browsers` is the number of browsers that receive push messages. `has_preferences` says that the person has chosen
    how to be reached, or has channels besides their browsers: then a worker decides.
    """

    last: LogEntry
    sockets: Sequence[Socket] = ()
    browsers: int = 0
    has_preferences: bool = False

    @property
    def is_followed(self) -> bool:
        """Whether a client listens, or may come back with an id of this log."""
        return self.last.position > 0 or bool(self.sockets)

    def has_no_audience(self, *kinds: FrameType) -> bool:
        """Whether no client, browser or channel is to be told of such events, because a list shows them later."""
        return not (self.is_followed or self.is_reachable) and _SHOWN_LATER.issuperset(kinds)

    @property
    def is_reachable(self) -> bool:
        """Whether the person may be told of urgent events where they have no client open."""
        return bool(self.browsers) or self.has_preferences

    def listeners_for(self, event: LiveEvent, *, now: datetime) -> list[Socket]:
        """Return the sockets that will receive `event`, pushed or from their catch-up."""
        return [each for each in self.sockets if event.is_visible_to(each.areas) and each.is_expected(now)]

    def has_viewer_for(self, event: LiveEvent, *, now: datetime) -> bool:
        """Whether a person will see `event` at once, in a tab that they look at."""
        return any(each.is_viewed(now) for each in self.listeners_for(event, now=now))

    def expected_outcome(self, event: LiveEvent, *, now: datetime) -> PushOutcome:
        """Return the outcome of telling the person of `event`, if every socket takes it."""
        listeners = self.listeners_for(event, now=now)
        return push_outcome(listeners, has_browsers=bool(self.is_reachable and event.urgency), now=now)


def surplus_listeners(sockets: Sequence[Socket], *, now: datetime) -> frozenset[str]:
    """Return the ids of the sockets that a worker pushes to, so that telling many takes no longer than telling a few.

    The writer itself tells a few: first those that a person looks at, and of these the newest.
    """
    ordered = sorted(sockets, key=lambda each: (not each.is_viewed(now), -each.opened_at, each.connection_id))
    return frozenset(each.connection_id for each in ordered[_MOST_POSTED:])


def push_outcome(taken_by: Sequence[Socket], *, has_browsers: bool, now: datetime) -> PushOutcome:
    """Return the outcome for a person where these sockets take an event, and browsers could be sent a message.

    A socket that nobody looks at, such as an agent's or that of a hidden tab, is no reason to leave the browsers out.
    It counts only where there are none.
    """
    if any(each.is_viewed(now) for each in taken_by):
        return PushOutcome.PUSHED
    if has_browsers:
        return PushOutcome.PENDING
    return PushOutcome.PUSHED if taken_by else PushOutcome.NONE


def signal_frame(kind: FrameType, position: int, now: datetime, **members: Any) -> Frame:
    """Return a frame for one socket, in no log; its id is the position up to which the socket was sent the log."""
    return Frame(position, LiveEvent(kind, members), timestamp(now))


def frame_id(position: int) -> str:
    return f"{position:0{_ID_DIGITS}d}"


def parse_position(text: str) -> int | None:
    """Return the position of a frame id, or None if the text is none. `0` is before every frame."""
    return int(text) if ID_PATTERN.fullmatch(text) else None


def next_position(last: int, *, now: datetime) -> int:
    """Return the position after `last`, the last kept one; 0 if none is kept. Positions never go back.

    A log that was swept empty starts at a position that depends on the day alone, so that concurrent writers start at
    the same one.
    """
    return last + 1 if last else int(now.timestamp()) // 86_400 * _POSITIONS_A_DAY
