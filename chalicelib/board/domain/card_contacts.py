"""What links a card to a contact, and how each is shown beside the other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field

from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut, UuidOut, timestamp

MOST_CONTACTS = 50
# Deleting a contact takes it off its cards in one transaction, which has at most a hundred members.
MOST_CARDS = 90


class Involvement(StrEnum):
    """What part the contact has in the card's work."""

    CONTRIBUTOR = "contributor"
    RELATED = "related"


@dataclass(frozen=True)
class CardContact:
    """One contact of one card. Times are RFC 3339 in UTC."""

    link_id: str
    card_id: str
    contact_id: str
    role: str | None
    involvement: Involvement
    can_delegate: bool
    created_at: str

    @classmethod
    def of(cls, given: "CardContactIn", card_id: str, contact_id: str, *, link_id: str, now: datetime) -> Self:
        return cls(
            link_id=link_id,
            card_id=card_id,
            contact_id=contact_id,
            role=given.role,
            involvement=given.involvement,
            can_delegate=given.can_delegate,
            created_at=timestamp(now),
        )

    def patched(self, patch: "CardContactPatch") -> "CardContact":
        return replace(self, **patch.model_dump(exclude_unset=True))


@dataclass(frozen=True)
class ContactBrief:
    """What a card shows of a contact."""

    contact_id: str
    name: str
    email: str | None
    company: str | None
    phone: str | None
    role: str | None
    tags: str | None


@dataclass(frozen=True)
class CardBrief:
    """What a contact shows of a card."""

    card_id: str
    title: str
    status: str
    priority: str
    assignee: str
    due_date: str | None


_Role = Annotated[str, Field(max_length=100)]
_ROLE = "What the contact is on this card, such as `decision maker`."
_CAN_DELEGATE = "Whether work on the card may be handed to the contact."


class CardContactIn(In):
    """A contact to be linked to a card."""

    contact_id: str = Field(alias="contactId", min_length=1, max_length=100, description="One of your contacts.")
    role: _Role | None = Field(None, description=_ROLE)
    involvement: Involvement = Involvement.RELATED
    can_delegate: bool = Field(default=False, alias="canDelegate", description=_CAN_DELEGATE)


class CardContactPatch(In):
    """Changes to a contact's part in a card: members left out stay."""

    role: _Role | None = Field(None, description=_ROLE)
    involvement: Omittable[Involvement] = None
    can_delegate: Omittable[bool] = Field(None, alias="canDelegate", description=_CAN_DELEGATE)


class LinkedContactOut(Out):
    """A linked contact in brief; lists leave out `phone`, `role` and `tags`."""

    id: UuidOut
    name: str
    email: str | None
    company: str | None
    phone: str | None = None
    role: str | None = None
    tags: str | None = None


class LinkedCardOut(Out):
    """A linked card in brief; lists leave out `assignee` and `dueDate`."""

    id: UuidOut
    title: str
    status: str
    priority: str
    assignee: str = ""
    due_date: TimeOut | None = None


class CardContactOut(Out):
    """What links a card and a contact; where a contact shows its cards, `card` has the card in brief."""

    id: UuidOut
    card_id: UuidOut
    contact_id: UuidOut
    role: str | None
    involvement: Involvement
    can_delegate: bool
    created_at: TimeOut
    contact: LinkedContactOut
    card: LinkedCardOut | None = None


def contact_in_brief(contact: ContactBrief, *, whole: bool) -> LinkedContactOut:
    made: dict[str, Any] = {
        "id": contact.contact_id,
        "name": contact.name,
        "email": contact.email,
        "company": contact.company,
    }
    more = {"phone": contact.phone, "role": contact.role, "tags": contact.tags} if whole else {}
    return LinkedContactOut(**made, **more)


def card_in_brief(card: CardBrief, *, whole: bool) -> LinkedCardOut:
    made: dict[str, Any] = {
        "id": card.card_id,
        "title": card.title,
        "status": card.status,
        "priority": card.priority,
    }
    more = {"assignee": card.assignee, "due_date": card.due_date} if whole else {}
    return LinkedCardOut(**made, **more)


def shown_link(link: CardContact, contact: LinkedContactOut, card: LinkedCardOut | None = None) -> CardContactOut:
    made: dict[str, Any] = {
        "id": link.link_id,
        "card_id": link.card_id,
        "contact_id": link.contact_id,
        "role": link.role,
        "involvement": link.involvement,
        "can_delegate": link.can_delegate,
        "created_at": link.created_at,
        "contact": contact,
    }
    return CardContactOut(**made, **({"card": card} if card else {}))


def in_turn(links: Mapping[str, CardContact]) -> list[CardContact]:
    """The links in the order they were made."""
    return sorted(links.values(), key=lambda link: (link.created_at, link.link_id))
