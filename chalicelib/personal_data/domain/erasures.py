"""Erasures: what is to be erased, how far it has come, and the receipt when it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.personal_data.domain.subjects import Subject

# Whatever had begun before the account was closed has written by then: a request has half a minute, a worker one.
SETTLING = timedelta(minutes=2)
# More passes find something only if something is wrong.
MOST_PASSES = 50

_MESSAGES = "failed messages (pseudonymised)"

Counts = Mapping[str, int]
Key = Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """How far a pass has come: the table, and the last row that was looked at in it."""

    table: int = 0
    after: Key | None = None


@dataclass(frozen=True)
class Page:
    """Some rows of one table: the keys of those to erase, how many of each kind, and where the next page begins.

    `waits` counts rows that a worker is about to delete. Without `following` the pass has come to its end.
    """

    keys: Sequence[Key]
    counts: Counts
    waits: int
    following: Place | None


@dataclass(frozen=True)
class Erasure:
    """The erasure of one person. It looks at every row, again and again until a whole pass finds nothing more.

    What a page finds is planned and counted in one write, carried out, and then struck from the plan in another. So an
    interruption repeats the page, and counts nothing twice. `planned` are the rows of `planned_in`, an index of the
    table. `found` is what the pass has found and waits for so far.
    """

    erasure_id: str
    subject: Subject
    begun_at: str
    pass_begun_at: str
    passes: int = 1
    place: Place | None = field(default_factory=Place)
    planned_in: int = 0
    planned: Sequence[Key] = field(default_factory=list)
    found: int = 0
    waits: int = 0
    counts: Counts = field(default_factory=dict)
    version: int = 0

    def planning(self, page: Page) -> Self:
        """Return the erasure with a page planned, and with nothing to do where the page found nothing."""
        assert self.place is not None
        return replace(
            self,
            planned_in=self.place.table,
            planned=list(page.keys),
            place=page.following,
            found=self.found + len(page.keys),
            waits=self.waits + page.waits,
            counts=_added(self.counts, page.counts),
        )

    def carried_out(self) -> Self:
        """Return the erasure with an empty plan."""
        return replace(self, planned=[])

    def is_settled(self) -> bool:
        """Say whether the pass has ended, found nothing, and began after everything of before had ended."""
        settled = parse_timestamp(self.begun_at) + SETTLING
        is_over = self.place is None and not self.planned
        return is_over and not self.found and not self.waits and parse_timestamp(self.pass_begun_at) >= settled

    def can_look_again(self, *, now: datetime) -> bool:
        """Say whether another pass could find something now, or end the erasure."""
        if self.waits and not self.found:
            return now >= parse_timestamp(self.pass_begun_at) + SETTLING
        return bool(self.found) or now >= parse_timestamp(self.begun_at) + SETTLING

    def looking_again(self, *, now: datetime, messages: int = 0) -> Self:
        """Return the erasure at the beginning of another pass, after so many failed messages were rewritten."""
        return replace(
            self,
            passes=self.passes + 1,
            place=Place(),
            found=0,
            waits=0,
            planned=[],
            pass_begun_at=timestamp(now),
            counts=_added(self.counts, {_MESSAGES: messages}),
        )


@dataclass(frozen=True)
class Receipt:
    """What is left of an erasure: when it was, and how many rows of each kind it erased. It names nobody."""

    receipt_id: str
    begun_at: str
    ended_at: str
    passes: int
    counts: Counts

    def to_record(self) -> dict[str, Any]:
        """Return the receipt as it is printed."""
        return {
            "receiptId": self.receipt_id,
            "begunAt": self.begun_at,
            "endedAt": self.ended_at,
            "passes": self.passes,
            "erased": dict(sorted(self.counts.items())),
        }


def _added(counts: Counts, more: Counts) -> Counts:
    names = sorted({*counts, *(name for name, number in more.items() if number)})
    return {name: counts.get(name, 0) + more.get(name, 0) for name in names}


def receipt_of(erasure: Erasure, *, now: datetime) -> Receipt:
    """Make the receipt of an erasure that has ended."""
    counts = {"account": 1, **erasure.counts}
    return Receipt(erasure.erasure_id, erasure.begun_at, timestamp(now), erasure.passes, counts)
