"""Positions of cards: however cards are moved, they stand in the order that was asked for."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.board.domain.positions import (
    END,
    GAP,
    REACH,
    Neighbours,
    Placement,
    Position,
    place_between,
    place_by_order,
    place_by_rank,
    place_with_room,
)
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import LARGEST_INTEGER

pytestmark = pytest.mark.engine("embedded")

texts = st.text(st.characters(min_codepoint=ord("#"), max_codepoint=ord("~")), max_size=12)


class Board:
    """A board in memory, whose cards are moved as the services do, except that sides are never shifted."""

    def __init__(self, orders: list[int]) -> None:
        self.wanted = list(range(len(orders)))
        self.positions = {card: Position(order, f"{card:06d}") for card, order in enumerate(orders)}

    def sides(self, at: int, reach: int) -> Neighbours[int]:
        above, below = self.wanted[max(0, at - reach - 1) : at][::-1], self.wanted[at : at + reach + 1]
        found = [[(card, self.positions[card]) for card in side] for side in (above, below)]
        return Neighbours(found[0], found[1], reach)

    def move(self, card: int, at: int) -> Placement[int]:
        if card in self.positions:
            self.wanted.remove(card)
            del self.positions[card]
        near = self.sides(at, 0)
        placement = (
            place_between(near) or place_with_room(self.sides(at, REACH)) or place_by_rank(near, mark=f"{card:06d}")
        )
        self.positions |= dict(placement.renumbered)
        self.positions[card] = Position(placement.order, placement.rank or f"{card:06d}")
        self.wanted.insert(at, card)
        return placement

    @property
    def is_sorted(self) -> bool:
        found = [self.positions[card] for card in self.wanted]
        bounded = all(abs(each.order) <= LARGEST_INTEGER for each in found)
        return bounded and all(one < two for one, two in itertools.pairwise(found))


@pytest.mark.parametrize(
    "orders",
    [
        [number * GAP for number in range(30)],
        [0] * 30,
        list(range(30)),
        [LARGEST_INTEGER - number for number in reversed(range(30))],
        [-LARGEST_INTEGER] * 15 + [LARGEST_INTEGER] * 15,
        [0] * 200,
    ],
    ids=["spread", "equal", "dense", "high", "extreme", "many equal"],
)
def test_ten_thousand_random_moves_keep_the_requested_order(orders: list[int]) -> None:
    board, chance = Board(orders), random.Random(7)
    for number in range(10_000):
        board.move(chance.choice(board.wanted), chance.randrange(len(orders)))
        assert number % 100 or board.is_sorted
    assert board.is_sorted


@pytest.mark.parametrize("at", [0, 1, 2, 5, 20])
def test_cards_dropped_in_one_place_stand_there_by_different_orders(at: int) -> None:
    board = Board([number * GAP for number in range(20)])
    for card in range(20, 320):
        board.move(card, at)
    assert board.is_sorted
    assert len({each.order for each in board.positions.values()}) == 320


def test_equal_orders_are_dragged_apart() -> None:
    board = Board([0, 0, 0])
    board.move(2, 1)
    assert board.wanted == [0, 2, 1]
    assert board.is_sorted
    assert len({each.order for each in board.positions.values()}) == 3


def test_a_card_with_the_last_order_makes_room_for_others_behind_it() -> None:
    board = Board([0, LARGEST_INTEGER])
    for card in range(2, 50):
        board.move(card, card)
    assert board.is_sorted


def test_as_few_neighbours_as_possible_are_renumbered() -> None:
    board = Board([0, 1, 10 * GAP, 11 * GAP])
    assert len(board.move(4, 1).renumbered) == 1
    assert board.move(5, 3).renumbered == ()


@given(low=texts, high=texts, mark=st.uuids(), other=st.uuids())
def test_a_rank_sorts_between_two_others_whatever_marks_it(low: str, high: str, mark: object, other: object) -> None:
    low, high = sorted((f"{low}#a", f"{high}#b"))
    near = Neighbours([(0, Position(3, low))], [(1, Position(3, high))], 0)
    for each in (mark, other):
        assert low < str(place_by_rank(near, mark=str(each)).rank) < high


def test_a_rank_has_a_longest_length() -> None:
    near = Neighbours([(0, Position(3, "#a"))], [(1, Position(3, f"#a{'!' * 600}b"))], 0)
    with pytest.raises(Conflict, match="Too many cards"):
        place_by_rank(near, mark="c")


def test_a_card_with_the_order_of_others_comes_before_them() -> None:
    def place(order: int, first: Position) -> str | None:
        return place_by_order(order, Neighbours([], [(0, first)], 0), usual_rank="5#new", mark="new").rank

    assert place(4, Position(5, "1#old")) is None
    assert place(5, Position(5, "6#old")) is None
    assert str(place(5, Position(5, "1#old"))) < "1#old"


def test_the_end_is_behind_every_position() -> None:
    assert Position(LARGEST_INTEGER, "~" * 700) < END
    assert Position(3, "a") < Position(3, "a").just_behind < Position(3, "a#") < Position(3, "b")
