"""The table `board`: each person's cards, in one partition.

<user id> / CARD#<id>  the card's columns, checklist (a list), contacts (by contact id), version,
                       savedBy: the mark of the call that wrote it last
<user id> / COUNTS     see lists; by status, priority and assignee. lastOrder: the highest a card has had

index order:  orderKey  = order and time of creation, newest first, so that they sort as text, and the id
index facets: facetsKey = status, priority, assignee, and the same

Columns and checklist are written on the condition that the version has not changed. Links to contacts are written
from both sides (see card_contacts) without this condition and increment the version.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from chalicelib.board.domain.board import Card, ChecklistItem, Tail
from chalicelib.board.domain.card_contacts import CardBrief
from chalicelib.board.stores.card_contacts import card_key, link_from_row, links_to_row, unlink_contacts_actions
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, check, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.parallel import gather
from chalicelib.resources import BOARD, FACETS_INDEX, ORDER_INDEX

_LATEST_MILLISECONDS = 9_999_999_999_999
_BRIEF = ("id", "title", "status", "priority", "assignee", "dueDate")
_UNCHANGED = "version = :seen"

_CHECKLIST_ITEM = Codec(ChecklistItem, {"item_id": "id"})
_CARD = Codec(Card, {"card_id": "id", "checklist": _CHECKLIST_ITEM}, without=("user_id", "contacts"))


class DynamoBoard:
    def list_cards(
        self, user_id: str, facets: Sequence[str | None], *, offset: int, limit: int
    ) -> tuple[list[Card], int]:
        """List a page of the cards with these facets, where None stands for any, in order; and count all of them.

        Store calls in sequence: 2; 3 with a facet, and one more for each few thousand cards of offset.
        """
        read = partial(lists.sort_keys, BOARD, pk=user_id, offset=offset, limit=limit)
        if not any(each is not None for each in facets):
            counts, sks = gather(
                partial(lists.find_counts, BOARD, user_id), partial(read, index=ORDER_INDEX, prefixes=[""])
            )
        else:
            counts = lists.find_counts(BOARD, user_id)
            prefixes = ["#".join(each) + "#" for each in lists.combinations(counts, *facets)]
            sks = read(index=FACETS_INDEX, prefixes=prefixes, order=_order_in_facets) if prefixes else []
        return [_card_from_row(row) for row in lists.in_order(BOARD, user_id, sks)], lists.total(counts, *facets)

    def find_card(self, user_id: str, card_id: str) -> Card | None:
        """Find one of the person's cards, read consistently. One store call."""
        row = get(BOARD, card_key(user_id, card_id))
        return _card_from_row(row) if row else None

    def find_briefs(self, user_id: str, card_ids: Iterable[str]) -> dict[str, CardBrief]:
        """Map ids to briefs of the cards that exist. One store call per hundred, made at the same time."""
        rows = get_all(BOARD, [card_key(user_id, card_id) for card_id in sorted(set(card_ids))], _BRIEF)
        return {row["id"]: CardBrief(*(row[name] for name in _BRIEF)) for row in rows}

    def find_tail(self, user_id: str) -> Tail:
        """Find the end of the person's board. One store call."""
        counts = lists.find_counts(BOARD, user_id)
        last = counts.get("lastOrder")
        return Tail(None if last is None else int(last), int(counts["version"]))

    def add_card(self, card: Card, *, tail: Tail, claim: Claim | None, reply: StoredReply) -> bool:
        """Store a new card; False if the board no longer ends at `tail`. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        return try_commit(add_card_actions(card, tail), claim=claim, reply=reply)

    def save_card(
        self,
        card: Card,
        *,
        over: Card,
        tail: Tail | None,
        claim: Claim | None,
        reply: StoredReply,
        also: Sequence[Action] = (),
    ) -> bool:
        """Replace `over` by `card` except for its contacts; False if card or tail have changed. One store call at most.

        The tail is required if the card may become the last one. `also` are further members of the transaction.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if card == over:
            unchanged = check(BOARD, _key(over), _UNCHANGED, seen=over.version)
            return claim is None or try_commit([unchanged], claim=claim, reply=reply)
        mark = new_nonce()
        actions = [*change_card_actions(card, over, tail, mark=mark), *also]
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


def add_card_actions(card: Card, tail: Tail) -> list[Action]:
    """Return the actions that store a new card if the board still ends at `tail`."""
    row = _key(card) | _columns(card) | {"contacts": links_to_row(card.contacts)}
    raised = {"lastOrder": card.order} if tail.is_raised_by(card.order) else None
    return [
        put_new(BOARD, row),
        lists.count_action(BOARD, card.user_id, added=[card.facets], seen=tail.version, sets=raised),
    ]


def change_card_actions(card: Card, over: Card, tail: Tail | None = None, *, mark: str | None = None) -> list[Action]:
    """Return the actions that replace `over` by `card` except for its contacts; `mark` identifies the writer."""
    columns = _columns(card) | ({"savedBy": mark} if mark else {})
    change = update(BOARD, _key(over), f"SET {assignments(columns)}", _UNCHANGED, **columns, seen=over.version)
    actions = [change]
    if tail is not None and tail.is_raised_by(card.order):
        added, taken, sets = [card.facets], [over.facets], {"lastOrder": card.order}
        actions.append(lists.count_action(BOARD, card.user_id, added=added, taken=taken, seen=tail.version, sets=sets))
    elif card.facets != over.facets:
        actions.append(lists.count_action(BOARD, card.user_id, added=[card.facets], taken=[over.facets]))
    return actions


def _key(card: Card) -> Row:
    return card_key(card.user_id, card.card_id)


def _order_key(card: Card) -> str:
    milliseconds = round(parse_timestamp(card.created_at).timestamp() * 1000)
    return f"{card.order + 2**53:017d}#{_LATEST_MILLISECONDS - milliseconds:013d}#{card.card_id}"


def _order_in_facets(facets_key: str) -> str:
    return facets_key.split("#", 3)[3]


def _columns(card: Card) -> Row:
    order_key = _order_key(card)
    return _CARD.to_row(card) | {"orderKey": order_key, "facetsKey": "#".join((*card.facets, order_key))}


def _card_from_row(row: Row) -> Card:
    contacts = {each: link_from_row(link, row["id"], each) for each, link in row["contacts"].items()}
    return _CARD.from_row(row, user_id=row["pk"], contacts=contacts)
