"""Links between cards and contacts, stored in the rows of both and written to both in one transaction.

A card's row has its links in the map `contacts`, by contact id, and a contact's row in the map `cards`, by card id:
{id, role, involvement, canDelegate, createdAt} each. In the expressions here, the map is #links, its key #other.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.board.domain.board import Card
from chalicelib.board.domain.card_contacts import MOST_CARDS, MOST_CONTACTS, CardContact
from chalicelib.board.domain.contacts import Contact
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import BOARD, CONTACTS

_LINKED = "attribute_exists(#links.#other)"

_LINK = Codec(CardContact, {"link_id": "id"}, without=("card_id", "contact_id"))


class DynamoCardContacts:
    def link(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool:
        """Link a card and a contact; False if one is missing or has the most links allowed, or they are linked.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        free = "attribute_exists(pk) AND attribute_not_exists(#links.#other) AND size(#links) < :most"
        put, row = "SET #links.#other = :row", _LINK.to_row(link)
        actions = [
            _of_card(link, user_id, f"{put}, updatedAt = :now", free, row=row, most=MOST_CONTACTS, now=now),
            _of_contact(link, user_id, put, free, row=row, most=MOST_CARDS),
        ]
        return try_commit(actions, claim=claim, reply=reply)

    def save_link(self, link: CardContact, *, over: Card, now: str, claim: Claim | None, reply: StoredReply) -> bool:
        """Replace a link of the card `over`; False if the card has changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        put, row = "SET #links.#other = :row", _LINK.to_row(link)
        actions = [
            _of_card(
                link, over.user_id, f"{put}, updatedAt = :now", "version = :seen", row=row, seen=over.version, now=now
            ),
            _of_contact(link, over.user_id, put, _LINKED, row=row),
        ]
        return try_commit(actions, claim=claim, reply=reply)

    def unlink(self, link: CardContact, *, user_id: str, now: str, claim: Claim | None, reply: StoredReply) -> bool:
        """Delete a link; False if there is none. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [
            _of_card(link, user_id, "REMOVE #links.#other SET updatedAt = :now", _LINKED, now=now),
            _of_contact(link, user_id, "REMOVE #links.#other", _LINKED),
        ]
        return try_commit(actions, claim=claim, reply=reply)


def card_key(user_id: str, card_id: str) -> Row:
    return {"pk": user_id, "sk": f"CARD#{card_id}"}


def contact_key(user_id: str, contact_id: str) -> Row:
    return {"pk": user_id, "sk": f"CONTACT#{contact_id}"}


def unlink_contacts_actions(card: Card) -> list[Action]:
    """Return the actions that remove a card's links from its contacts."""
    return [_of_contact(link, card.user_id, "REMOVE #links.#other", _LINKED) for link in card.contacts.values()]


def unlink_cards_actions(contact: Contact) -> list[Action]:
    """Return the actions that remove a contact's links from its cards."""
    return [_of_card(link, contact.user_id, "REMOVE #links.#other", _LINKED) for link in contact.cards.values()]


def links_to_row(links: Mapping[str, CardContact]) -> Row:
    """Convert links to rows, by the other side's id."""
    return {other: _LINK.to_row(link) for other, link in links.items()}


def link_from_row(row: Row, card_id: str, contact_id: str) -> CardContact:
    return _LINK.from_row(row, card_id=card_id, contact_id=contact_id)


def _of_card(link: CardContact, user_id: str, expression: str, condition: str, **request: Any) -> Action:
    names = {"links": "contacts", "other": link.contact_id}
    key = card_key(user_id, link.card_id)
    return update(BOARD, key, f"{expression} ADD version :one", condition, names, one=1, **request)


def _of_contact(link: CardContact, user_id: str, expression: str, condition: str, **request: Any) -> Action:
    names = {"links": "cards", "other": link.card_id}
    key = contact_key(user_id, link.contact_id)
    return update(CONTACTS, key, f"{expression} ADD version :one", condition, names, one=1, **request)
