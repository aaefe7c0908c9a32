"""Positions in a list that people sort by hand.

A position is an integer, which clients see and can write as `order`, and a rank, which sorts equal orders. Something is
placed between two neighbours by an order between theirs. If there is none, the nearest neighbours get other orders, so
that there is room again; if there is no room near them either, one side of the list is shifted (see the services). A
rank between two others always exists, so that a position never depends on the numbers that clients have written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import LARGEST_INTEGER

# The gap to the order of the last or first one, so that others can be placed in between without moving either.
GAP = 1024
# How many neighbours on each side may get another order. A transaction has at most a hundred members.
REACH = 40
# Renumbering leaves at least this gap if it can, so that it is not needed again soon.
_ENOUGH = 16
# How far one side of a list is shifted.
SHIFT = 2**20
# Of a rank; sort keys have at most 1,024 bytes. It takes thousands of moves to one place among equals to get there.
_LONGEST_RANK = 600
# Ranks are ASCII, from "#" to "~". A missing letter sorts before each of them.
_MISSING, _END = ord("!"), ord("~") + 1

T = TypeVar("T")


class Position(NamedTuple):
    """A position. Positions sort as tuples do."""

    order: int
    rank: str

    @property
    def just_behind(self) -> "Position":
        """The boundary after this position and before every other that follows it."""
        return Position(self.order, self.rank + "!")


# The boundary behind everything.
END = Position(LARGEST_INTEGER + 1, "")


@dataclass(frozen=True)
class Neighbours(Generic[T]):
    """What stands around a boundary: on each side the nearest first, one more than may be renumbered.

    A side that is shorter than `reach` + 1 ends with the list.
    """

    above: Sequence[tuple[T, Position]]
    below: Sequence[tuple[T, Position]]
    reach: int


@dataclass(frozen=True)
class Placement(Generic[T]):
    """Where something is placed. `rank` is None for the usual one; `renumbered` has neighbours' new positions."""

    order: int
    rank: str | None = None
    renumbered: Sequence[tuple[T, Position]] = ()

    @property
    def highest(self) -> int:
        return max([self.order, *(position.order for _, position in self.renumbered)])


def place_between(near: Neighbours[T]) -> Placement[T] | None:
    """Place something at the boundary by an order between those of its neighbours; None if there is none."""
    low, high = _bounds(near, 0, 0)
    return Placement((low + high) // 2) if high - low > 1 else None


def place_with_room(near: Neighbours[T]) -> Placement[T] | None:
    """Place something at the boundary, and renumber as few neighbours as leave enough room; None if none do."""
    found: tuple[int, int, int] | None = None
    gap = 0
    for number in range(len(near.above) + len(near.below) + 1):
        for above in range(number + 1):
            below = number - above
            if not (_is_free(near.above, above, near.reach) and _is_free(near.below, below, near.reach)):
                continue
            low, high = _bounds(near, above, below)
            if (high - low) // (number + 2) > gap:
                gap, found = (high - low) // (number + 2), (above, below, low)
        if gap >= _ENOUGH:
            break
    if found is None:
        return None
    above, below, low = found
    window = [*reversed(near.above[:above]), None, *near.below[:below]]
    renumbered = [(each[0], Position(low + gap * place, each[1].rank)) for place, each in enumerate(window, 1) if each]
    return Placement(low + gap * (above + 1), renumbered=renumbered)


def place_by_rank(near: Neighbours[T], *, mark: str) -> Placement[T]:
    """Place something at the boundary by a rank. Its `mark` distinguishes it from others made at the same time.

    Raises:
        Conflict: the rank would be too long.
    """
    above, below = (side[0][1] if side else None for side in (near.above, near.below))
    if above is None:
        return Placement(0) if below is None else Placement(below.order, _rank_between("", below.rank, mark))
    is_shared = below is not None and below.order == above.order
    return Placement(above.order, _rank_between(above.rank, below.rank if below and is_shared else None, mark))


def place_by_order(order: int, near: Neighbours[T], *, usual_rank: str, mark: str) -> Placement[T]:
    """Place something by an order that a client has written, before all others of this order."""
    first = near.below[0][1] if near.below else None
    if first is None or first.order != order or usual_rank < first.rank:
        return Placement(order)
    try:
        return Placement(order, _rank_between("", first.rank, mark))
    except Conflict:
        return Placement(order)


def _is_free(side: Sequence[tuple[T, Position]], number: int, reach: int) -> bool:
    """Whether this many of the side can be renumbered: the next one, if there is one, is the bound."""
    return number <= reach and (number < len(side) or (number == len(side) and len(side) <= reach))


def _bounds(near: Neighbours[T], above: int, below: int) -> tuple[int, int]:
    """Return the orders between which those in the window can be. At an end of the list there is room beyond it."""
    room = GAP * (above + below + 2)
    low = near.above[above][1].order if above < len(near.above) else None
    high = near.below[below][1].order if below < len(near.below) else None
    if low is None and high is None:
        low = (near.below[0][1].order if near.below else near.above[-1][1].order if near.above else GAP) - GAP
        low = min(max(low, -LARGEST_INTEGER - 1), LARGEST_INTEGER + 1 - room)
        return low, low + room
    if low is None:
        assert high is not None
        return max(high - room, -LARGEST_INTEGER - 1), high
    return low, min(low + room, LARGEST_INTEGER + 1) if high is None else high


def _rank_between(low: str, high: str | None, mark: str) -> str:
    """Return a text that sorts after `low` and, whatever it is extended by, before `high`; it ends with the mark."""
    made = ""
    for place in count():
        first = ord(low[place]) if place < len(low) else _MISSING
        last = ord(high[place]) if high is not None and place < len(high) else _END
        if last - first > 1:
            made += chr((first + last) // 2)
            break
        made += chr(first)
        if first < last:
            high = None
    if len(made) > _LONGEST_RANK:
        raise Conflict("Too many cards have this order. Give some of them other orders.")
    return f"{made}#{mark}"
