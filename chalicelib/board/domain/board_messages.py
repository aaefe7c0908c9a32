"""Requests and responses of the board."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from chalicelib.board.domain.board import Assignee, Card, CardPriority, CardStatus, ChecklistItem
from chalicelib.board.domain.card_contacts import (
    FEDERATION,
    CardContactOut,
    ContactBrief,
    sorted_links,
    to_link_response,
    to_linked_contact_response,
)
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import (
    LARGEST_INTEGER,
    DueDate,
    Filter,
    In,
    Line,
    Omittable,
    Out,
    TimeOut,
    Uuid,
    UuidOut,
    timestamp,
)
from chalicelib.core.domain.pages import Cursor, CursorPagination, PageQuery

# Of a card without its contacts, in bytes of JSON. A row can have up to 400 KB, and some engines count both values of a
# replaced attribute.
LARGEST_CARD = 160_000


def _number(value: Any) -> Any:
    """Refuse what is no JSON number within the bounds, and convert whole numbers to integers."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= LARGEST_INTEGER:
        raise PydanticCustomError("number", "Must be a number between -(2^53 - 1) and 2^53 - 1")
    return int(value) if value == int(value) else value


Title = Annotated[Line, Field(min_length=1, max_length=500)]
_Description = Annotated[str, Field(max_length=10_000)]
_Order = Annotated[
    int | float,
    BeforeValidator(_number),
    WithJsonSchema({"type": "number", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER}),
]
_STATUS = "The card's stage."


class Placed(In):
    """The place of something in a list that people sort by hand, in one of three ways."""

    order: Omittable[_Order] = Field(
        None,
        description="The position: lower comes first. To place it between two others, send a number between their "
        "`order`s, which can have a fraction. By default a new one is last.",
    )
    after: Omittable[Uuid] = Field(
        None, description="The id of the one to place it directly after, instead of `order`."
    )
    before: Omittable[Uuid] = Field(
        None, description="The id of the one to place it directly before, instead of `order`."
    )

    @field_validator("after", "before")
    @classmethod
    def _is_the_only_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        if any(info.data.get(name) is not None for name in ("order", "after")):
            raise PydanticCustomError("only_one", "Must be the only one of order, after and before")
        return value

    @property
    def is_placed(self) -> bool:
        return bool({"order", "after", "before"} & self.model_fields_set)


class CardIn(Placed):
    """A new card."""

    title: Title
    description: _Description | None = None
    status: CardStatus = Field(CardStatus.LEADS, description=_STATUS)
    priority: CardPriority = CardPriority.MEDIUM
    assignee: Assignee = Assignee.HUMAN
    due_date: DueDate | None = Field(None, alias="dueDate")


class CardPatch(Placed):
    """Changes to a card. Members that you leave out keep their values, and null clears a value."""

    title: Omittable[Title] = None
    description: _Description | None = None
    status: Omittable[CardStatus] = Field(None, description=_STATUS)
    priority: Omittable[CardPriority] = None
    assignee: Omittable[Assignee] = None
    due_date: DueDate | None = Field(None, alias="dueDate")


_Text = Annotated[Line, Field(min_length=1, max_length=500)]


class ChecklistItemIn(Placed):
    """A new checklist item."""

    text: _Text
    completed: bool = False


class ChecklistItemPatch(Placed):
    """Changes to a checklist item. Members that you leave out keep their values."""

    text: Omittable[_Text] = None
    completed: Omittable[bool] = None

    def applied(self, item: ChecklistItem, *, now: datetime) -> ChecklistItem:
        """Return the item with these changes except for its place, or the same item if there are none."""
        if not self.model_fields_set:
            return item
        changes = self.model_dump(exclude_unset=True, exclude={"order", "after", "before"})
        if self.text is not None and self.text != item.text:
            # The owner's own words now.
            changes |= {"origin": None, "verified": None}
        return replace(item, **changes, updated_at=timestamp(now))


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

    cursor: Cursor = None

    @property
    def facets(self) -> tuple[str | None, str | None, str | None]:
        return self.status, self.priority, self.assignee


class ChecklistItemOut(Out):
    """A checklist item of a card. One with text of another desk has its origin."""

    id: UuidOut
    card_id: UuidOut
    text: str
    completed: bool
    order: int
    source: Omittable[Literal["federation"]] = Field(None, description="Set on an item with text of another desk.")
    origin: Omittable[str] = Field(None, description="The address of that desk.")
    verified: Omittable[bool] = Field(None, description="Whether that desk confirmed the connection that it came by.")
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
    order: int = Field(
        description="The position on the board: cards that are sorted by it are in the board's order. Cards that were "
        "given equal numbers are in the order of the list."
    )
    project_id: str | None = Field(description="The project that the work belongs to.")
    origin_card_id: str | None = Field(description="The card of another person that this card was created from.")
    origin_user_id: str | None = Field(description="The owner of that card.")
    source_relay_id: str | None = Field(description="The relay that created this card.")
    source: Literal["federation"] | None = Field(description="Set on a card with text of another desk.")
    origin: str | None = Field(description="The address of that desk.")
    verified: bool | None = Field(description="Whether that desk confirmed the connection that it came by.")
    checklist: list[ChecklistItemOut]
    contacts: list[CardContactOut]
    created_at: TimeOut
    updated_at: TimeOut


class CardPage(Out):
    """A page of cards."""

    cards: list[KanbanCardOut]
    pagination: CursorPagination


def to_checklist_item_response(item: ChecklistItem, card_id: str) -> ChecklistItemOut:
    marks: dict[str, Any] = {}
    if item.origin is not None:
        marks = {"source": FEDERATION, "origin": item.origin, "verified": bool(item.verified)}
    return ChecklistItemOut(
        **marks,
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


def new_item(
    request: ChecklistItemIn, *, item_id: str, now: datetime, origin: str | None = None, verified: bool | None = None
) -> ChecklistItem:
    """Create a checklist item that has no place yet; with text of another desk it names its `origin`."""
    at = timestamp(now)
    return ChecklistItem(item_id, request.text, request.completed, 0, at, at, origin, verified)


def place_item(card: Card, item: ChecklistItem, request: Placed, *, now: datetime) -> Card:
    """Return the card with this item in its checklist where the request places it, by default where it is, or last.

    Raises:
        Invalid: the request names an item that is not in the checklist.
    """
    if isinstance(request.order, int):
        return card.with_item(replace(item, order=request.order), now=now)
    others = [each for each in card.checklist if each.item_id != item.item_id]
    if request.order is not None:
        at = sum(each.order < request.order for each in others)
    elif request.is_placed:
        name, other_id = ("after", request.after) if request.after else ("before", request.before)
        if other_id == item.item_id:
            return card.with_item(item, now=now)
        found = [number for number, each in enumerate(others) if each.item_id == other_id]
        if not found:
            raise Invalid(f"{name}: there is no such item", {name: ["must be the id of another item of the checklist"]})
        at = found[0] + (name == "after")
    elif len(others) < len(card.checklist):
        return card.with_item(item, now=now)
    else:
        at = len(others)
    return card.with_item_at(item, at, now=now)


def check_size(card: Card) -> None:
    """Refuse a card that is too large to store.

    Raises:
        Invalid: the JSON of the card without its contacts exceeds the limit.
    """
    if len(to_card_response(card, {}, whole=True).model_dump_json().encode()) > LARGEST_CARD:
        raise Invalid(f"The card is too large. A card with its checklist can have up to {LARGEST_CARD} bytes.")
