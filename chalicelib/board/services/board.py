"""The board: list, create, change and delete cards and their checklist items."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.board.domain.board import MOST_ITEMS, Card, ChecklistItem
from chalicelib.board.domain.board_messages import (
    CardIn,
    CardPage,
    CardPatch,
    CardQuery,
    ChecklistItemIn,
    ChecklistItemOut,
    ChecklistItemPatch,
    KanbanCardOut,
    check_size,
    new_item,
    place_item,
    to_card_response,
    to_checklist_item_response,
)
from chalicelib.board.domain.card_contacts import ContactBrief
from chalicelib.board.services.placing import place_card, place_last
from chalicelib.board.services.ports import Cards
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.pages import PageRequest
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import RelayEnd
from chalicelib.parallel import gather

_NO_CARD, _NO_ITEM = "Card not found.", "Checklist item not found."
_BUSY = "Too many calls are changing the board. Try again."


class CardRelays(Protocol):
    """The relays that cards came from."""

    def complete_relay(self, relay_id: str, user_id: str, *, now: datetime) -> RelayEnd | None: ...


class ContactBriefs(Protocol):
    def find_briefs(self, user_id: str, contact_ids: Iterable[str]) -> Mapping[str, ContactBrief]: ...


def list_cards(query: CardQuery, *, owner: ApiKey, board: Cards, contacts: ContactBriefs) -> CardPage:
    """List a page of the owner's cards by order, and of equal orders the newest first.

    Store calls after authentication, in sequence: 3, and 1 more with a filter. One less when no card of the page has
    contacts.
    """
    page = PageRequest.of(query, "cards", owner.user_id, *query.facets)
    listed = board.list_cards(owner.user_id, query.facets, page)
    known = _find_contacts(listed.rows, owner.user_id, contacts)
    cards, pagination = page.fit([to_card_response(card, known, whole=False) for card in listed.rows], listed)
    return CardPage(cards=cards, pagination=pagination)


def read_card(card_id: str, *, owner: ApiKey, board: Cards, contacts: ContactBriefs) -> KanbanCardOut:
    """Return one card of the owner. Store calls after authentication: 2; 1 when it has no contacts.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
    """
    card = require_card(card_id, owner.user_id, board)
    return _response(card, _find_contacts([card], owner.user_id, contacts))


def create_card(
    request: CardIn, *, card_id: str, owner: ApiKey, context: RequestContext, board: Cards
) -> KanbanCardOut:
    """Create a card, by default after all others. Store calls after authentication: 2, and those of `place_card`.

    Raises:
        Invalid: the card is too large, or it names another card that does not exist.
        Conflict: there is no room for it in the place that was named.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        tail = board.find_tail(owner.user_id)
        card = Card.of(request, card_id=card_id, user_id=owner.user_id, now=context.now)
        placement = place_card(request, tail, card=card, board=board) or place_last(
            tail, card_id=card_id, user_id=owner.user_id, board=board
        )
        card = card.placed(placement)
        check_size(card)
        created = _response(card, {})
        if board.add_card(card, placement, tail=tail, claim=context.claim, reply=stored_envelope(201, created)):
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

    To place the card takes those of `place_card` more. If a relay created the card, completing the card completes the
    relay in the same transaction. This takes 3 more calls, or 1 if it was done before.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        Invalid: the card would be too large, or the patch names another card that does not exist.
        Conflict: there is no room for it in the place that was named.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    known: Mapping[str, ContactBrief] = {}
    attempts = Attempts(_BUSY)
    while attempts.again():
        tail = placement = None
        if patch.is_placed:
            card, tail = gather(
                partial(require_card, card_id, owner.user_id, board), partial(board.find_tail, owner.user_id)
            )
        else:
            card = require_card(card_id, owner.user_id, board)
        if known.keys() != card.contacts.keys():
            known = _find_contacts([card], owner.user_id, contacts)
        if tail:
            placement = place_card(patch, tail, card=card, board=board)
        changed = card.patched(patch, now=context.now)
        changed = changed.placed(placement) if placement else changed
        check_size(changed)
        updated = _response(changed, known)
        ended = None
        if card.source_relay_id and changed.is_completed and not card.is_completed:
            ended = source_relays.complete_relay(card.source_relay_id, owner.user_id, now=context.now)
        also = ended.actions if ended else ()
        reply = stored_envelope(200, updated)
        if board.save_card(
            changed, over=card, tail=tail, placement=placement, claim=context.claim, reply=reply, also=also
        ):
            if ended:
                ended.announce()
            return updated


def delete_card(card_id: str, *, owner: ApiKey, context: RequestContext, board: Cards) -> None:
    """Delete a card with its checklist, and unlink its contacts. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card = require_card(card_id, owner.user_id, board)
        if board.remove_card(card, claim=context.claim, reply=stored_envelope(200)):
            return


def add_item(
    card_id: str, request: ChecklistItemIn, *, item_id: str, owner: ApiKey, context: RequestContext, board: Cards
) -> ChecklistItemOut:
    """Add an item to a card's checklist. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or it is somebody else's.
        Conflict: the checklist is full.
        Invalid: the card would be too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card = require_card(card_id, owner.user_id, board)
        # The item exists already if a retry of the store client has written it.
        made = card.find_item(item_id)
        if made:
            changed = card.with_item(made, now=context.now)
        else:
            changed = place_item(card, new_item(request, item_id=item_id, now=context.now), request, now=context.now)
        if len(changed.checklist) > MOST_ITEMS:
            raise Conflict(f"A checklist can have up to {MOST_ITEMS} items.")
        if added := _save_item(item_id, 201, changed, over=card, context=context, board=board):
            return added


def update_item(
    card_id: str, item_id: str, patch: ChecklistItemPatch, *, owner: ApiKey, context: RequestContext, board: Cards
) -> ChecklistItemOut:
    """Change an item of a card's checklist. Store calls after authentication: 2; 1 if the patch is empty.

    Raises:
        NotFound: there is no such card or item, or it is somebody else's.
        Invalid: the card would be too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, item = _require_item(card_id, item_id, owner.user_id, board)
        patched = patch.applied(item, now=context.now)
        changed = card if patched is item else place_item(card, patched, patch, now=context.now)
        if updated := _save_item(item_id, 200, changed, over=card, context=context, board=board):
            return updated


def delete_item(card_id: str, item_id: str, *, owner: ApiKey, context: RequestContext, board: Cards) -> None:
    """Delete an item from a card's checklist. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card or item, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, item = _require_item(card_id, item_id, owner.user_id, board)
        changed = card.without_item(item, now=context.now)
        if board.save_card(changed, over=card, tail=None, claim=context.claim, reply=stored_envelope(200)):
            return


def require_card(card_id: str, user_id: str, board: Cards) -> Card:
    """Return the person's card. Store calls: 1.

    Raises:
        NotFound: the person has no card with this id.
    """
    card = board.find_card(user_id, card_id) if is_uuid(card_id) else None
    if card is None:
        raise NotFound(_NO_CARD)
    return card


def _require_item(card_id: str, item_id: str, user_id: str, board: Cards) -> tuple[Card, ChecklistItem]:
    card = require_card(card_id, user_id, board)
    if (item := card.find_item(item_id)) is None:
        raise NotFound(_NO_ITEM)
    return card, item


def _save_item(
    item_id: str, status: int, card: Card, *, over: Card, context: RequestContext, board: Cards
) -> ChecklistItemOut | None:
    check_size(card)
    item = card.find_item(item_id)
    assert item is not None
    answer = to_checklist_item_response(item, card.card_id)
    saved = board.save_card(card, over=over, tail=None, claim=context.claim, reply=stored_envelope(status, answer))
    return answer if saved else None


def _find_contacts(cards: Iterable[Card], user_id: str, contacts: ContactBriefs) -> Mapping[str, ContactBrief]:
    wanted = {contact_id for card in cards for contact_id in card.contacts}
    return contacts.find_briefs(user_id, wanted) if wanted else {}


def _response(card: Card, known: Mapping[str, ContactBrief]) -> KanbanCardOut:
    return to_card_response(card, known, whole=True)
