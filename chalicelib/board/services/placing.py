"""Find the place of a card on the board, and make room for it."""

from functools import partial
from math import ceil

from chalicelib.board.domain.board import Card, CardRow, Tail
from chalicelib.board.domain.board_messages import CardIn, CardPatch
from chalicelib.board.domain.positions import (
    END,
    REACH,
    Placement,
    Position,
    place_between,
    place_by_order,
    place_by_rank,
    place_with_room,
)
from chalicelib.board.services.ports import Cards
from chalicelib.core.domain.errors import Invalid


def place_last(tail: Tail, *, card_id: str, user_id: str, board: Cards) -> Placement[CardRow]:
    """Place a card after all others. Store calls in sequence: 0; those of `place_at` if a card had the last order."""
    if tail.has_room:
        return Placement(tail.next_order)
    return place_at(END, tail, card_id=card_id, user_id=user_id, board=board)


def place_card(request: CardIn | CardPatch, tail: Tail, *, card: Card, board: Cards) -> Placement[CardRow] | None:
    """Place a card as the request says; None if it says nothing, or names the card itself.

    Store calls in sequence: 1 with an integer as `order`, else those of `place_at`, and 1 more for the other card.

    Raises:
        Invalid: the request names a card that does not exist.
    """
    if request.order is not None:
        if isinstance(request.order, int):
            near = board.find_neighbours(card.user_id, Position(request.order, ""), without=card.card_id)
            return place_by_order(request.order, near, usual_rank=card.usual_rank, mark=card.card_id)
        boundary = Position(ceil(request.order), "")
    else:
        name, other_id = ("after", request.after) if request.after else ("before", request.before)
        if other_id in (None, card.card_id):
            return None
        assert other_id is not None
        if (other := board.find_card(card.user_id, other_id)) is None:
            raise Invalid(f"{name}: there is no such card", {name: ["must be the id of another card"]})
        boundary = other.position.just_behind if name == "after" else other.position
    return place_at(boundary, tail, card_id=card.card_id, user_id=card.user_id, board=board)


def place_at(boundary: Position, tail: Tail, *, card_id: str, user_id: str, board: Cards) -> Placement[CardRow]:
    """Place a card at a boundary. Where the neighbours' orders leave no room, other cards are renumbered.

    Store calls in sequence: 1; 3 if neighbours are renumbered; up to 34 if one side of the board is shifted.

    Raises:
        Conflict: there is no room, and too many cards were ranked in the same place before.
    """
    find = partial(board.find_neighbours, user_id, boundary, without=card_id)
    if found := place_between(find()):
        return found
    if found := place_with_room(find(reach=REACH)):
        return found
    board.shift_cards(user_id, boundary, tail, without=card_id)
    near = find()
    return place_between(near) or place_by_rank(near, mark=card_id)
