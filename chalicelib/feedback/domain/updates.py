"""The updates feed: its entries, the format of their files, and the pages of the feed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Clamped, In, Omittable, Out, Query, TimeOut, parse_timestamp, timestamp

SOURCE = "fluxden"
MOST = 200
_FENCE = "---"

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def _words(text: object) -> object:
    return [word for each in text.split(",") if (word := each.strip())] if isinstance(text, str) else text


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return parse_timestamp(text).date()


def _check_day(text: str) -> str:
    try:
        # As for other filters, an empty one asks for all.
        return text and str(_read_day(text))
    except ValueError as error:
        raise PydanticCustomError("day", "Must be a day or a date-time with offset, such as 2026-05-21") from error


class Update(In):
    """An entry of the feed. Its day and time are in UTC; its id is the name of its file."""

    id: str
    title: Annotated[str, Field(min_length=1, max_length=120)]
    subtitle: Omittable[Annotated[str, Field(min_length=1, max_length=200)]] = None
    date: Annotated[date, BeforeValidator(date.fromisoformat)]
    time: Omittable[Clock] = None
    tags: Annotated[list[str], BeforeValidator(_words), Field(min_length=1)]
    content: Annotated[str, Field(min_length=1)]

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(f"{self.date}T{self.time or '00:00'}").replace(tzinfo=UTC)


class UpdatesQuery(Query):
    """The entries that a request asks for."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = Field(
        50, description=f"How many entries; above {MOST} it means {MOST}."
    )
    since: Omittable[Annotated[str, AfterValidator(_check_day)]] = Field(
        None,
        description="A day or a date-time with offset: only entries of later days (in UTC).",
        json_schema_extra={"format": "date"},
    )
    tag: Omittable[str] = Field(None, description="Only entries with this tag, in upper or lower case.")


class UpdateOut(Out):
    """An entry. `content` is Markdown; `time` is UTC."""

    id: str
    date: Annotated[str, Field(json_schema_extra={"format": "date"})]
    time: str = Field("", description="HH:MM; left out where only the day is known.")
    title: str
    subtitle: str = Field("", description="Left out where there is none.")
    tags: list[str]
    content: str


class UpdatesOut(Out):
    """Entries, newest first."""

    updates: list[UpdateOut]
    total: int = Field(ge=0, description="All entries there are, asked for or not.")
    returned: int = Field(ge=0)
    source: str = Field(description="Whose updates these are.")
    generated_at: TimeOut = Field(description="The moment of the newest entry, asked for or not.")


def parse_update(slug: str, text: str) -> Update:
    """Parse an entry: front matter (a line `name: value` each) between two lines `---`, and Markdown below.

    Raises:
        ValueError: it is not.
    """
    opening, _, rest = text.partition("\n")
    front, closing, content = rest.partition(f"\n{_FENCE}\n")
    if opening != _FENCE or not closing:
        raise ValueError(f"{slug}: the front matter does not stand between two lines of {_FENCE}")
    lines = (line.partition(":") for line in front.splitlines())
    members = {name.strip(): value.strip() for name, _, value in lines}
    return Update.model_validate(members | {"id": slug, "content": content.strip()})


def asked_for(query: UpdatesQuery, updates: Sequence[Update]) -> UpdatesOut:
    """Return a page of the feed. `updates` are all entries, at least one, newest first."""
    since, tag = query.since or "", (query.tag or "").strip().casefold()
    found = [each for each in updates if str(each.date) > since and (not tag or tag in map(str.casefold, each.tags))]
    shown = [_to_response(each) for each in found[: query.limit]]
    return UpdatesOut(
        updates=shown,
        total=len(updates),
        returned=len(shown),
        source=SOURCE,
        generated_at=timestamp(updates[0].moment),
    )


def _to_response(update: Update) -> UpdateOut:
    told = update.model_dump(exclude_none=True) | {"date": update.date.isoformat()}
    return UpdateOut.model_validate(told)
