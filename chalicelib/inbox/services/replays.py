"""Replays of callbacks: begin one, and continue it step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.ports import JobAnnouncer, JobSender
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.replays import Replay, ReplayJob, ReplayPosition

# A message takes so many steps, then it sends the next message.
_STEPS_PER_MESSAGE = 10
_BUSY = "Too many calls change these callbacks at the same time. Try again in a moment."


class Page(Protocol):
    """What a step of a replay is about."""

    @property
    def clicks(self) -> Sequence[Click]: ...
    @property
    def examined(self) -> int: ...
    @property
    def position(self) -> ReplayPosition | None: ...
    @property
    def is_last(self) -> bool: ...


class CallbackReplays(Protocol):
    """Stores replays, and the clicks that they send again."""

    def find(self, replay_id: str) -> Replay | None: ...
    def begin(self, replay: Replay, *, now: datetime) -> Replay: ...
    def read_page(self, replay: Replay) -> Page: ...
    def save_step(self, before: Replay, after: Replay, clicks: Sequence[Click], *, now: datetime) -> bool | None: ...


@dataclass(frozen=True)
class Replayer:
    """Continues replays, and announces the callbacks that they send again."""

    replays: CallbackReplays
    callbacks: JobAnnouncer[CallbackJob]
    now: datetime

    def resume(self, message: ReplayJob, *, queue: JobSender[ReplayJob]) -> None:
        """Take the next steps of a replay. A repeated message does no harm.

        What waited for an endpoint is looked through twice: a schedule has the second time announced, when the index
        shows what was stored just before the pause ended. Store and queue calls: 1, for each step 3 to 5, and 1.
        """
        replay = self.replays.find(message.replay_id)
        if replay is None or replay.is_over:
            return
        for _ in range(_STEPS_PER_MESSAGE):
            after = self._take_step(replay)
            if after is None or after.is_over or after.looked_again != replay.looked_again:
                return
            replay = after
        queue.send(message)

    def _take_step(self, replay: Replay) -> Replay | None:
        """Take a step and return the replay after it; None if another call goes on with it."""
        attempts = Attempts(_BUSY)
        while attempts.again():
            page = self.replays.read_page(replay)
            after = replay.after_step(
                examined=page.examined, replayed=len(page.clicks), position=page.position, is_last_page=page.is_last
            )
            saved = self.replays.save_step(replay, after, page.clicks, now=self.now)
            if saved is not False:
                break
        if not saved:
            return None
        self.callbacks.announce_all(
            [CallbackJob(delivery_id=each.delivery_id, index=each.index) for each in page.clicks]
        )
        return after
