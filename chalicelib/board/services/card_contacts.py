"""Link contacts to cards, and change and remove the links."""

from functools import partial
from typing import Protocol

from chalicelib.board.domain.board import Card
from chalicelib.board.domain.card_contacts import (
    MOST_CARDS,
    MOST_CONTACTS,
    CardContact,
    CardContactIn,
    CardContactOut,
    CardContactPatch,
    to_link_response,
    to_linked_contact_response,
)
from chalicelib.board.domain.contacts import Contact
from chalicelib.board.services.board import require_card
from chalicelib.board.services.contacts import require_contact
from chalicelib.board.services.ports import Cards, Contacts
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.parallel import gather

_NOT_LINKED = "The card is not linked to this contact."
_BUSY = "Too many calls are changing this card. Try again."


class Links(Protocol):
    def link(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool: ...
    def save_link(
        self, link: CardContact, *, over: Card, now: str, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def unlink(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool: ...


def link_contact(
    card_id: str,
    request: CardContactIn,
    *,
    link_id: str,
    owner: ApiKey,
    context: RequestContext,
    board: Cards,
    contacts: Contacts,
    links: Links,
) -> CardContactOut:
    """Link a contact to a card. Store calls after authentication, in sequence: 2.

    Raises:
        NotFound: there is no such card or contact, or it is somebody else's.
        Conflict: they are linked already, or one of them has no room for another link.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, contact = _require_both(card_id, request.contact_id, owner.user_id, board, contacts)
        if contact.contact_id in card.contacts:
            raise Conflict("The contact is already linked to this card.")
        if len(card.contacts) >= MOST_CONTACTS:
            raise Conflict(f"A card can have up to {MOST_CONTACTS} contacts.")
        if len(contact.cards) >= MOST_CARDS:
            raise Conflict(f"A contact can have up to {MOST_CARDS} cards.")
        link = CardContact.of(request, card.card_id, contact.contact_id, link_id=link_id, now=context.now)
        linked, now = _response(link, contact), timestamp(context.now)
        if links.link(link, user_id=owner.user_id, now=now, claim=context.claim, reply=stored_envelope(201, linked)):
            return linked


def update_link(
    card_id: str,
    contact_id: str,
    patch: CardContactPatch,
    *,
    owner: ApiKey,
    context: RequestContext,
    board: Cards,
    contacts: Contacts,
    links: Links,
) -> CardContactOut:
    """Change a contact's role on a card. Store calls after authentication, in sequence: 2.

    Raises:
        NotFound: there is no such card, or no such contact of it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, contact = _require_both(card_id, contact_id, owner.user_id, board, contacts)
        if (link := card.contacts.get(contact_id)) is None:
            raise NotFound(_NOT_LINKED)
        changed = link.patched(patch)
        updated, now = _response(changed, contact), timestamp(context.now)
        if links.save_link(changed, over=card, now=now, claim=context.claim, reply=stored_envelope(200, updated)):
            return updated


def unlink_contact(
    card_id: str, contact_id: str, *, owner: ApiKey, context: RequestContext, board: Cards, links: Links
) -> None:
    """Unlink a contact from a card. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or no such contact of it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    now, reply = timestamp(context.now), stored_envelope(200)
    card = require_card(card_id, owner.user_id, board)
    link = card.contacts.get(contact_id)
    if not link or not links.unlink(link, user_id=owner.user_id, now=now, claim=context.claim, reply=reply):
        raise NotFound(_NOT_LINKED)


def _require_both(
    card_id: str, contact_id: str, user_id: str, board: Cards, contacts: Contacts
) -> tuple[Card, Contact]:
    card, contact = gather(
        partial(require_card, card_id, user_id, board), partial(require_contact, contact_id, user_id, contacts)
    )
    return card, contact


def _response(link: CardContact, contact: Contact) -> CardContactOut:
    return to_link_response(link, to_linked_contact_response(contact.brief, whole=True))
