"""Attempts that are due: announced to their workers when no message has done so."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

J = TypeVar("J")
J_contra = TypeVar("J_contra", contravariant=True)

_PAGE = 100
_PAGES_PER_RUN = 50
# What was announced is announced again only after this long, so that a queue behind its work is not flooded.
_ANNOUNCED_FOR = timedelta(minutes=5)


class Due(Protocol[J]):
    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[J, str]]: ...
    def postpone(self, job: J, due_at: str, *, until: datetime) -> bool: ...


class Announcements(Protocol[J_contra]):
    def announce_all(self, jobs: Sequence[J_contra], /) -> None: ...


def announce_due(
    now: datetime, *, work: Due[J], queue: Announcements[J], together: Callable[..., Sequence[bool]]
) -> int:
    """Announce the attempts that are due and that no message has announced; how many there were.

    Store and queue calls in sequence: 12 a hundred attempts. Runs may overlap: each attempt is one run's.
    """
    count = 0
    for _ in range(_PAGES_PER_RUN):
        due = work.list_due(now=now, limit=_PAGE)
        until = now + _ANNOUNCED_FOR
        taken = together(*(_postponing(work, job, due_at, until) for job, due_at in due))
        jobs = [job for (job, _), ours in zip(due, taken, strict=True) if ours]
        queue.announce_all(jobs)
        count += len(jobs)
        if len(due) < _PAGE:
            break
    return count


def _postponing(work: Due[J], job: J, due_at: str, until: datetime) -> Callable[[], bool]:
    return lambda: work.postpone(job, due_at, until=until)
