"""A person's log of frames, in the table `sockets`: pk = <user id>, sk = FRAME#<position>.

An entry has one of four forms:
- type, at, members (JSON); to: ids of the sockets that it is pushed to; queued: those of them that a worker pushes it
  to, if any; nonce: the writer's mark
- opened: the socket that is live from this position on
- ended: the time at which every reply that streams the log ends, so that its client has to authenticate again
- begun: the time since when somebody has listened by HTTP, repeated every few hours of silence

A writer puts a frame at the position after the last one it knows, on the condition that the position is free. If it
is taken, the writer continues after the entry found there. So positions have no gaps and commit in order, and a
reader that has read up to a position has missed nothing before it. A socket that becomes live takes a position of its
own. Writers that did not know of the socket find it there. So each frame is either pushed to the socket by its writer,
or precedes the socket's position, where its catch-up finds it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from chalicelib.core.domain import bounds
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import put_new
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.live.domain.frames import (
    KEPT_FOR,
    Frame,
    FrameType,
    LiveEvent,
    LogEntry,
    LogState,
    next_position,
    surplus_listeners,
)
from chalicelib.live.domain.sockets import Socket
from chalicelib.live.stores.sockets import BROWSERS_MARK, SOCKET, progress_action
from chalicelib.live.stores.sockets import PREFIX as SOCKET_PREFIX
from chalicelib.resources import SOCKETS

# A person's sockets sort after the frames, and the number of their browsers sorts last. So a query from the end
# meets the last frame after them.
_FRAMES, _END = "FRAME#", "FRAME#:"
# A person's sockets, the number of their browsers, the last frame, and some sockets that are about to make room.
_ROWS_PER_LOOK = bounds.SOCKETS.most + 4
_ATTEMPTS = 200
# Called with the person whose log this process has added to. A host that holds open replies listens here.
on_append: list[Callable[[str], None]] = []
# After so many frames met one by one, a writer looks where the log ends by now.
_STEPS_PER_LOOK = 4


class DynamoFrames:
    def find_log_state(self, user_id: str, *, now: datetime) -> LogState:
        """Read the log's end and its listeners consistently. One store call."""
        sockets: list[Socket] = []
        last, browsers, has_preferences = LogEntry(0, None), 0, False
        rows = query(
            SOCKETS,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=user_id),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=_ROWS_PER_LOOK,
        )
        seconds = now.timestamp()
        for row in rows:
            if row["sk"] == BROWSERS_MARK:
                browsers, has_preferences = int(row["browsers"]), "reach" in row
            elif row["sk"].startswith(SOCKET_PREFIX):
                sockets.append(SOCKET.from_row(row))
            else:
                last = _entry(row) if row["expiresAt"] > seconds else last
                break
        return LogState(last, [each for each in sockets if each.expires_at > seconds], browsers, has_preferences)

    def append(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState, *, now: datetime
    ) -> Sequence[LogEntry]:
        """Append frames to the person's log, in this order and without gaps. One store call if no other call appends.

        Raises:
            Unavailable: too many other calls are appending.
        """
        entries = self._append(user_id, events, log_state, now)
        for each in on_append:
            each(user_id)
        return entries

    def _append(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState, now: datetime
    ) -> Sequence[LogEntry]:
        listeners = {each.connection_id: each for each in log_state.sockets if each.live}
        first, mark = next_position(log_state.last.position, now=now), new_nonce()
        for attempt in range(1, _ATTEMPTS):
            entries = _addressed(first, events, list(listeners.values()), now)
            try:
                commit([_put(user_id, _row(entry) | {"nonce": mark}, now) for entry in entries])
            except Refused as refused:
                met = [row for row in refused.rows if row]
                if met[0].get("nonce") == mark:  # by a retry below us
                    return entries
            else:
                return entries
            for row in met:
                if opened := row.get("opened"):
                    listeners[opened["connectionId"]] = SOCKET.from_row(opened)
            first = _position(met[-1]) + 1
            if attempt % _STEPS_PER_LOOK == 0:
                log_state = self.find_log_state(user_id, now=now)
                listeners |= {each.connection_id: each for each in log_state.sockets if each.live}
                first = max(first, next_position(log_state.last.position, now=now))
        raise Unavailable("The log of frames is being written by many calls at once.")

    def open(self, socket: Socket, position: int, *, now: datetime) -> LogEntry | None:
        """Make the socket live from this position on. Returns the entry found there if the position is taken.

        The socket's own row is marked as live in the same transaction, so a reader of the mark knows that every
        earlier frame was delivered. One store call.

        Raises:
            NotFound: the socket has ended.
        """
        row = {"sk": _key(position), "opened": SOCKET.to_row(socket)}
        noted = progress_action(replace(socket, sent_to=position, live=True))
        try:
            commit([_put(socket.user_id, row, now), noted])
        except Refused as refused:
            if 0 not in refused.failed:
                raise NotFound("The connection has ended.") from refused
            met = refused.rows[0]
            ours = met.get("opened", {}).get("connectionId") == socket.connection_id
            return None if ours else _entry(met)
        return None

    def begin(self, user_id: str, *, after: int, now: datetime) -> None:
        """Record in the log, whose last entry is `after`, that somebody listens by HTTP. One store call."""
        row = {"sk": _key(next_position(after, now=now)), "begun": timestamp(now)}
        try_commit([_put(user_id, row, now)])

    def end_streams(self, user_id: str, *, now: datetime) -> None:
        """End the replies that stream the person's log, if it has any. Store calls: 2; 1 where nobody has listened.

        Raises:
            Unavailable: too many other calls are appending.
        """
        attempts = Attempts("The log of frames is being written by many calls at once.")
        while attempts.again():
            last = self.find_log_state(user_id, now=now).last.position
            row = {"sk": _key(last + 1), "ended": timestamp(now)}
            if not last:
                return
            if try_commit([_put(user_id, row, now)]):
                break
        for each in on_append:
            each(user_id)

    def list_after(self, user_id: str, position: int, *, limit: int, now: datetime) -> Sequence[LogEntry]:
        """List the log's entries after `position`, oldest first, read consistently. One store call per megabyte."""
        rows = query(
            SOCKETS,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues=values(pk=user_id, first=_key(position + 1), last=_END, now=int(now.timestamp())),
            ConsistentRead=True,
            Limit=limit,
        )
        return [_entry(row) for row in islice(rows, limit)]

    def find_grown(self, positions: Mapping[str, int]) -> set[str]:
        """Return the people whose log has an entry right after the position given for them.

        One store call for a hundred people.
        """
        keys = [{"pk": user_id, "sk": _key(position + 1)} for user_id, position in positions.items()]
        return {row["pk"] for row in get_all(SOCKETS, keys, ("pk",))}

    def list_last(self, user_id: str, *, limit: int, now: datetime) -> Sequence[LogEntry]:
        """List the log's last entries, oldest first, read consistently. One store call."""
        rows = query(
            SOCKETS,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues=values(pk=user_id, first=_FRAMES, last=_END, now=int(now.timestamp())),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_entry(row) for row in islice(rows, limit)][::-1]


_TYPES = frozenset(FrameType)


def _addressed(first: int, events: Sequence[LiveEvent], sockets: Sequence[Socket], now: datetime) -> list[LogEntry]:
    """Return the events' entries from the position `first` on, with the sockets that may see each."""
    visible = [each for each in sockets if any(event.is_visible_to(each.areas) for event in events)]
    queued = surplus_listeners(visible, now=now)
    entries = []
    for position, event in enumerate(events, first):
        targets = [each for each in sockets if event.is_visible_to(each.areas)]
        ids = frozenset(each.connection_id for each in targets)
        frame = Frame(position, event, timestamp(now))
        entries.append(LogEntry(position, frame, targets, pushed_to=ids, queued_for=ids & queued))
    return entries


def _put(user_id: str, row: Row, now: datetime) -> Action:
    expires = {"expiresAt": int((now + KEPT_FOR).timestamp())}
    return put_new(SOCKETS, {"pk": user_id} | row | expires)


def _row(entry: LogEntry) -> Row:
    frame = entry.frame
    assert frame is not None
    return {
        "sk": _key(entry.position),
        "type": frame.event.type.value,
        "at": frame.at,
        "members": json.dumps(frame.event.members, ensure_ascii=False, separators=(",", ":")),
        "to": sorted(entry.pushed_to),
    } | ({"queued": sorted(entry.queued_for)} if entry.queued_for else {})


def _entry(row: Row) -> LogEntry:
    position, kept_until = _position(row), int(row["expiresAt"])
    # A frame of a type that a later release has added is left out.
    if row.get("type") not in _TYPES:
        return LogEntry(position, None, kept_until=kept_until, ends_streams="ended" in row)
    event = LiveEvent(FrameType(row["type"]), json.loads(row["members"]))
    return LogEntry(
        position,
        Frame(position, event, row["at"]),
        pushed_to=frozenset(row["to"]),
        queued_for=frozenset(row.get("queued", ())),
        kept_until=kept_until,
    )


def _key(position: int) -> str:
    return f"{_FRAMES}{position:016d}"


def _position(row: Row) -> int:
    return int(row["sk"].removeprefix(_FRAMES))
