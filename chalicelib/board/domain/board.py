"""The board: cards in stages, each with a checklist and the contacts it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from chalicelib.board.domain.card_contacts import (
    CardContact,
    CardContactOut,
    ContactBrief,
    contact_in_brief,
    in_turn,
    shown_link,
)
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut, Timestamp, UuidOut, not_blank, timestamp
from chalicelib.core.domain.pages import PageQuery, Pagination

MOST_ITEMS = 100
# Of a card without its contacts, as JSON. A row holds at most 400 KB, and some engines count a member that is replaced
# with both its values.
LARGEST_CARD = 160_000
# The whole numbers that every reader of JSON has.
_FARTHEST = 2**53 - 1
# Between two cards there is room for others, without either being moved.
_GAP = 1024


class CardStatus(StrEnum):
    """A card's stage: the column of the board it is in."""

    LEADS = "leads"
    QUALIFYING = "qualifying"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    CONTRACTED = "contracted"
    ACTIVE = "active"
    DEVELOPMENT = "development"
    PLANNING = "planning"
    PAUSED = "paused"
    COMPLETED = "completed"


class CardPriority(StrEnum):
    """How much a card matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Assignee(StrEnum):
    """Who works on a card: the person, or the person's agent."""

    HUMAN = "human"
    AGENT = "agent"


@dataclass(frozen=True)
class ChecklistItem:
    """One step of a card. Times are RFC 3339 in UTC."""

    item_id: str
    text: str
    completed: bool
    order: int
    created_at: str
    updated_at: str

    @property
    def place(self) -> tuple[int, str, str]:
        return self.order, self.created_at, self.item_id


@dataclass(frozen=True)
class Tail:
    """The end of a board: the highest order a card has had, and the version of what says so."""

    last_order: int | None
    version: int

    @property
    def next_order(self) -> int:
        return 0 if self.last_order is None else min(self.last_order + _GAP, _FARTHEST)

    def raised_by(self, order: int) -> bool:
        return self.last_order is None or order > self.last_order


@dataclass(frozen=True)
class Card:
    """A card on one person's board.

    `contacts` are by contact id. `version` grows with every change. Times are RFC 3339 in UTC.
    """

    card_id: str
    user_id: str
    title: str
    description: str | None
    status: CardStatus
    priority: CardPriority
    assignee: Assignee
    due_date: str | None
    order: int
    created_at: str
    updated_at: str
    project_id: str | None = None
    origin_card_id: str | None = None
    origin_user_id: str | None = None
    source_relay_id: str | None = None
    checklist: tuple[ChecklistItem, ...] = ()
    contacts: Mapping[str, CardContact] = field(default_factory=dict)
    version: int = 1

    @classmethod
    def of(cls, given: "CardIn", *, card_id: str, user_id: str, tail: Tail, now: datetime) -> Self:
        return cls(
            card_id=card_id,
            user_id=user_id,
            title=given.title,
            description=given.description,
            status=given.status,
            priority=given.priority,
            assignee=given.assignee,
            due_date=timestamp(given.due_date) if given.due_date else None,
            order=tail.next_order if given.order is None else given.order,
            created_at=timestamp(now),
            updated_at=timestamp(now),
        )

    @property
    def facets(self) -> tuple[str, str, str]:
        return self.status.value, self.priority.value, self.assignee.value

    @property
    def is_completed(self) -> bool:
        return self.status is CardStatus.COMPLETED

    def patched(self, patch: "CardPatch", *, now: datetime) -> "Card":
        """The card after `patch`; itself when nothing is given."""
        if not patch.model_fields_set:
            return self
        changes = patch.model_dump(exclude_unset=True)
        if changes.get("due_date"):
            changes["due_date"] = timestamp(changes["due_date"])
        return replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)

    def with_item(self, item: ChecklistItem, *, now: datetime) -> "Card":
        """The card with this item in its checklist, in place of the one with its id if there is one."""
        return self._with([*(each for each in self.checklist if each.item_id != item.item_id), item], now)

    def without_item(self, item: ChecklistItem, *, now: datetime) -> "Card":
        return self._with([each for each in self.checklist if each != item], now)

    def find_item(self, item_id: str) -> ChecklistItem | None:
        return next((each for each in self.checklist if each.item_id == item_id), None)

    def new_item(self, given: "ChecklistItemIn", *, item_id: str, now: datetime) -> ChecklistItem:
        """An item for the checklist, by default behind all others."""
        behind = self.checklist[-1].order + 1 if self.checklist else 0
        order = min(behind, _FARTHEST) if given.order is None else given.order
        return ChecklistItem(item_id, given.text, given.completed, order, timestamp(now), timestamp(now))

    def _with(self, items: list[ChecklistItem], now: datetime) -> "Card":
        checklist = tuple(sorted(items, key=lambda item: item.place))
        return replace(self, checklist=checklist, updated_at=timestamp(now), version=self.version + 1)


Title = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(not_blank)]
_Description = Annotated[str, Field(max_length=10_000)]
_Order = Annotated[int, Field(ge=-_FARTHEST, le=_FARTHEST)]
_ORDER = "Lower comes first, and of equal ones the newer card. Left out, the card goes behind all others, with room."
_STATUS = "The card's stage."


class CardIn(In):
    """A new card."""

    title: Title
    description: _Description | None = None
    status: CardStatus = Field(CardStatus.LEADS, description=_STATUS)
    priority: CardPriority = CardPriority.MEDIUM
    assignee: Assignee = Assignee.HUMAN
    due_date: Timestamp | None = Field(None, alias="dueDate")
    order: Omittable[_Order] = Field(None, description=_ORDER)


class CardPatch(In):
    """Changes to a card: members left out stay, null takes a value away."""

    title: Omittable[Title] = None
    description: _Description | None = None
    status: Omittable[CardStatus] = Field(None, description=_STATUS)
    priority: Omittable[CardPriority] = None
    assignee: Omittable[Assignee] = None
    due_date: Timestamp | None = Field(None, alias="dueDate")
    order: Omittable[_Order] = Field(None, description="Where the card goes: a number between its new neighbours'.")


_Text = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(not_blank)]


class ChecklistItemIn(In):
    """A new item of a checklist."""

    text: _Text
    completed: bool = False
    order: Omittable[_Order] = Field(None, description="Lower comes first; left out, the item goes behind all others.")


class ChecklistItemPatch(In):
    """Changes to an item of a checklist: members left out stay."""

    text: Omittable[_Text] = None
    completed: Omittable[bool] = None
    order: Omittable[_Order] = None

    def applied(self, item: ChecklistItem, *, now: datetime) -> ChecklistItem:
        """The item after these changes; itself when there are none."""
        if not self.model_fields_set:
            return item
        return replace(item, **self.model_dump(exclude_unset=True), updated_at=timestamp(now))


class CardQuery(PageQuery):
    """Which cards to list. A value that no card can have finds none."""

    status: Omittable[str] = Field(None, description="Cards in this stage: " + ", ".join(CardStatus) + ".")
    priority: Omittable[str] = Field(None, description="Cards of this priority: " + ", ".join(CardPriority) + ".")
    assignee: Omittable[str] = Field(None, description="Cards of this assignee: " + ", ".join(Assignee) + ".")

    @property
    def facets(self) -> tuple[str | None, str | None, str | None]:
        return self.status, self.priority, self.assignee


class ChecklistItemOut(Out):
    """An item of a card's checklist."""

    id: UuidOut
    card_id: UuidOut
    text: str
    completed: bool
    order: int
    created_at: TimeOut
    updated_at: TimeOut


class KanbanCardOut(Out):
    """A card; its checklist is in its order, its contacts in the order they were linked."""

    id: UuidOut
    user_id: UuidOut
    title: str
    description: str | None
    status: CardStatus
    priority: CardPriority
    assignee: Assignee
    due_date: TimeOut | None
    order: int
    project_id: str | None = Field(description="The project that the work belongs to.")
    origin_card_id: str | None = Field(description="The card, elsewhere, that gave rise to this one.")
    origin_user_id: str | None = Field(description="Who that card belongs to.")
    source_relay_id: str | None = Field(description="The relay that brought the work here.")
    checklist: list[ChecklistItemOut]
    contacts: list[CardContactOut]
    created_at: TimeOut
    updated_at: TimeOut


class CardPage(Out):
    """A page of cards."""

    cards: list[KanbanCardOut]
    pagination: Pagination


def shown_item(item: ChecklistItem, card_id: str) -> ChecklistItemOut:
    return ChecklistItemOut(
        id=item.item_id,
        card_id=card_id,
        text=item.text,
        completed=item.completed,
        order=item.order,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def shown_card(card: Card, known: Mapping[str, ContactBrief], *, whole: bool) -> KanbanCardOut:
    """The card with those of its contacts that are known, in brief, or somewhat more of them if `whole`."""
    columns: dict[str, Any] = {
        name: getattr(card, name) for name in KanbanCardOut.model_fields if name not in ("id", "checklist", "contacts")
    }
    return KanbanCardOut(
        id=card.card_id,
        **columns,
        checklist=[shown_item(item, card.card_id) for item in card.checklist],
        contacts=[
            shown_link(link, contact_in_brief(known[link.contact_id], whole=whole))
            for link in in_turn(card.contacts)
            if link.contact_id in known
        ],
    )


def check_size(card: Card) -> None:
    """Refuse a card that is too large to store.

    Raises:
        Invalid: without its contacts its JSON has more bytes than a card may have.
    """
    if len(shown_card(card, {}, whole=True).model_dump_json().encode()) > LARGEST_CARD:
        raise Invalid(f"The card would take more than {LARGEST_CARD} bytes.")
