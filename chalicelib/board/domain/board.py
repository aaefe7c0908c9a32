"""The board: cards in stages, each with a checklist and linked contacts."""

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
    sorted_links,
    to_link_response,
    to_linked_contact_response,
)
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import (
    WHOLE,
    DueDate,
    Filter,
    In,
    Omittable,
    Out,
    TimeOut,
    UuidOut,
    one_line,
    timestamp,
)
from chalicelib.core.domain.pages import PageQuery, Pagination

MOST_ITEMS = 100
# Of a card without its contacts, in bytes of JSON. A row can have up to 400 KB, and some engines count both values of a
# replaced attribute.
LARGEST_CARD = 160_000
# The largest integer that every JSON reader supports.
_FARTHEST = 2**53 - 1
# The gap between the orders of two cards, so that cards can be placed in between without moving either.
_GAP = 1024


class CardStatus(StrEnum):
    """Stages of cards, which are the columns of the board."""

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
    """Priorities of cards."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Assignee(StrEnum):
    """Who works on a card: the person or their agent."""

    HUMAN = "human"
    AGENT = "agent"


@dataclass(frozen=True)
class ChecklistItem:
    """An item of a card's checklist. Times are RFC 3339 in UTC."""

    item_id: str
    text: str
    completed: bool
    order: int
    created_at: str
    updated_at: str

    @property
    def sort_key(self) -> tuple[int, str, str]:
        return self.order, self.created_at, self.item_id


@dataclass(frozen=True)
class Tail:
    """The end of a board: the highest order of any card so far, and the version of the row that stores it."""

    last_order: int | None
    version: int

    @property
    def next_order(self) -> int:
        return 0 if self.last_order is None else min(self.last_order + _GAP, _FARTHEST)

    def is_raised_by(self, order: int) -> bool:
        return self.last_order is None or order > self.last_order


@dataclass(frozen=True)
class Card:
    """A card on one person's board.

    `contacts` maps contact ids to links. `version` grows with every change. Times are RFC 3339 in UTC.
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
    def of(cls, request: "CardIn", *, card_id: str, user_id: str, tail: Tail, now: datetime) -> Self:
        return cls(
            card_id=card_id,
            user_id=user_id,
            title=request.title,
            description=request.description,
            status=request.status,
            priority=request.priority,
            assignee=request.assignee,
            due_date=timestamp(request.due_date) if request.due_date else None,
            order=tail.next_order if request.order is None else request.order,
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
        """Return the card with the patch applied, or the same card if the patch is empty."""
        if not patch.model_fields_set:
            return self
        changes = patch.model_dump(exclude_unset=True)
        if changes.get("due_date"):
            changes["due_date"] = timestamp(changes["due_date"])
        return replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)

    def with_item(self, item: ChecklistItem, *, now: datetime) -> "Card":
        """Return the card with this item in its checklist. It replaces the item with the same id."""
        return self._with([*(each for each in self.checklist if each.item_id != item.item_id), item], now)

    def without_item(self, item: ChecklistItem, *, now: datetime) -> "Card":
        return self._with([each for each in self.checklist if each != item], now)

    def find_item(self, item_id: str) -> ChecklistItem | None:
        return next((each for each in self.checklist if each.item_id == item_id), None)

    def new_item(self, request: "ChecklistItemIn", *, item_id: str, now: datetime) -> ChecklistItem:
        """Create an item for the checklist, by default after all others."""
        behind = self.checklist[-1].order + 1 if self.checklist else 0
        order = min(behind, _FARTHEST) if request.order is None else request.order
        return ChecklistItem(item_id, request.text, request.completed, order, timestamp(now), timestamp(now))

    def _with(self, items: list[ChecklistItem], now: datetime) -> "Card":
        checklist = tuple(sorted(items, key=lambda item: item.sort_key))
        return replace(self, checklist=checklist, updated_at=timestamp(now), version=self.version + 1)


Title = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(one_line)]
_Description = Annotated[str, Field(max_length=10_000)]
_Order = Annotated[int, Field(ge=-_FARTHEST, le=_FARTHEST), WHOLE]
_ORDER = "The position of the card: lower comes first, and of equal orders the newer card. By default the card is last."
_STATUS = "The card's stage."


class CardIn(In):
    """A new card."""

    title: Title
    description: _Description | None = None
    status: CardStatus = Field(CardStatus.LEADS, description=_STATUS)
    priority: CardPriority = CardPriority.MEDIUM
    assignee: Assignee = Assignee.HUMAN
    due_date: DueDate | None = Field(None, alias="dueDate")
    order: Omittable[_Order] = Field(None, description=_ORDER)


class CardPatch(In):
    """Changes to a card. Members that you leave out keep their values, and null clears a value."""

    title: Omittable[Title] = None
    description: _Description | None = None
    status: Omittable[CardStatus] = Field(None, description=_STATUS)
    priority: Omittable[CardPriority] = None
    assignee: Omittable[Assignee] = None
    due_date: DueDate | None = Field(None, alias="dueDate")
    order: Omittable[_Order] = Field(
        None, description="The new position of the card: a number between those of its new neighbours."
    )


_Text = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(one_line)]


class ChecklistItemIn(In):
    """A new checklist item."""

    text: _Text
    completed: bool = False
    order: Omittable[_Order] = Field(
        None, description="The position of the item: lower comes first. By default the item is last."
    )


class ChecklistItemPatch(In):
    """Changes to a checklist item. Members that you leave out keep their values."""

    text: Omittable[_Text] = None
    completed: Omittable[bool] = None
    order: Omittable[_Order] = None

    def applied(self, item: ChecklistItem, *, now: datetime) -> ChecklistItem:
        """Return the item with these changes, or the same item if there are none."""
        if not self.model_fields_set:
            return item
        return replace(item, **self.model_dump(exclude_unset=True), updated_at=timestamp(now))


class CardQuery(PageQuery):
    """Filters and selects a page of cards. An unknown value matches nothing."""

    status: Omittable[Annotated[str, Filter(CardStatus)]] = Field(
        None, description="Lists cards in this stage: " + ", ".join(CardStatus) + "."
    )
    priority: Omittable[Annotated[str, Filter(CardPriority)]] = Field(
        None, description="Lists cards of this priority: " + ", ".join(CardPriority) + "."
    )
    assignee: Omittable[Annotated[str, Filter(Assignee)]] = Field(
        None, description="Lists cards of this assignee: " + ", ".join(Assignee) + "."
    )

    @property
    def facets(self) -> tuple[str | None, str | None, str | None]:
        return self.status, self.priority, self.assignee


class ChecklistItemOut(Out):
    """A checklist item of a card."""

    id: UuidOut
    card_id: UuidOut
    text: str
    completed: bool
    order: int
    created_at: TimeOut
    updated_at: TimeOut


class KanbanCardOut(Out):
    """A card. The checklist is sorted by order, and the contacts by the time they were linked."""

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
    origin_card_id: str | None = Field(description="The card of another person that this card was created from.")
    origin_user_id: str | None = Field(description="The owner of that card.")
    source_relay_id: str | None = Field(description="The relay that created this card.")
    checklist: list[ChecklistItemOut]
    contacts: list[CardContactOut]
    created_at: TimeOut
    updated_at: TimeOut


class CardPage(Out):
    """A page of cards."""

    cards: list[KanbanCardOut]
    pagination: Pagination


def to_checklist_item_response(item: ChecklistItem, card_id: str) -> ChecklistItemOut:
    return ChecklistItemOut(
        id=item.item_id,
        card_id=card_id,
        text=item.text,
        completed=item.completed,
        order=item.order,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def to_card_response(card: Card, known: Mapping[str, ContactBrief], *, whole: bool) -> KanbanCardOut:
    """Build the response for a card. Contacts missing from `known` are left out; `whole` adds details to the others."""
    columns: dict[str, Any] = {
        name: getattr(card, name) for name in KanbanCardOut.model_fields if name not in ("id", "checklist", "contacts")
    }
    return KanbanCardOut(
        id=card.card_id,
        **columns,
        checklist=[to_checklist_item_response(item, card.card_id) for item in card.checklist],
        contacts=[
            to_link_response(link, to_linked_contact_response(known[link.contact_id], whole=whole))
            for link in sorted_links(card.contacts)
            if link.contact_id in known
        ],
    )


def check_size(card: Card) -> None:
    """Refuse a card that is too large to store.

    Raises:
        Invalid: the JSON of the card without its contacts exceeds the limit.
    """
    if len(to_card_response(card, {}, whole=True).model_dump_json().encode()) > LARGEST_CARD:
        raise Invalid(f"The card is too large. A card with its checklist can have up to {LARGEST_CARD} bytes.")
