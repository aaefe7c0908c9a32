"""Rows of replays, in the table `deliveries`: pk = REPLAY#<id>, sk = JOB; expiresAt is the table's TTL.

dueQueue = callback-replays, dueAt: while a worker has to continue it
"""

from datetime import datetime

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row
from chalicelib.inbox.domain.replays import Replay, ReplayPosition

DUE_QUEUE = "callback-replays"
_POSITION = Column(
    to_row=lambda position: list(position) if position else None,
    from_row=lambda row: ReplayPosition(row[0], row[1], int(row[2])) if row else None,
)
_REPLAY = Codec(Replay, {"position": _POSITION}, without=("replay_id",))


def replay_key(replay_id: str) -> Row:
    return {"pk": f"REPLAY#{replay_id}", "sk": "JOB"}


def new_replay_row(replay: Replay, *, now: datetime) -> Row:
    """Return the row of a replay that a worker has to begin."""
    end = int((parse_timestamp(replay.created_at) + retention.REPLAYS.kept).timestamp())
    return replay_key(replay.replay_id) | replay_columns(replay) | due_columns(now) | {"expiresAt": end}


def due_columns(now: datetime) -> Row:
    return {"dueQueue": DUE_QUEUE, "dueAt": timestamp(now + GRACE)}


def replay_columns(replay: Replay) -> Row:
    return _REPLAY.to_row(replay)


def replay_from_row(row: Row) -> Replay:
    return _REPLAY.from_row(row, replay_id=row["pk"].partition("#")[2])
