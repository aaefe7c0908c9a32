"""Preferences: how a person wants to be reached about which events, and when not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain import bounds
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import (
    WHOLE,
    In,
    Omittable,
    Out,
    TimeOut,
    Timestamp,
    Uuid,
    UuidOut,
    one_line,
    timestamp,
)
from chalicelib.core.domain.severity import Severity
from chalicelib.people.domain.profile import UTC, Zone
from chalicelib.reach.domain.digests import DigestTimes, DigestTimesOut, next_digest
from chalicelib.reach.domain.quiet_time import QuietTime, quiet_until
from chalicelib.reach.domain.waits import Waits, WaitsOut

MOST_RULES = 50
LONGEST_PAUSE = timedelta(days=366)
# Names of an event type are separated by dots, and a prefix consists of whole names.
_PREFIX = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"


class Way(StrEnum):
    """How an event reaches a person: `inbox` only, or also by `push`, the notifications of their browsers.

    `email` is a message to their address, and `digest` one about all that has come since the last one. `channel` stands
    for their own channels, such as chat services and webhooks. `mute` marks it as read at once. It stays in the inbox,
    and is counted.
    """

    INBOX = "inbox"
    PUSH = "push"
    EMAIL = "email"
    DIGEST = "digest"
    CHANNEL = "channel"
    MUTE = "mute"


# Ways that exclude all others.
_ALONE = frozenset((Way.INBOX, Way.MUTE))
# How a person is reached about what no rule of theirs matches.
DEFAULT = frozenset((Way.PUSH,))

Line = Annotated[str, AfterValidator(one_line)]


class PreferenceRule(In):
    """How events are to reach you that match all members of the rule. Members that you leave out match every event."""

    model_config = ConfigDict(alias_generator=to_camel)

    integrator: Omittable[Annotated[Line, Field(min_length=1, max_length=60)]] = Field(
        None, description="The slug of an integrator."
    )
    event_type: Omittable[Annotated[str, Field(max_length=200, pattern=_PREFIX)]] = Field(
        None, description="An event type, or its first names: `ci.build` matches `ci.build.failed`, not `ci.builds`."
    )
    severity: Omittable[Annotated[Severity, Field(strict=False)]] = None
    ways: list[Annotated[Way, Field(strict=False)]] = Field(
        min_length=1, max_length=len(Way), description="`inbox` and `mute` stand alone."
    )
    channels: Omittable[Annotated[list[Uuid], Field(min_length=1, max_length=bounds.CHANNELS.most)]] = Field(
        None, description="The ids of the channels that `channel` stands for; all of yours if you leave it out."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len({*self.ways}) < len(self.ways):
            raise PydanticCustomError("ways", "Name each way once")
        if len(self.ways) > 1 and _ALONE.intersection(self.ways):
            raise PydanticCustomError("ways", "inbox and mute stand alone")
        if {Way.EMAIL, Way.DIGEST}.issubset(self.ways):
            raise PydanticCustomError("ways", "email sends at once, and digest later. Name one of them")
        if self.channels is not None and Way.CHANNEL not in self.ways:
            raise PydanticCustomError("ways", "Only channel has channels")
        return self

    @property
    def selector(self) -> tuple[str | None, str | None, Severity | None]:
        """What the rule matches; preferences have one rule for each."""
        return self.event_type, self.integrator, self.severity

    @property
    def specificity(self) -> tuple[int, bool, bool]:
        """Of the rules that match an event, the one with the greatest value decides.

        A longer event type is more specific, then a rule that names an integrator, then one that names a severity.
        Two rules that match the same event and are equally specific have the same selector.
        """
        names = self.event_type.count(".") + 1 if self.event_type else 0
        return names, self.integrator is not None, self.severity is not None

    def matches(self, event: "Subject") -> bool:
        """Whether the rule is about an event."""
        return (
            self.integrator in (None, event.integrator)
            and self.severity in (None, event.severity)
            and (self.event_type is None or f"{event.event_type}.".startswith(f"{self.event_type}."))
        )


@dataclass(frozen=True)
class Subject:
    """What preferences know of an event. `is_always` says that its integrator's critical events can't be muted.

    `is_for_inbox` says that its integrator declares it to be for the inbox only, where no rule matches.
    """

    integrator: str
    event_type: str
    severity: Severity
    is_always: bool = False
    is_for_inbox: bool = False

    @property
    def is_critical(self) -> bool:
        return self.severity is Severity.CRITICAL


class Preferences(In):
    """How you are reached: the most specific rule that matches an event decides.

    A longer `eventType` is more specific, then a rule with an `integrator`, then one with a `severity`. What no rule
    matches reaches your browsers (`push`), unless its integrator declares it to be for the inbox.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    rules: list[PreferenceRule] = Field(default=[], max_length=MOST_RULES)
    time_zone: Zone = Field(UTC, description="Of quiet hours and digests; a name of the IANA database.")
    quiet_hours: QuietTime | None = Field(None, description="When nothing but the inbox is to reach you.")
    paused_until: Timestamp | None = Field(
        None, description="Until then only the inbox reaches you, at most 366 days ahead."
    )
    digest: DigestTimes = Field(DigestTimes(), description="When you are sent what rules leave for the `digest`.")
    waits: Waits = Field(
        Waits(),
        description="How long channels wait. What you read meanwhile is not sent, and critical events never wait.",
    )
    unread_on_repeat: bool = Field(
        default=True,
        description="Whether a notification that you have read comes back unread, on top, when its event is sent "
        "again. What a rule mutes stays read.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.selector for each in self.rules}) < len(self.rules):
            raise PydanticCustomError("rules", "Two rules match the same events")
        return self

    @property
    def use_email(self) -> bool:
        """Whether a rule sends e-mail."""
        return any({Way.EMAIL, Way.DIGEST}.intersection(each.ways) for each in self.rules)

    def next_digest(self, *, after: datetime) -> datetime:
        """Return when the digest is sent that takes up what comes at a time, in UTC."""
        return next_digest(self.digest, self.time_zone, after=after, quiet=self.quiet_hours)

    def is_paused(self, *, now: datetime) -> bool:
        return self.paused_until is not None and now < self.paused_until

    @property
    def are_default(self) -> bool:
        """Whether they change nothing of how new events reach the person."""
        return not self.rules and self.quiet_hours is None and self.paused_until is None

    def to_wire(self) -> dict[str, Any]:
        """Return them by the names on the wire, as they are stored; `unreadOnRepeat` has its own place."""
        names = Preferences.model_fields.keys() - {"unread_on_repeat"}
        members = self.model_dump(mode="json", by_alias=True, exclude_unset=True, include=names)
        return members | ({"pausedUntil": timestamp(self.paused_until)} if self.paused_until else {})


class PreferencesIn(Preferences):
    """All your preferences. They replace those that are stored; members that you leave out get their default."""

    version: Annotated[int, Field(ge=0), WHOLE] = Field(
        description="The `version` that you have read. Preferences that changed since are not replaced."
    )


class PreferenceRuleOut(Out):
    """A rule. Members that match every event are left out."""

    integrator: Omittable[str] = None
    event_type: Omittable[str] = None
    severity: Omittable[Severity] = None
    ways: list[Way]
    channels: Omittable[list[UuidOut]] = None


class QuietTimeOut(Out):
    start: str
    end: str
    except_critical: bool


class PreferencesOut(Out):
    """How you are reached, how often that changed, and how many events your rules have muted."""

    rules: list[PreferenceRuleOut]
    time_zone: str
    quiet_hours: QuietTimeOut | None
    paused_until: TimeOut | None
    digest: DigestTimesOut
    waits: WaitsOut
    unread_on_repeat: bool = True
    version: int
    muted: int = Field(ge=0, description="How many events your rules have marked as read.")


@dataclass(frozen=True)
class StoredPreferences:
    """A person's preferences; version 0 if they have never set any. `muted` counts the events that were muted."""

    preferences: Preferences
    version: int = 0
    muted: int = 0

    def to_response(self) -> PreferencesOut:
        members = {"quietHours": None, "pausedUntil": None, "timeZone": UTC, "rules": [], **self.preferences.to_wire()}
        if quiet := self.preferences.quiet_hours:
            members["quietHours"] = quiet.model_dump(by_alias=True)
        members |= {"digest": self.preferences.digest.model_dump(), "waits": self.preferences.waits.model_dump()}
        members["unreadOnRepeat"] = self.preferences.unread_on_repeat
        return PreferencesOut.model_validate({**members, "version": self.version, "muted": self.muted})


@dataclass(frozen=True)
class Decision:
    """How an event reaches a person: by these ways, once `held_until` has come if it is set; or muted.

    `rule` is the rule that decided, None where none matches.
    """

    ways: frozenset[Way] = frozenset()
    held_until: datetime | None = None
    is_muted: bool = False
    rule: PreferenceRule | None = None

    def has_channel(self, channel_id: str) -> bool:
        """Whether the event is to reach this channel of the person."""
        chosen = self.rule.channels if self.rule else None
        return Way.CHANNEL in self.ways and (chosen is None or channel_id in chosen)


def decide(preferences: Preferences, event: Subject, *, now: datetime) -> Decision:
    """Return how an event reaches a person with these preferences.

    Where no rule matches, it reaches the browsers, unless its integrator declares that it is for the inbox only. That
    never holds back a critical event, and an integrator can't choose another way for anybody.
    A critical event of an integrator that is marked as always is not muted: the next specific rule decides. A pause
    leaves an event in the inbox alone. Quiet hours hold it until they end, unless they let critical ones through. They
    don't hold what only a digest takes up: no digest is sent before they end.
    """
    rule = _find_rule(preferences, event)
    is_for_inbox = event.is_for_inbox and not event.is_critical
    ways = frozenset(rule.ways) if rule else frozenset() if is_for_inbox else DEFAULT
    if Way.MUTE in ways:
        return Decision(is_muted=True, rule=rule)
    ways -= _ALONE
    if not ways or preferences.is_paused(now=now):
        return Decision(rule=rule)
    quiet = preferences.quiet_hours
    if quiet is None or ways == {Way.DIGEST} or (event.is_critical and quiet.except_critical):
        return Decision(ways, rule=rule)
    return Decision(ways, quiet_until(quiet, preferences.time_zone, now=now), rule=rule)


def is_muted(preferences: Preferences, event: Subject, *, has_always_critical: Callable[[str], bool]) -> bool:
    """Whether a rule mutes the event. Asks of a critical one only whether its integrator is marked as always."""
    rule = _find_rule(preferences, event)
    if rule is None or Way.MUTE not in rule.ways:
        return False
    return not (event.is_critical and has_always_critical(event.integrator))


def _find_rule(preferences: Preferences, event: Subject) -> PreferenceRule | None:
    matching = sorted((each for each in preferences.rules if each.matches(event)), key=_specificity, reverse=True)
    if event.is_always and event.is_critical:
        matching = [each for each in matching if Way.MUTE not in each.ways]
    return matching[0] if matching else None


def check_pause(preferences: Preferences, *, now: datetime) -> None:
    """Refuse a pause that ends too far ahead; one that is over changes nothing.

    Raises:
        Invalid: it does.
    """
    if preferences.paused_until and preferences.paused_until > now + LONGEST_PAUSE:
        reason = "must be within 366 days"
        raise Invalid(f"pausedUntil: {reason}", {"pausedUntil": [reason]})


def _specificity(rule: PreferenceRule) -> tuple[int, bool, bool]:
    return rule.specificity
