"""Contacts: list, search, create, change and delete them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from chalicelib.board.domain.card_contacts import CardBrief
from chalicelib.board.domain.contacts import (
    Contact,
    ContactIn,
    ContactOut,
    ContactPage,
    ContactPatch,
    ContactQuery,
    to_contact_response,
)
from chalicelib.board.services.ports import Contacts
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.pages import PageRequest
from chalicelib.core.domain.requests import RequestContext

_NO_CONTACT = "Contact not found."
_BUSY = "The contact is being changed by many calls at once."


class CardBriefs(Protocol):
    def find_briefs(self, user_id: str, card_ids: Iterable[str]) -> Mapping[str, CardBrief]: ...


def list_contacts(query: ContactQuery, *, owner: ApiKey, contacts: Contacts, board: CardBriefs) -> ContactPage:
    """List a page of the owner's contacts by name.

    Store calls after authentication, in sequence: 3. One less when no contact of the page has cards.
    """
    wanted = query.filter
    page = PageRequest.of(query, "contacts", owner.user_id, wanted.text, wanted.tag)
    if wanted:
        listed = contacts.search_contacts(owner.user_id, wanted, page)
    else:
        listed = contacts.list_contacts(owner.user_id, page)
    known = _find_cards(listed.rows, owner.user_id, board)
    shown, pagination = page.fit([to_contact_response(contact, known, whole=False) for contact in listed.rows], listed)
    return ContactPage(contacts=shown, pagination=pagination)


def read_contact(contact_id: str, *, owner: ApiKey, contacts: Contacts, board: CardBriefs) -> ContactOut:
    """Return one contact of the owner. Store calls after authentication: 2; 1 when it has no cards.

    Raises:
        NotFound: there is no such contact, or it is somebody else's.
    """
    contact = require_contact(contact_id, owner.user_id, contacts)
    return _response(contact, _find_cards([contact], owner.user_id, board))


def create_contact(
    request: ContactIn, *, contact_id: str, index_id: str, owner: ApiKey, context: RequestContext, contacts: Contacts
) -> ContactOut:
    """Create a contact. Store calls after authentication, in sequence: 2.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    contact = Contact.of(request, contact_id=contact_id, index_id=index_id, user_id=owner.user_id, now=context.now)
    created = _response(contact, {})
    contacts.add_contact(contact, claim=context.claim, reply=stored_envelope(201, created))
    return created


def update_contact(
    contact_id: str,
    patch: ContactPatch,
    *,
    index_id: str,
    owner: ApiKey,
    context: RequestContext,
    contacts: Contacts,
    board: CardBriefs,
) -> ContactOut:
    """Change a contact.

    Store calls after authentication, in sequence: 2, and 1 more when it has cards, and 2 more when its search
    terms change.

    Raises:
        NotFound: there is no such contact, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    known: Mapping[str, CardBrief] = {}
    attempts = Attempts(_BUSY)
    while attempts.again():
        contact = require_contact(contact_id, owner.user_id, contacts)
        if known.keys() != contact.cards.keys():
            known = _find_cards([contact], owner.user_id, board)
        changed = contact.patched(patch, index_id=index_id, now=context.now)
        updated = _response(changed, known)
        if contacts.save_contact(changed, over=contact, claim=context.claim, reply=stored_envelope(200, updated)):
            return updated


def delete_contact(contact_id: str, *, owner: ApiKey, context: RequestContext, contacts: Contacts) -> None:
    """Delete a contact, and unlink its cards. Store calls after authentication, in sequence: 3.

    Raises:
        NotFound: there is no such contact, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        contact = require_contact(contact_id, owner.user_id, contacts)
        if contacts.remove_contact(contact, claim=context.claim, reply=stored_envelope(200)):
            return


def require_contact(contact_id: str, user_id: str, contacts: Contacts) -> Contact:
    """Return the person's contact. Store calls: 1.

    Raises:
        NotFound: the person has no contact with this id.
    """
    contact = contacts.find_contact(user_id, contact_id) if is_uuid(contact_id) else None
    if contact is None:
        raise NotFound(_NO_CONTACT)
    return contact


def _find_cards(contacts: Iterable[Contact], user_id: str, board: CardBriefs) -> Mapping[str, CardBrief]:
    wanted = {card_id for contact in contacts for card_id in contact.cards}
    return board.find_briefs(user_id, wanted) if wanted else {}


def _response(contact: Contact, known: Mapping[str, CardBrief]) -> ContactOut:
    return to_contact_response(contact, known, whole=True)
