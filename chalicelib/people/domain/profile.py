"""A person's profile, and their settings for relays from other desks."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Omittable, Out, one_line
from chalicelib.people.domain.directory import Visibility

UTC = "UTC"
# Files among the zones that are not zones.
_NO_ZONES = {"Factory", "localtime", "posixrules"}
_MOST_ENTRIES, _MOST_FILTERS = 50, 100


class RelayMode(StrEnum):
    """Which relays reach a person's agent: all, matching ones, requested ones, or no ambient ones."""

    FULL = "full"
    SELECTIVE = "selective"
    MINIMAL = "minimal"
    OFF = "off"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("timezone", "Must be a time zone of the IANA database, such as Europe/Berlin")
    return name


Zone = Annotated[str, Field(max_length=60), AfterValidator(_zone)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Line = Annotated[str, AfterValidator(one_line), Field(max_length=200)]
Entry = Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=100)]
Entries = Annotated[list[Entry], Field(max_length=_MOST_ENTRIES)]
Reference = Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=200)]


class QuietHours(In):
    """Hours from `start` until before `end`, as HH:MM. An earlier end is on the next day; equal times mean always."""

    start: Clock
    end: Clock
    timezone: Zone = UTC

    @model_validator(mode="before")
    @classmethod
    def _somewhere(cls, given: Any) -> Any:
        return {"timezone": UTC, **given} if isinstance(given, dict) else given


class TopicFilter(In):
    """Blocks relays that match all members of the filter; a filter without members blocks nothing."""

    model_config = ConfigDict(alias_generator=to_camel)

    topic: Omittable[Reference] = None
    project_id: Omittable[Reference] = None
    team_id: Omittable[Reference] = None


Filter = Annotated[
    Annotated[Reference, Tag("topic")] | Annotated[TopicFilter, Tag("members")],
    Discriminator(lambda given: "topic" if isinstance(given, str) else "members"),
]


class ProfilePatch(In):
    """Changes to a profile. Omitted members stay as they are; null removes a value."""

    model_config = ConfigDict(alias_generator=to_camel)

    headline: Line | None = None
    bio: Annotated[str, Field(max_length=5000)] | None = None
    current_title: Line | None = None
    current_company: Line | None = None
    industry: Line | None = None
    skills: Omittable[Entries] = None
    task_types: Omittable[Entries] = None
    languages: Omittable[Entries] = None
    hobbies: Omittable[Entries] = None
    superpowers: Omittable[Entries] = None
    timezone: Zone | None = None
    capacity: Omittable[Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=40)]] = None
    visibility: Omittable[Visibility] = None
    relay_mode: Omittable[RelayMode] = None
    allow_ambient_inbound: Omittable[bool] = None
    allow_ambient_outbound: Omittable[bool] = None
    allow_broadcasts: Omittable[bool] = None
    auto_respond_ambient: Omittable[bool] = None
    relay_quiet_hours: QuietHours | None = None
    relay_topic_filters: Omittable[Annotated[list[Filter], Field(max_length=_MOST_FILTERS)]] = Field(
        None, description="Blocks relays by topic, in any case, or by topic, project and team together."
    )

    @model_validator(mode="after")
    def _changes(self) -> "ProfilePatch":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "Send at least one member to change")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """The given members, by their names on the wire."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class QuietHoursOut(Out):
    """The hours without ambient relays, in wall-clock times of the time zone."""

    start: str
    end: str
    timezone: str


class TopicFilterOut(Out):
    """Blocks relays that match all these members."""

    topic: str = ""
    project_id: str = ""
    team_id: str = ""


class ProfileOut(Out):
    """A profile."""

    headline: str | None
    bio: str | None
    current_title: str | None
    current_company: str | None
    industry: str | None
    skills: list[str]
    task_types: list[str]
    languages: list[str]
    hobbies: list[str]
    superpowers: list[str]
    timezone: str | None
    capacity: str
    visibility: Visibility
    relay_mode: RelayMode
    allow_ambient_inbound: bool
    allow_ambient_outbound: bool
    allow_broadcasts: bool
    auto_respond_ambient: bool
    relay_quiet_hours: QuietHoursOut | None
    relay_topic_filters: list[str | TopicFilterOut]


# The profile of a person who has saved none.
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(("headline", "bio", "currentTitle", "currentCompany", "industry", "timezone", "relayQuietHours")),
    **dict.fromkeys(("skills", "taskTypes", "languages", "hobbies", "superpowers", "relayTopicFilters"), ()),
    "capacity": "available",
    "visibility": Visibility.CONNECTIONS,
    "relayMode": RelayMode.FULL,
    "allowAmbientInbound": True,
    "allowAmbientOutbound": True,
    "allowBroadcasts": True,
    "autoRespondAmbient": False,
}


def to_response(profile: Mapping[str, Any]) -> ProfileOut:
    """Convert a stored profile to its response, with defaults for missing members."""
    return ProfileOut.model_validate({**_DEFAULTS, **profile})


def in_quiet_hours(start: str, end: str, timezone: str, *, now: datetime) -> bool:
    """Say whether `now` is between `start` and before `end`, on the clocks of the time zone.

    An earlier end is on the next day, and equal times mean always. In an unknown time zone it is never quiet.
    """
    if timezone not in _zones():
        return False
    clock = now.astimezone(ZoneInfo(timezone)).strftime("%H:%M")
    return start <= clock < end if start < end else clock >= start or clock < end
