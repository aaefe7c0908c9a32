"""The table `board`: each person's cards, in one partition.

<user id> / CARD#<id>  the card's columns, checklist (a list), contacts (by contact id), version,
                       savedBy: the mark of the call that wrote it last
<user id> / COUNTS     see lists; by status, priority and assignee. lastOrder: the highest a card has had

index order:  orderKey  = order and rank, so that they sort as text. The usual rank is the time of creation, newest
              first, and the id; a card that was placed among others of equal order has an attribute `rank`
index facets: facetsKey = status, priority, assignee, and the same

Columns and checklist are written on the condition that the version has not changed. Links to contacts are written
from both sides (see card_contacts) without this condition and increment the version.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from chalicelib.board.domain.board import Card, CardRow, ChecklistItem, Tail
from chalicelib.board.domain.card_contacts import CardBrief, RemoteMark
from chalicelib.board.domain.positions import SHIFT, Neighbours, Placement, Position
from chalicelib.board.stores.card_contacts import card_key, link_from_row, links_to_row, unlink_contacts_actions
from chalicelib.core.domain.fields import LARGEST_INTEGER
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, check, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, query
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.parallel import chunks, gather
from chalicelib.resources import BOARD, FACETS_INDEX, ORDER_INDEX

_BRIEF = ("id", "title", "status", "priority", "assignee", "dueDate")
_MARKS = ("sourceRelayId", "origin", "verified")
_RENUMBERED = ("id", "status", "priority", "assignee", "version", "orderKey")
_UNCHANGED = "version = :seen"
_MOST_SHIFTED = 2000
# A transaction has at most a hundred members.
_MOST_AT_ONCE = 90

_CHECKLIST_ITEM = Codec(ChecklistItem, {"item_id": "id"})
# Attributes that rows have only with a value.
_SPARSE = {"rank", "origin", "verified"}
_CARD = Codec(Card, {"card_id": "id", "checklist": _CHECKLIST_ITEM}, without=("user_id", "contacts"))


class DynamoBoard:
    def list_cards(self, user_id: str, facets: Sequence[str | None], page: PageRequest) -> Listed[Card]:
        """List a page of the cards with these facets, where None stands for any, in order; and count all of them.

        Store calls in sequence: 2; 3 with a facet, and one more for each few thousand cards of offset.
        """
        read = partial(lists.page_keys, BOARD, pk=user_id, start=page.start, limit=page.limit)
        if not any(each is not None for each in facets):
            counts, keys = gather(
                partial(lists.find_counts, BOARD, user_id), partial(read, index=ORDER_INDEX, prefixes=[""])
            )
        else:
            counts = lists.find_counts(BOARD, user_id)
            prefixes = ["#".join(each) + "#" for each in lists.combinations(counts, *facets)]
            keys = read(index=FACETS_INDEX, prefixes=prefixes, interleaved=True) if prefixes else lists.Keys()
        return lists.list_rows(BOARD, user_id, keys, lists.total(counts, *facets), _card_from_row)

    def find_card(self, user_id: str, card_id: str) -> Card | None:
        """Find one of the person's cards, read consistently. One store call."""
        row = get(BOARD, card_key(user_id, card_id))
        return _card_from_row(row) if row else None

    def find_briefs(self, user_id: str, card_ids: Iterable[str]) -> dict[str, CardBrief]:
        """Map ids to briefs of the cards that exist. One store call per hundred, made at the same time."""
        rows = get_all(BOARD, [card_key(user_id, card_id) for card_id in sorted(set(card_ids))], (*_BRIEF, *_MARKS))
        return {row["id"]: _brief_from_row(row) for row in rows}

    def find_tail(self, user_id: str) -> Tail:
        """Find the end of the person's board. One store call."""
        counts = lists.find_counts(BOARD, user_id)
        last = counts.get("lastOrder")
        return Tail(None if last is None else int(last), int(counts["version"]))

    def find_neighbours(self, user_id: str, boundary: Position, *, without: str, reach: int = 0) -> Neighbours[CardRow]:
        """Find the cards around a boundary, except one. Store calls in sequence: 1; 2 with a reach."""
        above, below = self._sides(user_id, boundary, without=without, limit=reach + 1)
        if reach:
            rows = _find_rows(user_id, [*above, *below])
            above, below = _with_rows(above, rows), _with_rows(below, rows)
        return Neighbours(above, below, reach)

    def shift_cards(self, user_id: str, boundary: Position, tail: Tail, *, without: str) -> bool:
        """Shift the cards on the shorter side of a boundary away from it, except one; False if that is not possible.

        The cards keep their order at every step. Store calls in sequence: 3; one more for each 90 cards.
        """
        sides = self._sides(user_id, boundary, without=without, limit=_MOST_SHIFTED + 1)
        for cards, by in sorted(zip(sides, (-SHIFT, SHIFT), strict=True), key=lambda side: len(side[0])):
            if not cards or len(cards) > _MOST_SHIFTED or abs(cards[-1][1].order + by) > LARGEST_INTEGER:
                continue
            found = _with_rows(cards, _find_rows(user_id, cards))
            shifted = [(row, Position(each.order + by, each.rank)) for row, each in reversed(found)]
            for number, chunk in enumerate(chunks(shifted, _MOST_AT_ONCE)):
                actions = _renumber_actions(user_id, chunk)
                if by > 0 and not number:
                    sets = {"lastOrder": max(chunk[0][1].order, tail.last_order or 0)}
                    actions.append(lists.count_action(BOARD, user_id, seen=tail.version, sets=sets))
                if not try_commit(actions):
                    return False
            return True
        return False

    def _sides(
        self, user_id: str, boundary: Position, *, without: str, limit: int
    ) -> tuple[list[tuple[CardRow, Position]], list[tuple[CardRow, Position]]]:
        above, below = gather(
            *(
                partial(_read_side, user_id, boundary, is_above=is_above, without=without, limit=limit)
                for is_above in (True, False)
            )
        )
        return above, below

    def add_card(
        self, card: Card, placement: Placement[CardRow], *, tail: Tail, claim: Claim | None, reply: StoredReply
    ) -> bool:
        """Store a new card and renumber others; False if the board no longer ends at `tail`, or they have changed.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        return try_commit(add_card_actions(card, tail, placement), claim=claim, reply=reply)

    def save_card(
        self,
        card: Card,
        *,
        over: Card,
        tail: Tail | None,
        claim: Claim | None,
        reply: StoredReply,
        placement: Placement[CardRow] | None = None,
        also: Sequence[Action] = (),
    ) -> bool:
        """Replace `over` by `card` except for its contacts; False if card or tail have changed. One store call at most.

        The tail is required if the card is placed. `placement` has the cards to renumber, and `also` are further
        members of the transaction.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if card == over and not (placement and placement.renumbered):
            unchanged = check(BOARD, _key(over), _UNCHANGED, seen=over.version)
            return claim is None or try_commit([unchanged], claim=claim, reply=reply)
        mark = new_nonce()
        actions = [*change_card_actions(card, over, tail, placement, mark=mark), *also]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            # A retry below us has met its own first try.
            return refused.rows[0].get("savedBy") == mark
        return True

    def remove_card(self, card: Card, *, claim: Claim | None, reply: StoredReply) -> bool:
        """Delete a card and its links to contacts; False if it has changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [
            delete(BOARD, _key(card), _UNCHANGED, seen=card.version),
            lists.count_action(BOARD, card.user_id, taken=[card.facets]),
            *unlink_contacts_actions(card),
        ]
        return try_commit(actions, claim=claim, reply=reply)


def add_card_actions(card: Card, tail: Tail, placement: Placement[CardRow]) -> list[Action]:
    """Return the actions that store a new card and renumber others, if the board still ends at `tail`."""
    row = _key(card) | _columns(card) | {"contacts": links_to_row(card.contacts)}
    raised = {"lastOrder": placement.highest} if tail.is_raised_by(placement.highest) else None
    return [
        put_new(BOARD, row),
        lists.count_action(BOARD, card.user_id, added=[card.facets], seen=tail.version, sets=raised),
        *_renumber_actions(card.user_id, placement.renumbered),
    ]


def change_card_actions(
    card: Card,
    over: Card,
    tail: Tail | None = None,
    placement: Placement[CardRow] | None = None,
    *,
    mark: str | None = None,
) -> list[Action]:
    """Return the actions that replace `over` by `card` except for its contacts; `mark` identifies the writer."""
    columns = _columns(card) | ({"savedBy": mark} if mark else {})
    removed = "" if card.rank else " REMOVE #rank"
    change = update(BOARD, _key(over), f"SET {assignments(columns)}{removed}", _UNCHANGED, **columns, seen=over.version)
    actions = [change]
    added, taken = [card.facets], [over.facets]
    if placement and tail and tail.is_raised_by(placement.highest):
        sets = {"lastOrder": placement.highest}
        actions.append(lists.count_action(BOARD, card.user_id, added=added, taken=taken, seen=tail.version, sets=sets))
    elif card.facets != over.facets:
        actions.append(lists.count_action(BOARD, card.user_id, added=added, taken=taken))
    return [*actions, *(_renumber_actions(card.user_id, placement.renumbered) if placement else [])]


def _renumber_actions(user_id: str, renumbered: Sequence[tuple[CardRow, Position]]) -> list[Action]:
    return [
        update(
            BOARD,
            card_key(user_id, row.card_id),
            "SET #order = :order, orderKey = :orderKey, facetsKey = :facetsKey, version = version + :one",
            _UNCHANGED,
            **_position_columns(position, row.facets),
            one=1,
            seen=row.version,
        )
        for row, position in renumbered
    ]


def _read_side(
    user_id: str, boundary: Position, *, is_above: bool, without: str, limit: int
) -> list[tuple[CardRow, Position]]:
    rows = query(
        BOARD,
        IndexName=ORDER_INDEX,
        KeyConditionExpression=f"pk = :pk AND orderKey {'<' if is_above else '>='} :boundary",
        ExpressionAttributeValues=values(pk=user_id, boundary=_order_key(boundary)),
        ScanIndexForward=not is_above,
        ConsistentRead=True,
        Limit=limit + 1,
    )
    found = ((CardRow(row["sk"].partition("#")[2]), _position_of(row["orderKey"])) for row in islice(rows, limit + 1))
    return [each for each in found if each[0].card_id != without][:limit]


def _find_rows(user_id: str, cards: Sequence[tuple[CardRow, Position]]) -> dict[str, Row]:
    keys = [card_key(user_id, row.card_id) for row, _ in cards]
    return {row["id"]: row for row in get_all(BOARD, keys, _RENUMBERED)}


def _with_rows(cards: Sequence[tuple[CardRow, Position]], rows: Mapping[str, Row]) -> list[tuple[CardRow, Position]]:
    """Add facets and versions. Cards that were moved or deleted in the meantime are left out."""
    return [
        (CardRow(each.card_id, (row["status"], row["priority"], row["assignee"]), int(row["version"])), position)
        for each, position in cards
        if (row := rows.get(each.card_id)) and row["orderKey"] == _order_key(position)
    ]


def _key(card: Card) -> Row:
    return card_key(card.user_id, card.card_id)


def _order_key(position: Position) -> str:
    return f"{position.order + 2**53:017d}#{position.rank}"


def _position_of(order_key: str) -> Position:
    order, _, rank = order_key.partition("#")
    return Position(int(order) - 2**53, rank)


def _position_columns(position: Position, facets: Sequence[str]) -> Row:
    order_key = _order_key(position)
    return {"order": position.order, "orderKey": order_key, "facetsKey": "#".join((*facets, order_key))}


def _columns(card: Card) -> Row:
    row = _CARD.to_row(card) | _position_columns(card.position, card.facets)
    row["checklist"] = [_without_empty(each) for each in row["checklist"]]
    return _without_empty(row)


def _without_empty(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None or name not in _SPARSE}


def _card_from_row(row: Row) -> Card:
    contacts = {each: link_from_row(link, row["id"], each) for each, link in row["contacts"].items()}
    return _CARD.from_row(row, user_id=row["pk"], contacts=contacts)


def _brief_from_row(row: Row) -> CardBrief:
    remote = RemoteMark(row.get("origin"), bool(row.get("verified"))) if row.get("sourceRelayId") else None
    return replace(CardBrief(*(row[name] for name in _BRIEF)), remote=remote)
