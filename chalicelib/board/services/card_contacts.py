"""What links a card to the contacts it is about."""

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
    contact_in_brief,
    shown_link,
)
from chalicelib.board.domain.contacts import Contact
from chalicelib.board.services.board import known_card
from chalicelib.board.services.contacts import known_contact
from chalicelib.board.services.ports import Cards, Contacts
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.parallel import gather

_NOT_LINKED = "The card has no such contact."
_BUSY = "The card is being changed by many calls at once."


class Links(Protocol):
    def link(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool: ...
    def save_link(
        self, link: CardContact, *, over: Card, now: str, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def unlink(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool: ...


def link_contact(
    card_id: str,
    given: CardContactIn,
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
        Conflict: they are linked, or one of them has all the links it may have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, contact = _sides(card_id, given.contact_id, owner.user_id, board, contacts)
        if contact.contact_id in card.contacts:
            raise Conflict("The contact is linked to the card already.")
        if len(card.contacts) >= MOST_CONTACTS:
            raise Conflict(f"A card has at most {MOST_CONTACTS} contacts.")
        if len(contact.cards) >= MOST_CARDS:
            raise Conflict(f"A contact has at most {MOST_CARDS} cards.")
        link = CardContact.of(given, card.card_id, contact.contact_id, link_id=link_id, now=context.now)
        linked, now = _answer(link, contact), timestamp(context.now)
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
    """Change a contact's part in a card. Store calls after authentication, in sequence: 2.

    Raises:
        NotFound: there is no such card, or no such contact of it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        card, contact = _sides(card_id, contact_id, owner.user_id, board, contacts)
        if (link := card.contacts.get(contact_id)) is None:
            raise NotFound(_NOT_LINKED)
        changed = link.patched(patch)
        updated, now = _answer(changed, contact), timestamp(context.now)
        if links.save_link(changed, over=card, now=now, claim=context.claim, reply=stored_envelope(200, updated)):
            return updated


def unlink_contact(
    card_id: str, contact_id: str, *, owner: ApiKey, context: RequestContext, board: Cards, links: Links
) -> None:
    """Take a contact off a card. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such card, or no such contact of it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    now, reply = timestamp(context.now), stored_envelope(200)
    card = known_card(card_id, owner.user_id, board)
    link = card.contacts.get(contact_id)
    if not link or not links.unlink(link, user_id=owner.user_id, now=now, claim=context.claim, reply=reply):
        raise NotFound(_NOT_LINKED)


def _sides(card_id: str, contact_id: str, user_id: str, board: Cards, contacts: Contacts) -> tuple[Card, Contact]:
    card, contact = gather(
        partial(known_card, card_id, user_id, board), partial(known_contact, contact_id, user_id, contacts)
    )
    return card, contact


def _answer(link: CardContact, contact: Contact) -> CardContactOut:
    return shown_link(link, contact_in_brief(contact.brief, whole=True))
