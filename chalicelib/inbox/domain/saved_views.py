"""A person's saved views of the inbox: filters under a name, each with the number of unread deliveries that match."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import WHOLE, In, Omittable, Out, one_line, timestamp
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.inbox import MOST_COUNTED, InboxFilter, InboxStatus
from chalicelib.inbox.domain.inbox_states import View

MOST_VIEWS = 20
# So many of the newest unread deliveries are read whole, for the views with words or a label.
MOST_READ_WHOLE = 200

Line = Annotated[str, AfterValidator(one_line)]


class SavedFilter(In):
    """Selects deliveries of an inbox as the list's filters do. `days` counts back from the time of reading."""

    model_config = ConfigDict(alias_generator=to_camel)

    view: Omittable[Annotated[View, Field(strict=False)]] = None
    status: Omittable[Annotated[InboxStatus, Field(strict=False)]] = None
    severity: Omittable[Annotated[Severity, Field(strict=False)]] = None
    event_type: Omittable[Annotated[Line, Field(min_length=1, max_length=60)]] = None
    integrator: Omittable[Annotated[Line, Field(min_length=1, max_length=60)]] = None
    label: Omittable[Annotated[Line, Field(min_length=1, max_length=500)]] = None
    q: Omittable[Annotated[Line, Field(min_length=1, max_length=200)]] = None
    days: Omittable[Annotated[int, Field(ge=1, le=366), WHOLE]] = None

    def unread(self, *, now: datetime) -> InboxFilter:
        """Return the filter of the unread deliveries that match."""
        members = self.model_dump(exclude_unset=True, exclude={"days", "view"})
        since = {"since": timestamp(now - timedelta(days=self.days))} if self.days else {}
        return InboxFilter(**members, **since, view=View.UNREAD)

    @property
    def has_unread(self) -> bool:
        """Whether unread deliveries of the inbox are in the view: none of the others are."""
        return self.view not in (View.ARCHIVED, View.SNOOZED)


class SavedView(In):
    """A view: its name, and the filters of the list."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    filter: SavedFilter


class SavedViewsIn(In):
    """All views, in their order. They replace those that are stored."""

    views: list[SavedView] = Field(max_length=MOST_VIEWS)
    version: Annotated[int, Field(ge=0), WHOLE] = Field(
        description="The `version` that you have read. Views that changed since are not replaced."
    )

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        if len({each.name for each in self.views}) < len(self.views):
            raise PydanticCustomError("names", "Give each view another name")
        return self


class SavedFilterOut(Out):
    """The filters of a view; those that are not set are left out."""

    view: Omittable[View] = None
    status: Omittable[InboxStatus] = None
    severity: Omittable[Severity] = None
    event_type: Omittable[str] = None
    integrator: Omittable[str] = None
    label: Omittable[str] = None
    q: Omittable[str] = None
    days: Omittable[int] = None


class SavedViewOut(Out):
    """A view, with the number of unread deliveries that match."""

    name: str
    filter: SavedFilterOut
    unread: int = Field(ge=0, le=MOST_COUNTED)


class SavedViewsOut(Out):
    """All views, in their order, and how often they were changed."""

    views: list[SavedViewOut]
    version: int


def to_response(views: Sequence[SavedView], counts: Sequence[int], version: int) -> SavedViewsOut:
    """Return the views with their counts."""
    return SavedViewsOut(
        views=[
            SavedViewOut(name=each.name, filter=SavedFilterOut(**to_wire(each)["filter"]), unread=count)
            for each, count in zip(views, counts, strict=True)
        ],
        version=version,
    )


def to_wire(view: SavedView) -> dict[str, Any]:
    """Return the view by the names on the wire, as it is stored."""
    return view.model_dump(mode="json", by_alias=True, exclude_unset=True)


def from_wire(stored: Mapping[str, Any]) -> SavedView:
    """Read a stored view."""
    return SavedView.model_validate(
        {**stored, "filter": {name: _whole(value) for name, value in stored["filter"].items()}}
    )


def _whole(value: Any) -> Any:
    # A store has decimals.
    return value if isinstance(value, str) else int(value)
