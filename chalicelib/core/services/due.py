"""Attempts that are due: announce to the workers those that no message has announced."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from chalicelib.core.ports import JobAnnouncer

J = TypeVar("J")

_PAGE = 100
_PAGES_PER_RUN = 50
# An announced attempt is announced again only after this long, so that a slow queue is not flooded.
_ANNOUNCED_FOR = timedelta(minutes=5)


class Due(Protocol[J]):
    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[J, str]]: ...
    def postpone(self, job: J, due_at: str, *, until: datetime) -> bool: ...


def announce_due(now: datetime, *, work: Due[J], queue: JobAnnouncer[J], gather: Callable[..., Sequence[bool]]) -> int:
    """Announce the due attempts that no message has announced, and return their number.

    Store and queue calls in sequence: 3 for a hundred attempts. Runs may overlap: one of them announces an attempt.
    """
    count = 0
    for _ in range(_PAGES_PER_RUN):
        due = work.list_due(now=now, limit=_PAGE)
        until = now + _ANNOUNCED_FOR
        taken = gather(*(_postponing(work, job, due_at, until) for job, due_at in due))
        jobs = [job for (job, _), ours in zip(due, taken, strict=True) if ours]
        queue.announce_all(jobs)
        count += len(jobs)
        if len(due) < _PAGE:
            break
    return count


def _postponing(work: Due[J], job: J, due_at: str, until: datetime) -> Callable[[], bool]:
    return lambda: work.postpone(job, due_at, until=until)
