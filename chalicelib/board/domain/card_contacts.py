"""Links between cards and contacts, and the summaries that each shows of the other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from chalicelib.core.domain.fields import In, Line, Omittable, Out, TimeOut, UuidOut, timestamp

# The source of what came from another desk.
FEDERATION: Literal["federation"] = "federation"
MOST_CONTACTS = 50
# Deleting a contact removes it from its cards in one transaction, which can have up to 100 actions.
MOST_CARDS = 90


class Involvement(StrEnum):
    """How a contact is involved in a card."""

    CONTRIBUTOR = "contributor"
    RELATED = "related"


@dataclass(frozen=True)
class CardContact:
    """A link between a card and a contact. Times are RFC 3339 in UTC."""

    link_id: str
    card_id: str
    contact_id: str
    role: str | None
    involvement: Involvement
    can_delegate: bool
    created_at: str

    @classmethod
    def of(cls, request: "CardContactIn", card_id: str, contact_id: str, *, link_id: str, now: datetime) -> Self:
        return cls(
            link_id=link_id,
            card_id=card_id,
            contact_id=contact_id,
            role=request.role,
            involvement=request.involvement,
            can_delegate=request.can_delegate,
            created_at=timestamp(now),
        )

    def patched(self, patch: "CardContactPatch") -> "CardContact":
        return replace(self, **patch.model_dump(exclude_unset=True))


@dataclass(frozen=True)
class RemoteMark:
    """The desk that a text came from, and whether that desk confirmed its address."""

    origin: str | None
    verified: bool

    @classmethod
    def of_details(cls, enriched_data: str | None) -> Self | None:
        """Return the mark in a contact's further data; None if the contact is not of another desk."""
        try:
            found = json.loads(enriched_data or "null")
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or found.get("source") != FEDERATION:
            return None
        origin = found.get("origin")
        return cls(origin if isinstance(origin, str) else None, found.get("verified") is True)

    @property
    def members(self) -> dict[str, Any]:
        """The members of a response that show the mark."""
        return {"source": FEDERATION, "origin": self.origin, "verified": self.verified}


@dataclass(frozen=True)
class ContactBrief:
    """The summary of a contact that a card shows. With `remote` its texts are of another desk."""

    contact_id: str
    name: str
    email: str | None
    company: str | None
    phone: str | None
    role: str | None
    tags: str | None
    remote: RemoteMark | None = None


@dataclass(frozen=True)
class CardBrief:
    """The summary of a card that a contact shows. With `remote` its title is of another desk."""

    card_id: str
    title: str
    status: str
    priority: str
    assignee: str
    due_date: str | None
    remote: RemoteMark | None = None


_Role = Annotated[Line, Field(max_length=100)]
_ROLE = "The contact's role on this card, such as `decision maker`."
_CAN_DELEGATE = "Whether work on this card can be delegated to the contact."


class CardContactIn(In):
    """A contact to link to a card."""

    contact_id: str = Field(
        alias="contactId", min_length=1, max_length=100, description="The id of one of your contacts."
    )
    role: _Role | None = Field(None, description=_ROLE)
    involvement: Involvement = Involvement.RELATED
    can_delegate: bool = Field(default=False, alias="canDelegate", description=_CAN_DELEGATE)


class CardContactPatch(In):
    """Changes to a contact's role on a card. Members that you leave out keep their values."""

    role: _Role | None = Field(None, description=_ROLE)
    involvement: Omittable[Involvement] = None
    can_delegate: Omittable[bool] = Field(None, alias="canDelegate", description=_CAN_DELEGATE)


class LinkedContactOut(Out):
    """A summary of a linked contact. Lists leave out `phone`, `role` and `tags`."""

    id: UuidOut
    name: str
    email: str | None
    company: str | None
    phone: str | None = None
    role: str | None = None
    tags: str | None = None
    source: Omittable[Literal["federation"]] = Field(None, description="Set on a contact with text of another desk.")
    origin: str | None = Field(None, description="The address of that desk.")
    verified: Omittable[bool] = Field(None, description="Whether that desk confirmed its address.")


class LinkedCardOut(Out):
    """A summary of a linked card. Lists leave out `assignee` and `dueDate`."""

    id: UuidOut
    title: str
    status: str
    priority: str
    assignee: str = ""
    due_date: TimeOut | None = None
    source: Omittable[Literal["federation"]] = Field(None, description="Set on a card with text of another desk.")
    origin: str | None = Field(None, description="The address of that desk.")
    verified: Omittable[bool] = Field(None, description="Whether that desk confirmed its address.")


class CardContactOut(Out):
    """A link between a card and a contact. A contact's links have a summary of the card in `card`."""

    id: UuidOut
    card_id: UuidOut
    contact_id: UuidOut
    role: str | None
    involvement: Involvement
    can_delegate: bool
    created_at: TimeOut
    contact: LinkedContactOut
    card: LinkedCardOut | None = None


def to_linked_contact_response(contact: ContactBrief, *, whole: bool) -> LinkedContactOut:
    made: dict[str, Any] = {
        "id": contact.contact_id,
        "name": contact.name,
        "email": contact.email,
        "company": contact.company,
    }
    more = {"phone": contact.phone, "role": contact.role, "tags": contact.tags} if whole else {}
    return LinkedContactOut(**made, **more, **(contact.remote.members if contact.remote else {}))


def to_linked_card_response(card: CardBrief, *, whole: bool) -> LinkedCardOut:
    made: dict[str, Any] = {
        "id": card.card_id,
        "title": card.title,
        "status": card.status,
        "priority": card.priority,
    }
    more = {"assignee": card.assignee, "due_date": card.due_date} if whole else {}
    return LinkedCardOut(**made, **more, **(card.remote.members if card.remote else {}))


def to_link_response(link: CardContact, contact: LinkedContactOut, card: LinkedCardOut | None = None) -> CardContactOut:
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


def sorted_links(links: Mapping[str, CardContact]) -> list[CardContact]:
    """Return the links, sorted by the time they were created."""
    return sorted(links.values(), key=lambda link: (link.created_at, link.link_id))
