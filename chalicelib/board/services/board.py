"""What people and their agents do with the board: cards and their checklists."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.board.domain.board import (
    MOST_ITEMS,
    Card,
    CardIn,
    CardPage,
    CardPatch,
    CardQuery,
    ChecklistItem,
    ChecklistItemIn,
    ChecklistItemOut,
    ChecklistItemPatch,
    KanbanCardOut,
    check_size,
    shown_card,
    shown_item,
)
from chalicelib.board.domain.card_contacts import ContactBrief
from chalicelib.board.services.ports import Cards
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.pages import paged
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import RelayEnd
from chalicelib.parallel import gather

_NO_CARD, _NO_ITEM = "No such card.", "The card has no such checklist item."
_BUSY = "The board is being changed by many calls at once."


class CardRelays(Protocol):
    """The relays that cards came from."""

    def complete_relay(self, relay_id: str, user_id: str, *, now: datetime) -> RelayEnd | None: ...


class ContactBriefs(Protocol):
    def find_briefs(self, user_id: str, contact_ids: Iterable[str]) -> Mapping[str, ContactBrief]: ...


def list_cards(query: CardQuery, *, owner: ApiKey, board: Cards, contacts: ContactBriefs) -> CardPage:
    """A page of the owner's board, by order and the newest first of equal ones.

    Store calls after authentication, in sequence: 3, and 1 more with a filter. One less when no card of the page has
    contacts.
    """
    found, total = board.list_cards(owner.user_id, query.facets, offset=query.offset, limit=query.limit)
    known = _known_contacts(found, owner.user_id, contacts)
    cards, pagination = paged(
        [shown_card(card, known, whole=False) for card in found], total, limit=query.limit, offset=query.offset
    )
    return CardPage(cards=cards, pagination=pagination)


def read_card(card_id: str, *, owner: ApiKey, board: Cards, contacts: ContactBriefs) -> KanbanCardOut:
    """One card of the owner's. Store calls after authentication: 2; 1 when it has no contacts.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
    """
    card = known_card(card_id, owner.user_id, board)
    return _answer(card, _known_contacts([card], owner.user_id, contacts))


def create_card(given: CardIn, *, card_id: str, owner: ApiKey, context: RequestContext, board: Cards) -> KanbanCardOut:
    """Add a card, by default behind all others of the board. Store calls after authentication: 2.

    Raises:
        Invalid: the card is too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        tail = board.find_tail(owner.user_id)
        card = Card.of(given, card_id=card_id, user_id=owner.user_id, tail=tail, now=context.now)
        check_size(card)
        created = _answer(card, {})
        if board.add_card(card, tail=tail, claim=context.claim, reply=stored_envelope(201, created)):
            return created


def update_card(
    card_id: str,
    patch: CardPatch,
    *,
    owner: ApiKey,
    context: RequestContext,
    board: Cards,
    contacts: ContactBriefs,
    source_relays: CardRelays,
) -> KanbanCardOut:
    """Change a card. Store calls after authentication, in sequence: 3; 2 when it has no contacts.

    A card that another desk's relay brought completes the relay with itself, in the same transaction: 3 more, or 1
    when that has been done before.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        Invalid: the card grows too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    known: Mapping[str, ContactBrief] = {}
    attempts = Attempts(_BUSY)
    while attempts.again():
        tail = None
        if "order" in patch.model_fields_set:
            card, tail = gather(
                partial(known_card, card_id, owner.user_id, board), partial(board.find_tail, owner.user_id)
            )
        else:
            card = known_card(card_id, owner.user_id, board)
        if known.keys() != card.contacts.keys():
            known = _known_contacts([card], owner.user_id, contacts)
        changed = card.patched(patch, now=context.now)
        check_size(changed)
        updated = _answer(changed, known)
        ended = None
        if card.source_relay_id and changed.is_completed and not card.is_completed:
            ended = source_relays.complete_relay(card.source_relay_id, owner.user_id, now=context.now)
        also = ended.actions if ended else ()
        reply = stored_envelope(200, updated)
        if board.save_card(changed, over=card, tail=tail, claim=context.claim, reply=reply, also=also):
            if ended:
                ended.announce()
            return updated


def delete_card(card_id: str, *, owner: ApiKey, context: RequestContext, board: Cards) -> None:
    """Delete a card with its checklist, and take it off its contacts. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card = known_card(card_id, owner.user_id, board)
        if board.remove_card(card, claim=context.claim, reply=stored_envelope(200)):
            return


def add_item(
    card_id: str, given: ChecklistItemIn, *, item_id: str, owner: ApiKey, context: RequestContext, board: Cards
) -> ChecklistItemOut:
    """Add an item to a card's checklist. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        Conflict: the checklist has all the items it may have.
        Invalid: the card grows too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card = known_card(card_id, owner.user_id, board)
        # It is there already when a retry below us has written it.
        item = card.find_item(item_id) or card.new_item(given, item_id=item_id, now=context.now)
        changed = card.with_item(item, now=context.now)
        if len(changed.checklist) > MOST_ITEMS:
            raise Conflict(f"A checklist has at most {MOST_ITEMS} items.")
        if added := _saved_item(item, 201, changed, over=card, context=context, board=board):
            return added


def update_item(
    card_id: str, item_id: str, patch: ChecklistItemPatch, *, owner: ApiKey, context: RequestContext, board: Cards
) -> ChecklistItemOut:
    """Change an item of a card's checklist. Store calls after authentication: 2; 1 when nothing is given.

    Raises:
        NotFound: there is no such card or item, or it is somebody else's.
        Invalid: the card grows too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, item = _known_item(card_id, item_id, owner.user_id, board)
        patched = patch.applied(item, now=context.now)
        changed = card if patched is item else card.with_item(patched, now=context.now)
        if updated := _saved_item(patched, 200, changed, over=card, context=context, board=board):
            return updated


def delete_item(card_id: str, item_id: str, *, owner: ApiKey, context: RequestContext, board: Cards) -> None:
    """Take an item off a card's checklist. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card or item, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, item = _known_item(card_id, item_id, owner.user_id, board)
        changed = card.without_item(item, now=context.now)
        if board.save_card(changed, over=card, tail=None, claim=context.claim, reply=stored_envelope(200)):
            return


def known_card(card_id: str, user_id: str, board: Cards) -> Card:
    """The person's card.

    Raises:
        NotFound: there is none with this id.
    """
    card = board.find_card(user_id, card_id) if is_uuid(card_id) else None
    if card is None:
        raise NotFound(_NO_CARD)
    return card


def _known_item(card_id: str, item_id: str, user_id: str, board: Cards) -> tuple[Card, ChecklistItem]:
    card = known_card(card_id, user_id, board)
    if (item := card.find_item(item_id)) is None:
        raise NotFound(_NO_ITEM)
    return card, item


def _saved_item(
    item: ChecklistItem, status: int, card: Card, *, over: Card, context: RequestContext, board: Cards
) -> ChecklistItemOut | None:
    check_size(card)
    answer = shown_item(item, card.card_id)
    saved = board.save_card(card, over=over, tail=None, claim=context.claim, reply=stored_envelope(status, answer))
    return answer if saved else None


def _known_contacts(cards: list[Card], user_id: str, contacts: ContactBriefs) -> Mapping[str, ContactBrief]:
    wanted = {contact_id for card in cards for contact_id in card.contacts}
    return contacts.find_briefs(user_id, wanted) if wanted else {}


def _answer(card: Card, known: Mapping[str, ContactBrief]) -> KanbanCardOut:
    return shown_card(card, known, whole=True)
