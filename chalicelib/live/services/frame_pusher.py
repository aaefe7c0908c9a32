"""Push frames to the sockets that their writer left to the worker."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.live.domain.sockets import FrameJob
from chalicelib.live.services.notifier import post_entries
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets


@dataclass(frozen=True)
class FramePusher:
    """Pushes frames of a person's log. A socket that does not take one is closed, and its client resumes."""

    frames: Frames
    sockets: Sockets
    gateway: SocketGateway
    gather: Callable[..., list[Any]]

    def run(self, job: FrameJob, *, now: datetime) -> None:
        """Push the job's frames to its sockets that are still open; a repeated message pushes them again.

        Store calls in sequence: 1, and 1 more to delete sockets that are gone.
        """
        count = job.last - job.first + 1
        entries, opened = self.gather(
            lambda: self.frames.list_after(job.user_id, job.first - 1, limit=count, now=now),
            lambda: self.sockets.list_of(job.user_id),
        )
        wanted = frozenset(job.connection_ids)
        posts = [
            partial(post_entries, each, entries, sockets=self.sockets, gateway=self.gateway)
            for each in opened
            if each.connection_id in wanted
        ]
        self.gather(*posts)
