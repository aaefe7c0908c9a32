"""The board: cards in stages, each with a checklist and linked contacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self

from chalicelib.board.domain.card_contacts import FEDERATION, CardContact
from chalicelib.board.domain.positions import GAP, Placement, Position
from chalicelib.core.domain.fields import LARGEST_INTEGER, parse_timestamp, timestamp

if TYPE_CHECKING:
    from chalicelib.board.domain.board_messages import CardIn, CardPatch

MOST_ITEMS = 100
_LATEST_MILLISECONDS = 9_999_999_999_999


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
    """An item of a card's checklist. Times are RFC 3339 in UTC.

    `origin` is the desk whose text the item has, and `verified` whether that desk confirmed that it is there; both are
    None for text of this desk.
    """

    item_id: str
    text: str
    completed: bool
    order: int
    created_at: str
    updated_at: str
    origin: str | None = None
    verified: bool | None = None

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
        return 0 if self.last_order is None else self.last_order + GAP

    @property
    def has_room(self) -> bool:
        """Whether the next order is still an integer that every JSON reader supports."""
        return self.next_order <= LARGEST_INTEGER

    def is_raised_by(self, order: int) -> bool:
        return self.last_order is None or order > self.last_order


@dataclass(frozen=True)
class CardRow:
    """What it takes to renumber a card: its facets, and its version."""

    card_id: str
    facets: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True)
class Card:
    """A card on one person's board.

    `contacts` maps contact ids to links. `rank` places the card among those of equal order; None stands for its usual
    rank. `origin` is the desk that a card came from, and `verified` whether that desk confirmed that it is there; both
    are None for own cards, and for those from before they were kept. `version` grows with every change. Times are
    RFC 3339 in UTC.
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
    rank: str | None = None
    origin: str | None = None
    verified: bool | None = None

    @classmethod
    def of(cls, request: "CardIn", *, card_id: str, user_id: str, now: datetime) -> Self:
        """Create a card that has no place yet."""
        return cls(
            card_id=card_id,
            user_id=user_id,
            title=request.title,
            description=request.description,
            status=request.status,
            priority=request.priority,
            assignee=request.assignee,
            due_date=timestamp(request.due_date) if request.due_date else None,
            order=0,
            created_at=timestamp(now),
            updated_at=timestamp(now),
        )

    @property
    def source(self) -> Literal["federation"] | None:
        """Where the text of the card is from, if it is from another desk."""
        return FEDERATION if self.source_relay_id else None

    @property
    def facets(self) -> tuple[str, str, str]:
        return self.status.value, self.priority.value, self.assignee.value

    @property
    def usual_rank(self) -> str:
        """The rank by which the newer of cards with equal orders comes first."""
        milliseconds = round(parse_timestamp(self.created_at).timestamp() * 1000)
        return f"{_LATEST_MILLISECONDS - milliseconds:013d}#{self.card_id}"

    @property
    def position(self) -> Position:
        return Position(self.order, self.rank or self.usual_rank)

    def placed(self, placement: Placement[CardRow]) -> "Card":
        return replace(self, order=placement.order, rank=placement.rank)

    @property
    def is_completed(self) -> bool:
        return self.status is CardStatus.COMPLETED

    def patched(self, patch: "CardPatch", *, now: datetime) -> "Card":
        """Return the card with the patch applied, or the same card if the patch is empty."""
        if not patch.model_fields_set:
            return self
        changes: dict[str, Any] = patch.model_dump(exclude_unset=True, exclude={"order", "after", "before"})
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

    def with_item_at(self, item: ChecklistItem, at: int, *, now: datetime) -> "Card":
        """Return the card with this item as the one at index `at`. All are renumbered if there is no order between."""
        others = [each for each in self.checklist if each.item_id != item.item_id]
        low = others[at - 1].order if at else None
        high = others[at].order if at < len(others) else None
        match low, high:
            case None, None:
                order = 0
            case None, int(high):
                order = high - 1
            case int(low), None:
                order = low + 1
            case int(low), int(high):
                order = (low + high) // 2
        if abs(order) <= LARGEST_INTEGER and order not in (low, high):
            return self.with_item(replace(item, order=order), now=now)
        items = [*others[:at], item, *others[at:]]
        return self._with([replace(each, order=number) for number, each in enumerate(items)], now)

    def _with(self, items: list[ChecklistItem], now: datetime) -> "Card":
        checklist = tuple(sorted(items, key=lambda item: item.sort_key))
        return replace(self, checklist=checklist, updated_at=timestamp(now), version=self.version + 1)
