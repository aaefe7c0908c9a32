"""Ports of board: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.board.domain.board import Card, CardRow, Tail
    from chalicelib.board.domain.contacts import Contact, ContactFilter
    from chalicelib.board.domain.positions import Neighbours, Placement, Position
    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.domain.pages import Listed, PageRequest
    from chalicelib.core.ports import Action


class Cards(Protocol):
    """Reads and changes the cards of a board."""

    def find_card(self, user_id: str, card_id: str) -> Card | None: ...
    def list_cards(self, user_id: str, facets: Sequence[str | None], page: PageRequest) -> Listed[Card]: ...
    def find_tail(self, user_id: str) -> Tail: ...
    def find_neighbours(
        self, user_id: str, boundary: Position, *, without: str, reach: int = 0
    ) -> Neighbours[CardRow]: ...
    def shift_cards(self, user_id: str, boundary: Position, tail: Tail, *, without: str) -> bool: ...
    def add_card(
        self, card: Card, placement: Placement[CardRow], *, tail: Tail, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
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
    ) -> bool: ...
    def remove_card(self, card: Card, *, claim: Claim | None, reply: StoredReply) -> bool: ...


class Contacts(Protocol):
    """Reads and changes a person's contacts."""

    def find_contact(self, user_id: str, contact_id: str) -> Contact | None: ...
    def list_contacts(self, user_id: str, page: PageRequest) -> Listed[Contact]: ...
    def search_contacts(self, user_id: str, wanted: ContactFilter, page: PageRequest) -> Listed[Contact]: ...
    def add_contact(self, contact: Contact, *, claim: Claim | None, reply: StoredReply) -> None: ...
    def save_contact(self, contact: Contact, *, over: Contact, claim: Claim | None, reply: StoredReply) -> bool: ...
    def remove_contact(self, contact: Contact, *, claim: Claim | None, reply: StoredReply) -> bool: ...
    def keep_contact(self, contact: Contact) -> None: ...
