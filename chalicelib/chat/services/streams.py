"""The event stream over plain HTTP, for gateways that send a reply only when it is complete."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from chalicelib.chat.domain.streams import StreamHeaders, event_stream
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.pages import count_fitting
from chalicelib.live.domain.frames import RESUMABLE_FOR, Frame, FrameType, LogEntry, parse_position, signal_frame
from chalicelib.live.services.ports import Frames

_BACKLOG = 100
_POLL_SECONDS = 0.25
# A client may come back a day after the end of its reply. Until then only its log shows that it listens.
_FOLLOWED_FOR = RESUMABLE_FOR + timedelta(minutes=5)


def listen(
    headers: StreamHeaders,
    *,
    owner: ApiKey,
    hold_seconds: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    frames: Frames,
) -> str:
    """Return the owner's events as an event stream: the latest for a first connection, else the new ones.

    Store calls after authentication: 1 for a first connection, or 2; else 2, and 1 more each quarter of a second until
    there is a new event or `hold_seconds` have passed. 1 more every few hours without an event.
    """
    now = clock()
    after = parse_position(headers.last_event_id or "")
    if after is None:
        return _first(owner, headers.agent_name, now, frames)
    log_state = frames.find_log_state(owner.user_id, now=now)
    _follow(log_state.last, owner, now, frames)
    # An id beyond the log's end belongs to a log that was swept since, or is made up.
    after, until = min(after, log_state.last.position), now + timedelta(seconds=hold_seconds)
    while True:
        entries = frames.list_after(owner.user_id, after, limit=_BACKLOG, now=clock())
        told = _visible(entries, owner)
        if told:
            return _events(told)
        after = entries[-1].position if entries else after
        if clock() >= until:
            return event_stream([signal_frame(FrameType.HEARTBEAT, after, clock())])
        if not entries:
            sleep(_POLL_SECONDS)


def _first(owner: ApiKey, agent_name: str | None, now: datetime, frames: Frames) -> str:
    entries = frames.list_last(owner.user_id, limit=_BACKLOG, now=now)
    _follow(entries[-1] if entries else LogEntry(0, None), owner, now, frames)
    start = entries[0].position - 1 if entries else 0
    connected = signal_frame(FrameType.CONNECTED, start, now, clientId=owner.key_id, agentName=agent_name or owner.name)
    return _events([connected, *_visible(entries, owner)])


def _events(frames: Sequence[Frame]) -> str:
    # Events that do not fit come with the next reply, since the client resumes after the last one it received.
    return event_stream(frames[: count_fitting(each.text() for each in frames)])


def _follow(last: LogEntry, owner: ApiKey, now: datetime, frames: Frames) -> None:
    if last.kept_until < (now + _FOLLOWED_FOR).timestamp():
        frames.begin(owner.user_id, after=last.position, now=now)


def _visible(entries: Sequence[LogEntry], owner: ApiKey) -> list[Frame]:
    return [each.frame for each in entries if each.frame and each.frame.event.is_visible_to(owner.permissions)]
