"""The event stream over plain HTTP."""

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.chat.domain.streams import (
    Pause,
    StreamHeaders,
    StreamSlot,
    event_stream,
    event_without_id,
    retry_text,
)
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.pages import count_fitting
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.live.domain.frames import RESUMABLE_FOR, Frame, FrameType, LogEntry, parse_position, signal_frame
from chalicelib.live.services.ports import Frames

log = logging.getLogger("fluxden")

HEARTBEAT_EVERY = timedelta(seconds=30)
# A person who holds as many streams as they may, or a client of a host that does, comes back after so long.
RETRY_WHEN_FULL = 10_000
# A slot is free so long after its stream was stopped without an end.
_HELD_FOR = 2 * HEARTBEAT_EVERY
# What an open reply yields: texts to send, and pauses. Sent a number at a pause, it ends, and its client comes back
# after so many milliseconds.
Pieces = Generator[str | Pause, int | None]
_BACKLOG = 100
# How often a function that waits for its reply's end reads the log.
_POLL_SECONDS = 0.25
# A client may come back a day after the end of its reply. Until then only its log shows that it listens.
_FOLLOWED_FOR = RESUMABLE_FOR + timedelta(minutes=5)


class StreamSlots(Protocol):
    """Bounds the streams that a person holds open."""

    def take(self, user_id: str, *, until: datetime, now: datetime) -> StreamSlot | None: ...
    def renew(self, slot: StreamSlot, *, until: datetime) -> bool: ...
    def give_back(self, slot: StreamSlot) -> None: ...


@dataclass(frozen=True)
class Wait:
    """How long a reply waits for events.

    A reply that `stays_open` is sent piece by piece, and goes on after an event. Another ends with the first events, or
    with a heartbeat after so many seconds; and at once for a first connection. `retry_milliseconds` is when the client
    comes back after the end.
    """

    seconds: float
    stays_open: bool = False
    retry_milliseconds: int = 1000


@dataclass(frozen=True)
class EventStream:
    """Streams a person's log to one client of theirs."""

    owner: ApiKey
    wait: Wait
    clock: Callable[[], datetime]
    frames: Frames
    slots: StreamSlots

    def open(self, headers: StreamHeaders, client_id: str) -> Pieces:
        """Return the stream in pieces: `connected`, then the events after `Last-Event-ID`, or new ones without it.

        A stream that waits takes one of the person's slots; if none is free, it ends. Store calls after authentication:
        1 for a first connection that ends at once; else 2, and 1 more after each pause, 2 for its slot, and 1 with each
        heartbeat. 1 more every few hours without an event.
        """
        now = self.clock()
        last = self.frames.find_log_state(self.owner.user_id, now=now).last
        self._follow(last, now)
        asked = parse_position(headers.last_event_id or "")
        # An id beyond the log's end belongs to a log that was swept since, or is made up.
        after = last.position if asked is None else min(asked, last.position)
        name = headers.agent_name or self.owner.name
        connected = signal_frame(FrameType.CONNECTED, after, now, clientId=client_id, agentName=name)
        opening = event_stream([connected]) if asked is None else event_without_id(connected)
        opening = retry_text(self.wait.retry_milliseconds) + opening
        return self._pieces(opening, after, now) if asked is not None or self.wait.stays_open else _one_piece(opening)

    def _pieces(self, opening: str, after: int, started: datetime) -> Pieces:
        until, beat_at = started + timedelta(seconds=self.wait.seconds), started + HEARTBEAT_EVERY
        slot: StreamSlot | None = None
        went_on = False
        try:
            if self.wait.stays_open:
                # Before `connected`, so that a client that reads it is counted.
                slot = self.slots.take(self.owner.user_id, until=started + _HELD_FOR, now=started)
            yield opening
            while True:
                entries = self.frames.list_after(self.owner.user_id, after, limit=_BACKLOG, now=self.clock())
                if went_on and (ends := _end_of(entries)):
                    yield self._last_piece(entries, ends)
                    return
                if found := _fitting(_visible(entries, self.owner)):
                    yield event_stream(found)
                    if not self.wait.stays_open:
                        return
                after = _read_up_to(found, entries, after)
                now = self.clock()
                if now >= until or now >= beat_at:
                    yield _heartbeat(after, now)
                    beat_at = now + HEARTBEAT_EVERY
                    if now >= until or (slot and not self.slots.renew(slot, until=now + _HELD_FOR)):
                        return
                went_on = True
                if not entries:
                    slot = slot or self.slots.take(self.owner.user_id, until=now + _HELD_FOR, now=now)
                    pause = Pause((min(until, beat_at) - now).total_seconds(), self.owner.user_id, after)
                    retry_milliseconds = (yield pause) if slot else RETRY_WHEN_FULL
                    if retry_milliseconds is not None:
                        yield retry_text(retry_milliseconds) + _heartbeat(after, self.clock())
                        return
        finally:
            self._give_back(slot)

    def _last_piece(self, entries: Sequence[LogEntry], ends: LogEntry) -> str:
        """Return what precedes the entry that ends the reply. Its client authenticates again, and goes on after it."""
        shown = _visible([each for each in entries if each.position < ends.position], self.owner)
        found = _fitting(shown)
        return event_stream(found) + (_heartbeat(ends.position, self.clock()) if len(found) == len(shown) else "")

    def _give_back(self, slot: StreamSlot | None) -> None:
        if slot is None:
            return
        try:
            self.slots.give_back(slot)
        except Exception:
            log.exception("a stream slot of %s is held until it expires", person_ref(slot.user_id))

    def _follow(self, last: LogEntry, now: datetime) -> None:
        if last.kept_until < (now + _FOLLOWED_FOR).timestamp():
            self.frames.begin(self.owner.user_id, after=last.position, now=now)


def read_to_end(pieces: Iterable[str | Pause], sleep: Callable[[float], None]) -> str:
    """Return the whole text of a stream, and wait at its pauses."""
    texts = list[str]()
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(piece)
        else:
            sleep(min(piece.seconds, _POLL_SECONDS))
    return "".join(texts)


def _one_piece(text: str) -> Pieces:
    yield text


def _read_up_to(sent: Sequence[Frame], entries: Sequence[LogEntry], after: int) -> int:
    """Return the position after which the log is read on. Events that did not fit come next."""
    if sent:
        return sent[-1].position
    return entries[-1].position if entries else after


def _end_of(entries: Sequence[LogEntry]) -> LogEntry | None:
    return next((each for each in entries if each.ends_streams), None)


def _heartbeat(position: int, now: datetime) -> str:
    return event_stream([signal_frame(FrameType.HEARTBEAT, position, now)])


def _fitting(frames: Sequence[Frame]) -> Sequence[Frame]:
    return frames[: count_fitting(each.text() for each in frames)]


def _visible(entries: Sequence[LogEntry], owner: ApiKey) -> list[Frame]:
    return [each.frame for each in entries if each.frame and each.frame.event.is_visible_to(owner.permissions)]
