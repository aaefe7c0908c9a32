"""The inbox's query and page."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.domain.deliveries import ListedDelivery
from chalicelib.domain.events import Severity
from chalicelib.domain.fields import Omittable, Out, Query


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last delivery looked at."""

    delivery_id: str
    created_at: str


class InboxStatus(StrEnum):
    """Which deliveries to list."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class InboxQuery(Query):
    """A page of one's deliveries."""

    limit: int = Field(50, ge=1, le=100)
    cursor: Omittable[str] = Field(None, description="`nextCursor` of the page before, with the same filters.")
    status: InboxStatus = InboxStatus.ALL
    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = None
    severity: Omittable[Severity] = None


class InboxPage(Out):
    """Deliveries, newest first. `nextCursor` is null on the last page; a page may be short before that."""

    items: list[ListedDelivery]
    next_cursor: str | None
    request_id: str
